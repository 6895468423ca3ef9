"""From arguments to releases: the SBOM of a document, the one attested to an image, or one made from a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli import shared, signed
from scanner.cli.sbom.opening import open_boms
from scanner.model.errors import UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.inputs.arguments import Argument
    from scanner.supply_chain.inputs.origin import Origin
    from scanner.supply_chain.model import Bom
    from scanner.supply_chain.signing.attested import AttestedBom
    from scanner.target.base import FileTree

__all__ = [
    "Choices",
    "ClockOption",
    "MakeOption",
    "Release",
    "attested",
    "open_releases",
    "origins_of",
    "refuse_unknown",
]

MakeOption = Annotated[
    bool, typer.Option("--make", help="Make the SBOM from what is in an image, even where one is attested.")
]
ClockOption = Annotated[
    str,
    typer.Option("--clock", metavar="INSTANT", help="Time to state in SBOMs that are made (2026-01-31T00:00:00Z)."),
]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line says about images. `digests`: beginnings of the digests of wanted SBOMs; `make`: make them
    from what is installed instead; `clock`, `slot`, `platform`, `luks_key`: for SBOMs that are made."""

    trust: signed.Trust = field(default_factory=signed.Trust)
    digests: Sequence[str] = ()
    make: bool = False
    clock: str = ""
    slot: str = ""
    platform: str = ""
    luks_key: Sequence[Path] = ()
    online: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """The SBOM of one release, where it came from, and what of it could not be read."""

    bom: Bom
    origin: Origin
    incomplete: tuple[str, ...] = ()


def open_releases(names: Sequence[str], choices: Choices) -> list[Release]:
    """The SBOM behind each argument: a document; the one attested to an image; or made from what is installed there.

    Raises UsageError, InputError, TargetError; RefusedError when a signature was wanted that is not there.
    """
    from scanner.supply_chain.inputs.arguments import argument_of
    from scanner.supply_chain.signing.attested import formats_of

    if list(names).count("-") > 1:
        raise UsageError("only one document can come from standard input")
    arguments = [argument_of(name) for name in names]
    _refuse_idle(arguments, choices)
    found = [_found(one, choices) for one in arguments]
    refuse_unknown(choices.digests, [bom for one in found if isinstance(one, _Listed) for bom in one.boms])
    shared_formats = frozenset({"cyclonedx", "spdx"})
    for one in found:
        if isinstance(one, _Listed):
            shared_formats &= formats_of(one.boms)
        elif one.origin.kind == "document":
            shared_formats &= {one.bom.format}
    return [one if isinstance(one, Release) else one.used(shared_formats, choices.digests) for one in found]


def origins_of(releases: Sequence[Release], *, quiet: bool) -> list[dict[str, Any]]:
    """The origins as they stand in documents. On stderr stands how arguments were understood, unless `quiet`; and, in
    any case, what nobody may overlook."""
    for one in releases:
        if one.origin.kind != "document" and not quiet:
            shared.say(f"assay: {one.origin.argument}: {one.origin.why}; SBOM {one.origin.says}")
        if one.origin.warning:
            shared.say(f"assay: warning: {one.origin.argument}: {one.origin.warning}")
    return [one.origin.to_json() for one in releases]


@dataclass(frozen=True, slots=True)
class _Listed:
    """SBOMs attached to an image, one at least, of which one is to be used."""

    argument: Argument
    image: str
    boms: Sequence[AttestedBom]

    def used(self, formats: frozenset[str], digests: Sequence[str]) -> Release:
        release = attested(self.argument, self.image, self.boms, formats, digests)
        assert release is not None
        return release


def refuse_unknown(digests: Sequence[str], boms: Sequence[AttestedBom]) -> None:
    """Raise UsageError for the digest of an SBOM that no image has."""
    for digest in digests:
        if not any(one.has_digest(digest) for one in boms):
            raise UsageError(
                f"no attested SBOM has the digest {digest}",
                hint=f"there are: {', '.join(one.statement for one in boms) or 'none'}",
            )


def _refuse_idle(arguments: Sequence[Argument], choices: Choices) -> None:
    """Raise UsageError for options that would say nothing here."""
    kinds = {one.kind for one in arguments}
    images = kinds & {"image", "registry"}
    if not images and (choices.digests or choices.platform or not choices.trust.names_nobody):
        raise UsageError(
            "--key, --identity, --platform and --sbom-digest are for OCI images, and none is given",
            hint="; ".join(f"{one.name}: {one.why}" for one in arguments),
        )
    if "target" not in kinds and (choices.slot or choices.luks_key):
        raise UsageError("--slot and --luks-key are for disk images, and none is given")


def _found(argument: Argument, choices: Choices) -> Release | _Listed:
    from scanner.supply_chain.inputs.origin import Origin

    if argument.kind == "document":
        unchecked = "none" if choices.trust.names_nobody else "not_verified"
        return Release(open_boms([argument.name])[0], Origin(argument.name, "document", argument.why, unchecked))
    if argument.kind in ("live", "target"):
        return _made(argument, None if argument.kind == "live" else argument.path, choices)
    with (
        signed.at_hand(argument.name, online=choices.online, platform=choices.platform, quiet=choices.quiet) as path,
        signed.layout_at(path) as tree,
    ):
        if choices.trust.names_nobody:
            listed = None if choices.make else _claimed(tree, argument, choices.platform)
            return listed or _made(argument, path, choices, _image(tree, choices.platform))
        verified = _verified(tree, argument, choices)
        return verified if isinstance(verified, _Listed) else _made(argument, path, choices, *verified)


