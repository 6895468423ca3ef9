"""`assay sbom diff`: what changed between two bills of materials, and what of it matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared, signed
from scanner.cli.sbom import opening, releases
from scanner.model.errors import UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.comparing.materiality import Policy

__all__ = ["DayOption", "FailOption", "PolicyOption", "VexOldOption", "VexOption", "end", "register", "rules_of"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("diff", epilog="Example: assay sbom diff 1.0.cdx.json 1.1.cdx.json -o html=diff.html --fail-on high")(
        diff
    )


def _level(value: str) -> str:
    if value:
        from scanner.supply_chain.comparing.result import LEVELS

        if value not in LEVELS[:-1]:
            raise UsageError(f"--fail-on is one of {', '.join(LEVELS[:-1])}, not {value!r}")
    return value


def _day(value: str) -> str:
    try:
        known = not value or date.fromisoformat(value).isoformat() == value
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"--as-of wants a day as 2026-01-31, not {value!r}")
    return value


PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="Rules of materiality in place of the shipped ones.")
]
VexOption = Annotated[
    list[str] | None,
    typer.Option("--vex", help="VEX document for the new release (OpenVEX, CSAF, CycloneDX); repeatable."),
]
VexOldOption = Annotated[
    list[str] | None, typer.Option("--vex-old", help="VEX document for the release before; repeatable.")
]
DayOption = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="DAY", callback=_day, help="Day for which support is judged; else that of the document."
    ),
]
FailOption = Annotated[
    str,
    typer.Option("--fail-on", metavar="LEVEL", callback=_level, help="End 1 on a change of this materiality or above."),
]


def rules_of(policy: Path | None) -> Policy:
    """The policy in a file, or the shipped one. Raises ContentError, InputError."""
    from scanner import files
    from scanner.supply_chain.comparing.materiality import load_policy, shipped_policy

    return load_policy(files.read_bytes(policy), str(policy)) if policy else shipped_policy()


def end(worst: str, fail_on: str, incomplete: Sequence[str]) -> None:
    """Say what could not be read, and leave: 1 for a change of the level `fail_on` or above, else 3 when incomplete."""
    from scanner.supply_chain.comparing.result import LEVELS

    for reason in incomplete:
        shared.say(f"assay: incomplete: {reason}")
    if fail_on and LEVELS.index(worst) <= LEVELS.index(fail_on):
        raise typer.Exit(1)
    if incomplete:
        raise typer.Exit(3)


def diff(
    old: Annotated[
        str,
        typer.Argument(
            help="Release before: SBOM (- is standard input), OCI layout or archive with an attested one, any other "
            "target, registry:HOST/NAME:TAG, or live."
        ),
    ],
    new: Annotated[str, typer.Argument(help="New release.")],
    out: shared.OutputOption = None,
    policy: PolicyOption = None,
    vex: VexOption = None,
    vex_old: VexOldOption = None,
    as_of: DayOption = "",
    fail_on: FailOption = "",
    key: signed.KeyOption = None,
    identity: signed.IdentityOption = "",
    issuer: signed.IssuerOption = "",
    identity_pattern: signed.IdentityPatternOption = "",
    issuer_pattern: signed.IssuerPatternOption = "",
    trusted_root: signed.RootOption = None,
    sbom_digest: signed.SbomOption = None,
    make: releases.MakeOption = False,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    clock: releases.ClockOption = "",
    online: signed.OnlineOption = False,
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Compare two releases by their SBOMs: summary for buyers first, then every change by how much it matters.

    FORMATs: table, json, md, html, csv, pdf.
    """
    from scanner.supply_chain.comparing.compare import compare

    rules = rules_of(policy)
    trust = signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    choices = releases.Choices(
        trust, sbom_digest or (), make, clock, slot, platform, luks_key or (), online, quiet or json
    )  # fmt: skip
    before, after = releases.open_releases((old, new), choices)
    found = compare(
        before.bom,
        after.bom,
        rules,
        vex_old=opening.open_vex_files(vex_old),
        vex=opening.open_vex_files(vex),
        as_of=as_of,
    )
    incomplete = [*before.incomplete, *after.incomplete, *found.incomplete]
    document = found.to_json() | {
        "incomplete": list(dict.fromkeys(incomplete)),
        "origins": dict(zip(("old", "new"), releases.origins_of([before, after], quiet=quiet), strict=True)),
    }
    taken = opening.write_outputs("diff", out, document)
    if json and not taken:
        shared.print_json(document)
    elif not quiet and not taken:
        from scanner.outputs.sbom.diff_table import SHOWN, text

        shared.echo(text(document, shared.terminal_style(), SHOWN))
    end(found.worst, fail_on, document["incomplete"])
