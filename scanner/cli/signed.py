"""What the verbs share that look at signed images: whom to trust, and opening a layout, an archive or a registry."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.model.errors import InputError, NotCollectedError, TargetError, UsageError
from scanner.supply_chain.signing.result import RefusedError

if TYPE_CHECKING:
    from scanner.supply_chain.signing.identities import Identity
    from scanner.supply_chain.signing.wanted import Wanted
    from scanner.target.base import FileTree

__all__ = ["Trust", "at_hand", "layout_at", "wanted_signers"]

FilesOption = list[Path] | None
KeyOption = Annotated[FilesOption, typer.Option("--key", help="PEM public key that is trusted; repeatable.")]
IdentityOption = Annotated[str, typer.Option("--identity", help="Identity that a keyless signature must name.")]
IssuerOption = Annotated[str, typer.Option("--issuer", help="Who must vouch for the identity.")]
IdentityPatternOption = Annotated[
    str, typer.Option("--identity-regexp", metavar="^…$", help="Identity as a regular expression.")
]
IssuerPatternOption = Annotated[
    str, typer.Option("--issuer-regexp", metavar="^…$", help="Issuer as a regular expression.")
]
RootOption = Annotated[
    Path | None,
    typer.Option("--trusted-root", help="trusted_root.json of a sigstore instance; else the public one."),
]
OnlineOption = Annotated[
    bool,
    typer.Option("--online", help="Allow the network, for images named registry:HOST/NAME:TAG (by skopeo)."),
]
SbomOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sbom-digest", metavar="DIGEST", help="Of several SBOMs of an image, the one to use (its start will do)."
    ),
]


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is trusted, as the command line names them."""

    keys: Sequence[Path] = ()
    identity: str = ""
    issuer: str = ""
    identity_pattern: str = ""
    issuer_pattern: str = ""
    root: Path | None = None

    @property
    def names_nobody(self) -> bool:
        """Whether the command line says nothing about it."""
        return not (self.keys or self.identity or self.issuer or self.identity_pattern or self.issuer_pattern)

    def identities(self) -> tuple[Identity, ...]:
        """The keyless identity; none when the command line names none. Raises UsageError."""
        if not (self.identity or self.issuer or self.identity_pattern or self.issuer_pattern):
            return ()
        if (self.identity and self.identity_pattern) or (self.issuer and self.issuer_pattern):
            raise UsageError("give the identity (or the issuer) as it is, or as a pattern, not both")
        from scanner.supply_chain.signing.identities import Identity

        return (
            Identity(
                self.identity or self.identity_pattern,
                self.issuer or self.issuer_pattern,
                bool(self.identity_pattern),
                bool(self.issuer_pattern),
            ),
        )


def wanted_signers(trust: Trust, tsa_cert: Path | None = None, threshold: int = 1) -> Wanted:
    """What must have signed, from files. Raises InputError, UsageError."""
    from scanner import files
    from scanner.supply_chain.signing.keys import load_public_key
    from scanner.supply_chain.signing.timestamps import authority_in
    from scanner.supply_chain.signing.trust_root import read_trust_root
    from scanner.supply_chain.signing.wanted import Wanted

    identities = trust.identities()
    try:
        root = read_trust_root(files.read_bytes(trust.root)) if trust.root is not None else None
    except RefusedError as error:
        raise InputError(error.message, where=str(trust.root)) from None
    return Wanted(
        tuple(load_public_key(files.read_bytes(path), str(path)) for path in trust.keys),
        identities,
        root,
        authority_in(files.read_bytes(tsa_cert), str(tsa_cert)) if tsa_cert is not None else None,
        threshold,
    )


@contextmanager
def at_hand(name: str, *, online: bool, platform: str = "", quiet: bool = False) -> Iterator[Path]:
    """The path behind a name: itself, or the layout that an image of a registry was fetched to (gone afterwards).

    What goes wrong inside and names no place is said to be of this image. Raises UsageError for an image of a registry
    without `online`.
    """
    try:
        with _found_at(name, online=online, platform=platform, quiet=quiet) as path:
            yield path
    except (InputError, RefusedError, TargetError) as error:
        error.where = error.where or name
        raise


@contextmanager
def _found_at(name: str, *, online: bool, platform: str, quiet: bool) -> Iterator[Path]:
    from scanner.supply_chain.inputs.arguments import REGISTRIES

    if not name.startswith(REGISTRIES):
        yield Path(name)
        return
    if not online:
        raise UsageError(
            "an image in a registry, and nothing touches the network without --online",
            where=name,
            hint="add --online, or copy it first: skopeo copy --all docker://… oci:FOLDER",
        )
    from scanner.cli import shared
    from scanner.supply_chain.inputs import registry

    with registry.fetched(name, platform, os.environ, progress=None if quiet else shared.say) as folder:
        yield folder


@contextmanager
def layout_at(path: Path) -> Iterator[FileTree]:
    """The files of an OCI layout, in a folder or an archive (plain, or compressed with gzip).

    Raises InputError, UsageError, TargetError.
    """
    from scanner.supply_chain.inputs.archives import tar_on
    from scanner.target.archives.layers import LayeredTree
    from scanner.target.archives.oci import is_docker_archive, is_oci_layout
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
        tar = tar_on(device)
        if tar is None:
            raise UsageError(
                "neither an OCI layout nor an OCI archive", hint="a file needs --signature or --bundle beside it"
            )
        tree = LayeredTree([tar])
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
