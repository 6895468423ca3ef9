"""`assay collect`: take a snapshot and stop."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("collect", epilog="Example: assay collect -o snapshot.json")(collect)


def collect(
    target: Annotated[str | None, typer.Argument(help="Directory or disk image; nothing = this machine.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="Where to write the snapshot; - is stdout.")] = "-",
    profile: shared.ProfileOption = None,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="Take /proc and /sys inside the directory as its running half.")
    ] = False,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
    verbose: shared.VerboseOption = 0,
) -> None:
    """Take a snapshot: every fact, or with --profile only those its rules need."""
    from scanner.cli import pipeline
    from scanner.cli.scan import _write_snapshot
    from scanner.collectors.take import take

    values = shared.settings(profile=profile, content=content)
    book = shared.load_content(values["content"], allow_override)
    if profile:
        from scanner.frameworks.inputs import selection

        profiles = pipeline.chosen_profiles(book, profile, {}, quiet=quiet)
        wanted = pipeline.wanted_facts(selection(book, profiles, {})[1])
    else:
        wanted = pipeline.every_fact(book)
    opened = shared.open_target(target, runtime=runtime, slot=slot or None, platform=platform or None, keys=luks_key)
    try:
        shared.say_slot(opened, quiet=quiet)
        progress = shared.Progress(quiet)
        snapshot = take(opened, wanted, progress=progress)
        progress.done()
        shared.say_run(snapshot, verbose)
    finally:
        opened.close()
    _write_snapshot(output, snapshot)
    from collections import Counter

    states = Counter(fact.state for fact in snapshot.facts.values())
    if json and output != "-":
        shared.print_json({"facts_digest": snapshot.facts_digest, "facts": dict(states), "output": output})
    elif not quiet:
        words = ", ".join(
            f"{states[state]} {state.replace('_', ' ')}"
            for state in ("present", "absent", "not_collected", "error")
            if states[state]
        )
        shared.say(f"assay: {len(snapshot.facts)} facts ({words}); {snapshot.facts_digest}")
