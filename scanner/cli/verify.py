"""`assay verify`: who signed an image or a file, and what was attested of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared
from scanner.model.errors import InputError, NotCollectedError, UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.signing.identities import Identity
    from scanner.supply_chain.signing.result import Verification
    from scanner.supply_chain.signing.wanted import Wanted
    from scanner.target.base import FileTree

__all__ = ["identities_of", "register", "verified", "wanted_signers"]

_Files = list[Path] | None


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify", epilog="Example: assay verify image.oci --key cosign.pub --attestation cyclonedx")(verify)


def verify(
    artifact: Annotated[str, typer.Argument(metavar="IMAGE|FILE", help="OCI layout (folder or archive), or a file.")],
    key: Annotated[_Files, typer.Option("--key", help="PEM public key that is trusted; repeatable.")] = None,
    identity: Annotated[str, typer.Option("--identity", help="Identity that a keyless signature must name.")] = "",
    issuer: Annotated[str, typer.Option("--issuer", help="Who must vouch for the identity.")] = "",
    identity_pattern: Annotated[
        str, typer.Option("--identity-regexp", metavar="^…$", help="Identity as a regular expression.")
    ] = "",
    issuer_pattern: Annotated[
        str, typer.Option("--issuer-regexp", metavar="^…$", help="Issuer as a regular expression.")
    ] = "",
    trusted_root: Annotated[
        Path | None,
        typer.Option("--trusted-root", help="trusted_root.json of a sigstore instance; else the public one."),
    ] = None,
    threshold: Annotated[int, typer.Option("--threshold", min=1, help="How many different signers are needed.")] = 1,
    attestation: Annotated[
        str,
        typer.Option(
            "--attestation", metavar="TYPE", help="Want an attestation: sbom, cyclonedx, spdx, slsa, vsa … or a URI."
        ),
    ] = "",
    signature: Annotated[
        _Files, typer.Option("--signature", help="Detached signature over the file; repeatable.")
    ] = None,
    bundle: Annotated[
        _Files, typer.Option("--bundle", help="Sigstore bundle over the file or image; repeatable.")
    ] = None,
    timestamp: Annotated[
        _Files, typer.Option("--timestamp", help="RFC 3161 response over a detached signature; repeatable.")
    ] = None,
    tsa_cert: Annotated[
        Path | None, typer.Option("--tsa-cert", help="Certificates of the timestamp authority that must have stamped.")
    ] = None,
    platform: shared.PlatformOption = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Write the result as JSON.")] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Verify signatures and attestations of an image or a file, offline. Ends 4 when they do not hold."""
    wanted = wanted_signers(
        key or (), identities_of(identity, issuer, identity_pattern, issuer_pattern), trusted_root, tsa_cert,
        threshold, attestation,
    )  # fmt: skip
    found = verified(artifact, wanted, signature or (), bundle or (), timestamp or (), platform)
    document = found.to_json()
    if output:
        from scanner import files
        from scanner.model.canonical import canonical

        files.write_output(output, canonical(document) + b"\n")
    if json and output != "-":
        shared.print_json(document)
    elif not quiet and output != "-":
        from scanner.outputs.verification import text

        shared.echo(text(document))
    if not found.ok:
        raise typer.Exit(found.exit_code)


def identities_of(identity: str, issuer: str, identity_pattern: str, issuer_pattern: str) -> tuple[Identity, ...]:
    """The keyless identity of the command line; none when it names none. Raises UsageError."""
    if not (identity or issuer or identity_pattern or issuer_pattern):
        return ()
    if (identity and identity_pattern) or (issuer and issuer_pattern):
        raise UsageError("give the identity (or the issuer) as it is, or as a pattern, not both")
    from scanner.supply_chain.signing.identities import Identity

    return (
        Identity(identity or identity_pattern, issuer or issuer_pattern, bool(identity_pattern), bool(issuer_pattern)),
    )


def wanted_signers(
    keys: Sequence[Path],
    identities: tuple[Identity, ...],
    root: Path | None,
    tsa_cert: Path | None,
    threshold: int,
    attestation: str,
) -> Wanted:
    """What must have signed, from files. Raises InputError, UsageError."""
    from scanner import files
    from scanner.supply_chain.signing.intoto import wanted_types
    from scanner.supply_chain.signing.keys import load_public_key
    from scanner.supply_chain.signing.result import RefusedError
    from scanner.supply_chain.signing.timestamps import authority_in
    from scanner.supply_chain.signing.trust_root import read_trust_root
    from scanner.supply_chain.signing.wanted import Wanted

    try:
        trusted = read_trust_root(files.read_bytes(root)) if root is not None else None
    except RefusedError as error:
        raise InputError(error.message, where=str(root)) from None
    return Wanted(
        tuple(load_public_key(files.read_bytes(path), str(path)) for path in keys),
        identities,
        trusted,
        authority_in(files.read_bytes(tsa_cert), str(tsa_cert)) if tsa_cert is not None else None,
        threshold,
        wanted_types(attestation) if attestation else (),
    )


def verified(
    name: str,
    wanted: Wanted,
    signatures: Sequence[Path],
    bundles: Sequence[Path],
    timestamps: Sequence[Path],
    platform: str,
) -> Verification:
    """The verdict on an OCI layout or a file. Raises UsageError, InputError, NotCollectedError."""
    from scanner import files
    from scanner.supply_chain.signing.verifying import verify_file, verify_image

    path = Path(name)
    beside = [(str(one), files.read_bytes(one)) for one in bundles]
    if path.is_dir() or not (signatures or bundles):
        if signatures or timestamps:
            raise UsageError("a detached signature is for a file, not for an image", hint="--bundle is for both")
        with _layout(path) as tree:
            return verify_image(tree, name, wanted, platform=platform, bundles=beside)
    from scanner.supply_chain.signing.artifact import artifact_on
    from scanner.target.devices import FileDevice

    device = FileDevice(path, name)
    try:
        return verify_file(
            artifact_on(device),
            name,
            wanted,
            signatures=[(str(one), files.read_bytes(one)) for one in signatures],
            bundles=beside,
            tokens=[files.read_bytes(one) for one in timestamps],
        )
    finally:
        device.close()


@contextmanager
def _layout(path: Path) -> Iterator[FileTree]:
    """The files of an OCI layout, in a folder or an archive."""
    from scanner.target.archives.layers import LayeredTree
    from scanner.target.archives.oci import is_docker_archive, is_oci_layout
    from scanner.target.cached import CachedDevice
    from scanner.target.devices import FileDevice
    from scanner.target.tree import DirectoryTree

    if path.is_dir():
        folder = DirectoryTree(path)
        try:
            if not is_oci_layout(folder):
                raise InputError("not an OCI layout: oci-layout or index.json is missing", where=str(path))
            yield folder
        finally:
            folder.close()
        return
    device = FileDevice(path, str(path))
    try:
        if device.pread(257, 5) != b"ustar":
            raise UsageError(
                "neither an OCI layout nor an OCI archive", hint="a file needs --signature or --bundle beside it"
            )
        tree = LayeredTree([CachedDevice.over(device)])
        if is_docker_archive(tree) and not is_oci_layout(tree):
            raise NotCollectedError(
                "unsupported: a docker archive has no manifest digest that was signed",
                where=str(path),
                hint="copy it as an OCI archive from where it came: skopeo copy",
            )
        if not is_oci_layout(tree):
            raise UsageError("not an OCI archive", hint="a file needs --signature or --bundle beside it")
        yield tree
    finally:
        device.close()
