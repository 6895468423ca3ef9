"""`assay verify`: who signed an image or a file, and what was attested of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared, signed
from scanner.model.errors import InputError, TargetError, UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.signing.result import Looked, Verification
    from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify", epilog="Example: assay verify image.oci --key cosign.pub --attestation cyclonedx")(verify)


def verify(
    artifact: Annotated[
        str,
        typer.Argument(metavar="IMAGE|FILE", help="OCI layout (folder or archive), registry:HOST/NAME:TAG, or a file."),
    ],
    key: signed.KeyOption = None,
    identity: signed.IdentityOption = "",
    issuer: signed.IssuerOption = "",
    identity_pattern: signed.IdentityPatternOption = "",
    issuer_pattern: signed.IssuerPatternOption = "",
    trusted_root: signed.RootOption = None,
    threshold: Annotated[int, typer.Option("--threshold", min=1, help="How many different signers are needed.")] = 1,
    attestation: Annotated[
        str,
        typer.Option(
            "--attestation", metavar="TYPE", help="Want an attestation: sbom, cyclonedx, spdx, slsa, vsa … or a URI."
        ),
    ] = "",
    signature: Annotated[
        signed.FilesOption, typer.Option("--signature", help="Detached signature over the file; repeatable.")
    ] = None,
    bundle: Annotated[
        signed.FilesOption, typer.Option("--bundle", help="Sigstore bundle over the file or image; repeatable.")
    ] = None,
    timestamp: Annotated[
        signed.FilesOption, typer.Option("--timestamp", help="RFC 3161 response over a detached signature; repeatable.")
    ] = None,
    tsa_cert: Annotated[
        Path | None, typer.Option("--tsa-cert", help="Certificates of the timestamp authority that must have stamped.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="Would a device with this policy.json accept the image because it is signed?"),
    ] = None,
    reference: Annotated[
        str, typer.Option("--reference", metavar="HOST/NAME:TAG", help="With --policy: the name the device pulls.")
    ] = "",
    policy_root: Annotated[
        Path, typer.Option("--policy-root", help="With --policy: the folder that its key files lie in.")
    ] = Path("/"),
    platform: shared.PlatformOption = "",
    online: signed.OnlineOption = False,
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Write the result as JSON.")] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Verify signatures and attestations of an image or a file, offline. Ends 4 when they do not hold."""
    from scanner.supply_chain.signing.deciding import decide
    from scanner.supply_chain.signing.intoto import wanted_types

    trust = signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    with signed.at_hand(artifact, online=online, platform=platform, quiet=quiet or json) as path:
        if policy is not None or reference:
            if not trust.names_nobody or attestation or signature or bundle or timestamp or tsa_cert or threshold > 1:
                raise UsageError("with --policy the policy says who must have signed: nothing else can be asked for")
            found = _by_policy(path, artifact, policy, policy_root, reference, platform)
        else:
            wanted = signed.wanted_signers(trust, tsa_cert, threshold)
            types = wanted_types(attestation) if attestation else ()
            looked = _looked(path, artifact, wanted, signature or (), bundle or (), timestamp or (), platform)
            found = decide(looked, wanted, types)
    document = found.to_json()
    if output:
        from scanner import files
        from scanner.model.canonical import canonical

        files.write_output(output, canonical(document) + b"\n")
    if json and output != "-":
        shared.print_json(document)
    elif not quiet and output != "-":
        from scanner.outputs.terminal.verification import text

        shared.echo(text(document))
    if not found.ok:
        raise typer.Exit(found.exit_code)


def _by_policy(path: Path, name: str, policy: Path | None, root: Path, reference: str, platform: str) -> Verification:
    """Whether a device with a policy accepts an image. Raises UsageError, InputError, NotCollectedError."""
    from scanner import files
    from scanner.supply_chain.signing.oci_layouts import Layout
    from scanner.supply_chain.signing.policy import judge, read_policy
    from scanner.target.tree import DirectoryTree

    if policy is None or not reference:
        raise UsageError("--policy and --reference belong together", hint="--reference is the name the device pulls")
    rules = read_policy(files.read_bytes(policy), str(policy))
    keys = DirectoryTree(root)

    def key_file(key: str) -> bytes:
        try:
            return keys.read(key if key.startswith("/") else f"/{key}")
        except TargetError as error:
            raise InputError(f"a key of the policy cannot be read: {error.message}", where=key) from None

    try:
        with signed.layout_at(path) as tree:
            return judge(Layout(tree), name, rules, reference, key_file, platform=platform)
    finally:
        keys.close()


def _looked(
    path: Path,
    name: str,
    wanted: Wanted,
    signatures: Sequence[Path],
    bundles: Sequence[Path],
    timestamps: Sequence[Path],
    platform: str,
) -> Looked:
    """Everything at an OCI layout or a file. Raises UsageError, InputError, NotCollectedError."""
    from scanner import files
    from scanner.supply_chain.signing.oci_layouts import Layout
    from scanner.supply_chain.signing.verifying import look_at_file, look_at_image

    beside = [(str(one), files.read_bytes(one)) for one in bundles]
    if path.is_dir() or not (signatures or bundles):
        if signatures or timestamps:
            raise UsageError("a detached signature is for a file, not for an image", hint="--bundle is for both")
        with signed.layout_at(path) as tree:
            return look_at_image(Layout(tree), name, wanted, platform=platform, bundles=beside)
    from scanner.supply_chain.signing.artifact import artifact_on
    from scanner.target.devices import FileDevice

    device = FileDevice(path, name)
    try:
        return look_at_file(
            artifact_on(device),
            name,
            wanted,
            signatures=[(str(one), files.read_bytes(one)) for one in signatures],
            bundles=beside,
            tokens=[files.read_bytes(one) for one in timestamps],
        )
    finally:
        device.close()
