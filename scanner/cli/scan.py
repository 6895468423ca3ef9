"""`assay scan`: collect, judge and report in one go."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scan", epilog="Example: assay scan -o html=report.html -o pdf=report.pdf")(scan)


def scan(
    target: Annotated[
        str | None, typer.Argument(help="Directory, disk image or snapshot file; nothing = this machine.")
    ] = None,
    profile: shared.ProfileOption = None,
    out: shared.OutputOption = None,
    param: shared.ParamOption = None,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="Take /proc and /sys inside the directory as its running half.")
    ] = False,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be read, and stop.")] = False,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    waivers: shared.WaiversOption = "",
    answers: shared.AnswersOption = "",
    min_coverage: shared.CoverageOption = None,
    clock: shared.ClockOption = "",
    show: shared.ShowOption = "failures",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
    verbose: shared.VerboseOption = 0,
) -> None:
    """Collect evidence, judge it, print the verdict and write reports. FORMATs: html, pdf, json, table, snapshot."""
    from scanner.cli import pipeline
    from scanner.frameworks.inputs import evaluate, selection

    values = shared.settings(
        profile=profile, content=content, waivers=waivers, answers=answers, min_coverage=min_coverage, clock=clock
    )
    requests, snapshot_paths = _split(out)
    book = shared.load_content(values["content"], allow_override)
    overrides = shared.parameters(param)
    if target is not None and shared.is_document(target):
        shared.refuse_keys(luks_key)
        snapshot = shared.read_snapshot(target)
        profiles = pipeline.chosen_profiles(book, values["profile"], snapshot.target.get("identity") or {}, quiet=quiet)
        chosen = selection(book, profiles, overrides)
    else:
        from scanner.collectors.take import take

        opened = shared.open_target(
            target, runtime=runtime, slot=slot or None, platform=platform or None, keys=luks_key
        )
        try:
            shared.say_slot(opened, quiet=quiet)
            identity = {} if values["profile"] else pipeline.identify(opened)
            profiles = pipeline.chosen_profiles(book, values["profile"], identity, quiet=quiet)
            chosen = selection(book, profiles, overrides)
            wanted = pipeline.wanted_facts(chosen[1])
            if not values["profile"]:
                wanted = sorted({*wanted, *pipeline.every_fact(book)})
            if dry_run:
                shared.echo(_listing(opened.kind, wanted, [one.id for one in profiles], len(chosen[1].instances)))
                return
            progress = shared.Progress(quiet)
            snapshot = take(opened, wanted, progress=progress)
            progress.done()
            shared.say_run(snapshot, verbose)
        finally:
            opened.close()
    for path in snapshot_paths:
        _write_snapshot(path, snapshot)
    given = pipeline.inputs(profiles, overrides, values)
    shared.finish(evaluate(snapshot, book, given, chosen), requests, as_json=json, quiet=quiet, show=show)


def _split(out: list[str] | None) -> tuple[list[str], list[str]]:
    """Requests for outputs of the assessment, and paths for the snapshot."""
    from scanner.outputs.base import named, parse_request

    requests: list[str] = []
    paths: list[str] = []
    for request in out or ():
        name, path = parse_request(request)
        if name == "snapshot":
            paths.append(path)
        else:
            named(name)
            requests.append(request)
    return requests, paths


def _write_snapshot(path: str, snapshot: object) -> None:
    from scanner import files
    from scanner.model.canonical import canonical
    from scanner.model.snapshot import Snapshot

    assert isinstance(snapshot, Snapshot)
    files.write_output(path, canonical(snapshot.to_json()) + b"\n")


def _listing(kind: str, wanted: list[str], profiles: list[str], rules: int) -> str:
    """What would be read: each collector with its facts in words."""
    from scanner.collectors.registry import collectors, split

    lines = [f"target: {kind} · profile {', '.join(profiles)} · {rules} rule instances · {len(wanted)} facts", ""]
    for collector in collectors():
        mine = [name for name in wanted if split(name)[0] in {spec.name for spec in collector.facts}]
        if not mine:
            continue
        lines.append(collector.id)
        specs = {spec.name: spec for spec in collector.facts}
        for name in mine:
            spec = specs[split(name)[0]]
            running = " (running system only)" if spec.facet == "runtime" else ""
            lines.append(f"  {name}: {spec.about}{running}")
    lines += [
        "",
        "Nothing was read but the target's identity. Nothing is executed but read-only commands of a live system.",
    ]
    return "\n".join(lines) + "\n"