def _image(tree: FileTree, platform: str) -> str:
    """The digest of the one image that is meant."""
    from scanner.supply_chain.signing.oci_layouts import Layout

    image = Layout(tree).choose(platform)[0]
    if image.is_index:
        raise UsageError("an index of several images, and no SBOM is attached to it", hint="choose one with --platform")
    return image.digest


def _claimed(tree: FileTree, argument: Argument, platform: str) -> _Listed | None:
    from scanner.supply_chain.signing.attested import claimed_boms
    from scanner.supply_chain.signing.oci_layouts import Layout

    image, boms = claimed_boms(Layout(tree), platform)
    return _Listed(argument, image.digest, boms) if boms else None


def _verified(tree: FileTree, argument: Argument, choices: Choices) -> _Listed | tuple[str, tuple[str, ...]]:
    """The SBOMs that wanted signers attested; or, when one shall be made, the digest they signed and who they are."""
    from scanner.supply_chain.signing.attested import attested_boms
    from scanner.supply_chain.signing.deciding import decide
    from scanner.supply_chain.signing.intoto import TYPES
    from scanner.supply_chain.signing.oci_layouts import Layout
    from scanner.supply_chain.signing.result import RefusedError, UnsupportedError
    from scanner.supply_chain.signing.verifying import look_at_image

    wanted = signed.wanted_signers(choices.trust)
    looked = look_at_image(Layout(tree), argument.name, wanted, platform=choices.platform)
    found = decide(looked, wanted, () if choices.make else TYPES["sbom"])
    if not found.ok:
        error = UnsupportedError if found.state == "unsupported" else RefusedError
        what = "the image is not signed as wanted" if choices.make else "no SBOM was attested as wanted"
        hint = "" if choices.make else "--make makes one from what is in the image, when the image itself is signed"
        raise error(f"{what}: {found.reason}", where=argument.name, hint=hint)
    if choices.make:
        signers = {one.signer.who for one in (found.findings[at] for at in found.counted) if one.signer is not None}
        return found.subject, tuple(sorted(signers))
    return _Listed(argument, found.subject, attested_boms(found))


def _made(
    argument: Argument, path: Path | None, choices: Choices, image: str = "", signers: tuple[str, ...] = ()
) -> Release:
    """The release by an SBOM made from it. `image`: digest of the image in a layout; `signers`: who signed that."""
    from scanner.supply_chain.comparing.flaws import dropped_note
    from scanner.supply_chain.inputs.origin import Origin
    from scanner.supply_chain.making.documents import make
    from scanner.supply_chain.signing.result import RefusedError

    on_disk = argument.kind == "target"
    opened = shared.open_target(
        None if path is None else str(path),
        slot=choices.slot or None if on_disk else None,
        platform=image or None,
        keys=choices.luks_key if on_disk else None,
    )
    try:
        if image and opened.digest != image:
            raise RefusedError(f"what was opened is {opened.digest}, not {image}", where=argument.name)
        shared.say_slot(opened, quiet=choices.quiet)
        progress = shared.Progress(choices.quiet)
        bom = make(opened, shared.now(choices.clock), progress=progress)
        progress.done()
    finally:
        opened.close()
    origin = Origin(
        argument.name,
        "made",
        f"{argument.why}; no SBOM is attached to it" if image and not choices.make else argument.why,
        signature="verified" if signers else "none" if choices.trust.names_nobody else "not_verified",
        image=opened.digest or "",
        signers=signers,
    )
    gaps = tuple(dropped_note(argument.name, one) for one in bom.dropped)
    return Release(replace(bom, source=argument.name), origin, gaps)


def attested(
    argument: Argument,
    image: str,
    boms: Sequence[AttestedBom],
    formats: frozenset[str],
    digests: Sequence[str],
) -> Release | None:
    """The release by one of the SBOMs attached to its image; None when there are none. `formats`: those that every side
    has; `digests`: those that the user chose. Raises InputError when none can be read."""
    from scanner.supply_chain.inputs.origin import Origin
    from scanner.supply_chain.signing.attested import CHOICE, choose

    if not boms:
        return None
    digest = next((one for one in digests if any(bom.has_digest(one) for bom in boms)), "")
    used = choose(boms, formats, digest)
    assert used.bom is not None
    origin = Origin(
        argument.name,
        "attested",
        argument.why,
        signature=used.state,
        image=image,
        statement=used.statement,
        place=used.place,
        signers=used.signers,
        others=tuple(one.to_json() for one in boms if one is not used),
        rule="" if len(boms) == 1 else "chosen with --sbom-digest" if digest else CHOICE,
    )
    return Release(replace(used.bom, source=argument.name), origin)
