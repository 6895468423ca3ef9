"""`assay evaluate`: judge a snapshot, here or elsewhere, now or later."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "evaluate", epilog="Example: assay evaluate snapshot.json --profile linux-baseline -o json=assessment.json"
    )(evaluate)


def evaluate(
    snapshot: Annotated[str, typer.Argument(help="Snapshot file; - is standard input.")],
    profile: shared.ProfileOption = None,
    out: shared.OutputOption = None,
    param: shared.ParamOption = None,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    waivers: shared.WaiversOption = "",
    answers: shared.AnswersOption = "",
    min_coverage: shared.CoverageOption = None,
    clock: shared.ClockOption = "",
    show: shared.ShowOption = "failures",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Judge a snapshot. The same snapshot, content, parameters and clock always give the same bytes."""
    from scanner.cli import pipeline
    from scanner.frameworks.inputs import evaluate as judge

    values = shared.settings(
        profile=profile, content=content, waivers=waivers, answers=answers, min_coverage=min_coverage, clock=clock
    )
    taken = shared.read_snapshot(snapshot)
    book = shared.load_content(values["content"], allow_override)
    profiles = pipeline.chosen_profiles(book, values["profile"], taken.target.get("identity") or {}, quiet=quiet)
    given = pipeline.inputs(profiles, shared.parameters(param), values)
    shared.finish(judge(taken, book, given), out, as_json=json, quiet=quiet, show=show)
