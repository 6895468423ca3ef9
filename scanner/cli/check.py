"""`assay check`: one rule on one tree."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check", epilog="Example: assay check --root /mnt/image --rule sshd-root-login-disabled --json")(check)


def check(
    rule: Annotated[str, typer.Option("--rule", help="Rule id, or the id of the equivalent public rule.")],
    root: Annotated[
        str | None, typer.Option("--root", help="Root tree, disk image or archive; nothing = this machine.")
    ] = None,
    slot: shared.SlotOption = "",
    platform: shared.PlatformOption = "",
    luks_key: shared.KeysOption = None,
    param: shared.ParamOption = None,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="Take /proc and /sys inside the tree as its running half.")
    ] = False,
    require: Annotated[
        str,
        typer.Option("--require", help="Halves a verdict needs: both, persistent, or auto (persistent for a tree)."),
    ] = "auto",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    output: Annotated[str, typer.Option("-o", "--output", help="Where to write the result; - is stdout.")] = "-",
    clock: shared.ClockOption = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Judge one rule on one tree. Ends 3 when the verdict is error or unknown."""
    from scanner.cli import pipeline
    from scanner.collectors.take import take
    from scanner.engine.cases import runtime_fact_names
    from scanner.engine.judge import Instance, day_of, judge, needed_facts
    from scanner.engine.params import built_in, find, resolve
    from scanner.model.errors import UsageError

    if require not in ("auto", "both", "persistent"):
        raise UsageError(f"--require is auto, both or persistent, not {require!r}")
    values = shared.settings(content=content, clock=clock)
    today = day_of(shared.now(values["clock"]))
    book = shared.load_content(values["content"], allow_override)
    chosen = book.rules.named(rule)
    overrides = shared.parameters(param)
    for name in overrides:
        if all(find(one, name) is None for one in chosen):
            raise UsageError(f"{chosen[0].id} has no parameter {name!r}", hint=f"assay rules show {chosen[0].id}")
    public = rule.removeprefix("xccdf_org.ssgproject.content_rule_")
    layers = [("command line", overrides)]
    instances = [
        Instance(one, *resolve(one, [*layers, (f"public rule {public}", built_in(one, public))])) for one in chosen
    ]
    names = runtime_fact_names()
    target = shared.open_target(root, runtime=runtime, slot=slot or None, platform=platform or None, keys=luks_key)
    try:
        wanted = {name for instance in instances for name in needed_facts(instance, names)}
        snapshot = take(target, wanted)
    finally:
        target.close()
    if require == "auto":
        require = "persistent" if target.kind != "live" and not runtime else "both"
    results = [
        judge(instance, snapshot.facts, snapshot.target, today=today, require=require, runtime_facts=names)
        for instance in instances
    ]
    if json:
        from scanner.model.canonical import canonical

        text = "".join(canonical(result.to_json()).decode() + "\n" for result in results)
    else:
        text = "".join(pipeline.one_result(result) for result in results)
    if output != "-":
        from scanner import files

        files.write_output(output, text.encode())
    elif not quiet:
        shared.echo(text)
    if any(result.status in ("error", "unknown") for result in results):
        raise typer.Exit(3)
