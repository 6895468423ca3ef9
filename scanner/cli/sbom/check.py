"""`assay sbom check`: is the document valid, and which minimum elements does it lack?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli import shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.supply_chain.checking.result import Check, FieldResult

__all__ = ["register"]

_WORDS = {"unknown_stated": "nothing is missing that is known (what is stated as unknown is counted below)"}
_SHOWN = 5
_MARKS = {"met": "✓", "missing": "✗", "partly": "~", "not_checked": "?", "unknown_stated": "?"}
_LEVELS = {"required": "", "if_it_exists": "  [where it exists]", "beside": "  [beside the document]"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check", epilog="Example: assay sbom check release.cdx.json --fail-on cisa-2026")(check)


def check(
    file: Annotated[str, typer.Argument(help="SBOM (CycloneDX or SPDX, any encoding); - is standard input.")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option("--fail-on", help="End 1 when the schema or this list of elements is not met; repeatable."),
    ] = None,
    output: Annotated[str, typer.Option("--output", help="Where to write the result; - is stdout.")] = "-",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Schema validity, minimum elements (CISA 2026, NTIA 2021, BSI TR-03183-2 v2.1.0) and quality, with what lacks
    what."""
    from scanner import files
    from scanner.model.canonical import canonical
    from scanner.model.errors import UsageError
    from scanner.supply_chain.checking.running import check as examine
    from scanner.supply_chain.loading.opening import open_bom

    data = files.read_input(file)
    result = examine(open_bom(data, file), data)
    states = {"schema": result.schema.state, **{one.id: one.state for one in result.lists}}
    for name in fail_on or ():
        if name not in states:
            raise UsageError(f"--fail-on is one of {', '.join(states)}, not {name!r}")
    lines = [canonical(_document(result)).decode()] if json else _lines(result)
    text = "".join(f"{line}\n" for line in lines)
    if output != "-":
        files.write_output(output, text.encode())
    elif not quiet:
        shared.echo(text)
    missed = [name for name in fail_on or () if states[name] in ("missing", "invalid")]
    unknown = [name for name in fail_on or () if states[name] in ("not_checked", "unknown_stated")]
    if missed or unknown:
        said = ", ".join(f"{name}: {states[name].replace('_', ' ')}" for name in missed or unknown)
        shared.say(f"assay: not met: {said}" if missed else f"assay: incomplete: {said}")
        raise typer.Exit(1 if missed else 3)


def _document(result: Check) -> dict[str, Any]:
    from scanner.supply_chain.checking.result import CHECK_SCHEMA

    found = result.to_json()
    return {"schema": CHECK_SCHEMA, "validity": found.pop("schema"), **found}


def _lines(result: Check) -> Iterator[str]:
    from scanner.outputs.table import clean

    yield f"{clean(result.name or result.source)}: {result.format} {result.spec}, {result.encoding}"
    yield f"  {result.components} components, {result.relations} relations, sha256 {result.sha256[:16]}…"
    yield ""
    schema = result.schema
    more = f", {schema.count}{'+' if schema.more else ''} problems" if schema.count else ""
    yield f"Schema: {schema.state.replace('_', ' ')}{more}{f' ({clean(schema.reason)})' if schema.reason else ''}"
    for problem in schema.problems[:_SHOWN]:
        yield f"  {clean(problem.place) or '/'}: {clean(problem.message)[:200]}"
    for one in result.lists:
        yield ""
        yield f"{clean(one.title)}: {_WORDS.get(one.state, one.state.replace('_', ' '))}"
        yield f"  {clean(one.edition)}"
        for field in one.fields:
            yield from _field(field)
    yield ""
    yield "Quality"
    for statement in result.quality:
        mark = {True: "✓", False: "✗", None: " "}[statement.good]
        yield f"  {mark} {clean(statement.text)}"
    if result.dropped:
        yield ""
        yield "Not taken over from the document"
        for lost in result.dropped[:12]:
            yield f"  {lost.count} × {clean(lost.what)}: {clean(lost.why)}"
        if len(result.dropped) > 12:
            yield f"  and {len(result.dropped) - 12} more kinds: see --json"


def _field(field: FieldResult) -> Iterator[str]:
    from scanner.outputs.table import clean

    counted = f"  {field.present} of {field.total} ({field.percent} %)" if field.scope == "component" else ""
    reason = f"  ({clean(field.reason)})" if field.reason else ""
    stated = f", {field.unknown} stated as unknown" if field.unknown else ""
    yield f"  {_MARKS[field.state]} {clean(field.title)}{_LEVELS[field.level]}{counted}{stated}{reason}"
    silent = field.total - field.present - field.unknown
    for lacking in field.examples[: min(_SHOWN, silent)] if field.scope == "component" else ():
        yield f"      {clean(lacking.name)} {clean(lacking.version)}  {clean(lacking.place)}"
    if field.scope == "component" and field.state in ("missing", "partly") and silent > _SHOWN:
        yield f"      and {silent - _SHOWN} more"
