"""`assay release`: two signed releases, their attested SBOMs, and what changed between them, in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli import shared, signed
from scanner.cli.sbom import diff, releases
from scanner.model.errors import InputError

if TYPE_CHECKING:
    from scanner.supply_chain.inputs.arguments import Argument
    from scanner.supply_chain.signing.attested import AttestedBom
    from scanner.supply_chain.signing.result import Verification
    from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("release", epilog="Example: assay release old.oci new.oci --key cosign.pub --fail-on high")(release)


def release(
    old: Annotated[
        str,
        typer.Argument(
            help="Release before: OCI layout (folder or archive) or registry:HOST/NAME:TAG, with signatures."
        ),
    ],
    new: Annotated[str, typer.Argument(help="New release.")],
    key: signed.KeyOption = None,
    identity: signed.IdentityOption = "",
    issuer: signed.IssuerOption = "",
    identity_pattern: signed.IdentityPatternOption = "",
    issuer_pattern: signed.IssuerPatternOption = "",
    trusted_root: signed.RootOption = None,
    sbom_digest: signed.SbomOption = None,
    device: Annotated[
        str, typer.Option("--device", help="Snapshot of a device that must run the old release (bootc status).")
    ] = "",
    policy: diff.PolicyOption = None,
    fail_on: diff.FailOption = "",
    platform: shared.PlatformOption = "",
    online: signed.OnlineOption = False,
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Write the result as JSON.")] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Verify both images and their attested SBOMs, then say what changed. Ends 4 when a link is missing."""
    from scanner import files
    from scanner.model.canonical import canonical
    from scanner.supply_chain.comparing.compare import compare
    from scanner.supply_chain.signing.attested import formats_of
    from scanner.supply_chain.signing.result import RELEASE_SCHEMA

    rules = diff.rules_of(policy)
    wanted = signed.wanted_signers(
        signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    )
    sides = [_looked(name, wanted, platform, online=online, quiet=quiet or json) for name in (old, new)]
    releases.refuse_unknown(sbom_digest or (), [bom for one in sides for bom in one.boms])
    formats = formats_of(sides[0].boms) & formats_of(sides[1].boms)
    sboms = [releases.attested(one.argument, one.signed.subject, one.boms, formats, sbom_digest or ()) for one in sides]
    links = [_link(one) for one in sides]
    links += [_deployed(device, sides[0].signed.subject)] if device else []
    before, after = sboms
    found = compare(before.bom, after.bom, rules) if before is not None and after is not None else None
    document = {
        "schema": RELEASE_SCHEMA,
        "links": [text for ok, text in links],
        "ok": found is not None and all(ok for ok, _ in links),
        "old": sides[0].to_json(before),
        "new": sides[1].to_json(after),
        "diff": found.to_json() if found is not None else None,
    }
    if output:
        files.write_output(output, canonical(document) + b"\n")
    if json and output != "-":
        shared.print_json(document)
    elif not quiet and output != "-":
        _show(links, document)
    if not document["ok"]:
        raise typer.Exit(4)
    assert found is not None
    diff.end(found.worst, fail_on, found.incomplete)


@dataclass(frozen=True, slots=True)
class _Side:
    """One release: the verdicts on its signature and on its attested SBOM, and every SBOM that the second rests on."""

    argument: Argument
    signed: Verification
    attested: Verification
    boms: list[AttestedBom]

    def to_json(self, used: releases.Release | None) -> dict[str, Any]:
        return {
            "image": self.signed.to_json(),
            "sbom": self.attested.to_json(),
            "origin": used.origin.to_json() if used is not None else None,
        }


def _looked(name: str, wanted: Wanted, platform: str, *, online: bool, quiet: bool) -> _Side:
    """Both verdicts on a release, from one look at it."""
    from scanner.supply_chain.inputs.arguments import argument_of
    from scanner.supply_chain.signing.attested import attested_boms
    from scanner.supply_chain.signing.deciding import decide
    from scanner.supply_chain.signing.intoto import TYPES
    from scanner.supply_chain.signing.oci_layouts import Layout
    from scanner.supply_chain.signing.verifying import look_at_image

    with (
        signed.at_hand(name, online=online, platform=platform, quiet=quiet) as path,
        signed.layout_at(path) as tree,
    ):
        looked = look_at_image(Layout(tree), name, wanted, platform=platform)
    attested = decide(looked, wanted, TYPES["sbom"])
    boms = attested_boms(attested) if attested.ok else []
    return _Side(argument_of(name), decide(looked, wanted), attested, boms)


def _link(one: _Side) -> tuple[bool, str]:
    name, digest = one.argument.name, one.signed.subject
    if one.signed.ok and one.attested.ok:
        return True, f"{name}: {digest}: signed, with an attested SBOM"
    what, failed = ("attested SBOM", one.attested) if one.signed.ok else ("signature", one.signed)
    return False, f"{name}: {digest}: {what}: {failed.reason}"


def _deployed(device: str, digest: str) -> tuple[bool, str]:
    """Whether the device of the snapshot booted the image with this digest."""
    fact = shared.read_snapshot(device).facts.get("bootc.status")
    if fact is None or fact.state != "present" or not isinstance(fact.value, dict):
        reason = fact.reason if fact is not None and fact.reason else "the snapshot has no bootc status"
        raise InputError(f"which image the device runs is not known: {reason}", where=device)
    slots = fact.value.get("slots")
    records = [one for one in slots if isinstance(one, dict)] if isinstance(slots, list) else []
    runs = next((str(one.get("digest")) for one in records if one.get("slot") == "booted"), "nothing that it names")
    if runs == digest:
        return True, f"{device}: runs {digest}"
    return False, f"{device}: runs {runs}, not {digest}"


def _show(links: list[tuple[bool, str]], document: dict[str, Any]) -> None:
    from scanner.outputs.sbom.diff_table import SHOWN, text
    from scanner.outputs.table import clean

    shared.echo("".join(f"{'✓' if ok else '✗'} {clean(words)}\n" for ok, words in links) + "\n")
    for side in ("old", "new"):
        origin = document[side]["origin"]
        if origin is not None and origin["others"]:
            shared.echo(
                clean(f"{origin['argument']}: {1 + len(origin['others'])} SBOMs are attested; compared is ")
                + clean(f"{origin['statement']} ({origin['rule']})")
                + "\n\n"
            )
    if document["diff"] is not None:
        shared.echo(text(document["diff"], shared.terminal_style(), SHOWN))
