"""`assay release`: two signed releases, their attested SBOMs, and what changed between them, in one go."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli import shared
from scanner.cli.verify import identities_of, verified, wanted_signers
from scanner.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.model import Bom
    from scanner.supply_chain.signing.result import Verification

__all__ = ["register"]

_Files = list[Path] | None


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("release", epilog="Example: assay release old.oci new.oci --key cosign.pub --fail-on high")(release)


def release(
    old: Annotated[str, typer.Argument(help="Release before: OCI layout (folder or archive) with its signatures.")],
    new: Annotated[str, typer.Argument(help="New release.")],
    key: Annotated[_Files, typer.Option("--key", help="PEM public key that is trusted; repeatable.")] = None,
    identity: Annotated[str, typer.Option("--identity", help="Identity that a keyless signature must name.")] = "",
    issuer: Annotated[str, typer.Option("--issuer", help="Who must vouch for the identity.")] = "",
    trusted_root: Annotated[
        Path | None,
        typer.Option("--trusted-root", help="trusted_root.json of a sigstore instance; else the public one."),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="Snapshot of a device that must run the old release (bootc status).")
    ] = "",
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Rules of materiality in place of the shipped ones.")
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="LEVEL", help="End 1 on a change of this materiality or above.")
    ] = "",
    platform: shared.PlatformOption = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Write the result as JSON.")] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Verify both images and their attested SBOMs, then say what changed. Ends 4 when a link is missing."""
    from scanner import files
    from scanner.model.canonical import canonical
    from scanner.supply_chain.comparing.compare import compare
    from scanner.supply_chain.comparing.materiality import load_policy, shipped_policy
    from scanner.supply_chain.comparing.result import LEVELS

    if fail_on and fail_on not in LEVELS[:-1]:
        raise UsageError(f"--fail-on is one of {', '.join(LEVELS[:-1])}, not {fail_on!r}")
    rules = load_policy(files.read_bytes(policy), str(policy)) if policy else shipped_policy()
    identities = identities_of(identity, issuer, "", "")
    chain: list[dict[str, Any]] = []
    boms: list[Bom | None] = []
    subjects: list[str] = []
    for name in (old, new):
        signed = verified(name, wanted_signers(key or (), identities, trusted_root, None, 1, ""), (), (), (), platform)
        attested = verified(
            name, wanted_signers(key or (), identities, trusted_root, None, 1, "sbom"), (), (), (), platform
        )
        boms.append(_bom(attested))
        subjects.append(signed.subject)
        chain.append({"image": signed.to_json(), "sbom": attested.to_json()})
    links = [_link(name, one) for name, one in zip((old, new), chain, strict=True)]
    links += [_deployed(device, subjects[0])] if device else []
    found = compare(boms[0], boms[1], rules) if boms[0] is not None and boms[1] is not None else None
    document = {
        "schema": "assay/release/v1",
        "links": [text for ok, text in links],
        "ok": found is not None and all(ok for ok, _ in links),
        "old": chain[0],
        "new": chain[1],
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
    if fail_on and LEVELS.index(found.worst) <= LEVELS.index(fail_on):
        raise typer.Exit(1)
    if found.incomplete:
        raise typer.Exit(3)


def _bom(found: Verification) -> Bom | None:
    if not found.ok:
        return None
    from scanner.supply_chain.signing.attested import attested_boms

    return next(iter(attested_boms(found)), None)


def _link(name: str, one: dict[str, Any]) -> tuple[bool, str]:
    ok = one["image"]["state"] == "verified" and one["sbom"]["state"] == "verified"
    digest = one["image"]["artifact"]["digest"]
    if ok:
        return True, f"{name}: {digest}: signed, with an attested SBOM"
    part = "image" if one["image"]["state"] != "verified" else "sbom"
    what = "signature" if part == "image" else "attested SBOM"
    return False, f"{name}: {digest}: {what}: {one[part]['reason']}"


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
    from scanner.outputs.table import Style, clean

    shared.echo("".join(f"{'✓' if ok else '✗'} {clean(words)}\n" for ok, words in links) + "\n")
    if document["diff"] is not None:
        terminal = bool(sys.stdout and sys.stdout.isatty())
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        shared.echo(text(document["diff"], Style(colour, shutil.get_terminal_size((100, 24)).columns), SHOWN))
