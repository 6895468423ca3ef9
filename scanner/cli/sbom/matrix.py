"""`assay sbom matrix`: one base against several releases, and which change is in which."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared, signed
from scanner.cli.sbom import diff, opening, releases

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("matrix", epilog="Example: assay sbom matrix base.cdx.json kiosk.cdx.json pos.cdx.json -o csv=m.csv")(
        matrix
    )


def matrix(
    base: Annotated[
        str,
        typer.Argument(
            help="What the others are compared with: SBOM, OCI layout or archive with an attested one, any other "
            "target, registry:HOST/NAME:TAG, or live."
        ),
    ],
    variants: Annotated[
        list[str], typer.Argument(metavar="RELEASE...", help="The releases, for example variants of a product.")
    ],
    out: shared.OutputOption = None,
    policy: diff.PolicyOption = None,
    vex: diff.VexOption = None,
    vex_old: diff.VexOldOption = None,
    as_of: diff.DayOption = "",
    fail_on: diff.FailOption = "",
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
    """Compare one base with each of several releases. FORMATs: table, json, md, html, csv."""
    from scanner.supply_chain.comparing.matrix import compare_with_each

    rules = diff.rules_of(policy)
    trust = signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    choices = releases.Choices(
        trust, sbom_digest or (), make, clock, slot, platform, luks_key or (), online, quiet or json
    )  # fmt: skip
    opened = releases.open_releases([base, *variants], choices)
    found = compare_with_each(
        opened[0].bom,
        [one.bom for one in opened[1:]],
        rules,
        vex_old=opening.open_vex_files(vex_old),
        vex=opening.open_vex_files(vex),
        as_of=as_of,
    )
    gaps = [reason for one in opened for reason in one.incomplete]
    document = found.to_json() | {
        "incomplete": list(dict.fromkeys([*gaps, *found.incomplete])),
        "origins": releases.origins_of(opened, quiet=quiet),
    }
    taken = opening.write_outputs("matrix", out, document)
    if json and not taken:
        shared.print_json(document)
    elif not quiet and not taken:
        from scanner.outputs.sbom.matrix_table import SHOWN, text

        shared.echo(text(document, shared.terminal_style(), SHOWN))
    diff.end(found.worst, fail_on, document["incomplete"])
