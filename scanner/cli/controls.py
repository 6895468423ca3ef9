"""`assay controls`: frameworks, their controls and how they are covered."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scanner.cli import shared
from scanner.cli.controls_import import import_texts

app = typer.Typer(
    name="controls",
    help="List and show controls; write the matrix; import official texts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list", epilog="Example: assay controls list hipaa-164-312")
def list_controls(
    framework: Annotated[str, typer.Argument(help="Framework; nothing = list the frameworks.")] = "",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """Frameworks, or every control of one with its coverage."""
    from scanner.frameworks import catalog
    from scanner.frameworks.matrix import coverage_table

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    known = catalog.frameworks(book)
    if not framework:
        rows = [
            {"id": one.id, "title": one.title, "version": one.version, "controls": len(one.controls)}
            for one in known.values()
        ]
        _show(
            rows, json, lambda row: f"{row['id']:<16}  {row['controls']:>4} controls  {row['title']} {row['version']}"
        )
        return
    one = _framework(known, framework)
    rows = [
        {"id": line.control.id, "title": line.control.title, "coverage": line.coverage, "rules": list(line.rules)}
        for line in coverage_table(one, book)
    ]
    width = max(len(str(row["id"])) for row in rows)
    _show(
        rows,
        json,
        lambda row: f"{row['id']:<{width}}  {row['coverage']:<14}  {len(row['rules']):>3} rules  {row['title']}",
    )


@app.command("show", epilog="Example: assay controls show cis-rhel10 5.1.20")
def show_control(
    framework: Annotated[str, typer.Argument(help="Framework.")],
    control: Annotated[str, typer.Argument(help="Control id.")],
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """One control: how it is assessed, which rules serve it, with which values."""
    from scanner.frameworks import catalog
    from scanner.frameworks.matrix import coverage_table
    from scanner.model.errors import UsageError

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    one = _framework(catalog.frameworks(book), framework)
    line = next((line for line in coverage_table(one, book) if line.control.id == control), None)
    if line is None:
        from difflib import get_close_matches

        near = get_close_matches(control, one.controls, 1)
        raise UsageError(f"{framework} has no control {control!r}", hint=f"did you mean {near[0]}?" if near else "")
    data = {
        "framework": framework,
        "id": control,
        "title": line.control.title,
        "assessment": line.control.assessment,
        "coverage": line.coverage,
        "note": line.control.note,
        "levels": list(line.control.levels),
        "parent": line.control.parent,
        "props": dict(line.control.props),
        "rules": [
            {"id": rule, "title": book.rules[rule].title, "params": dict(one.params.get(rule, {}))}
            for rule in line.rules
        ],
    }
    if json:
        _show(data, True, str)
        return
    lines = [f"{control}  {line.control.title}", f"  assessment {line.control.assessment}; coverage {line.coverage}"]
    lines += [f"  {line.control.note}"] if line.control.note else []
    for rule in line.rules:
        params = ", ".join(f"{name}={value}" for name, value in one.params.get(rule, {}).items())
        lines.append(f"  {rule}: {book.rules[rule].title}" + (f" ({params})" if params else ""))
    shared.echo("\n".join(lines) + "\n")


@app.command("matrix", epilog="Example: assay controls matrix --output COMPLIANCE_MATRIX.md")
def matrix(
    output: Annotated[str, typer.Option("--output", help="Where to write it; - is stdout.")] = "-",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """The compliance matrix: every control of every framework with its coverage, generated from the content."""
    from scanner import files
    from scanner.frameworks import catalog
    from scanner.frameworks.matrix import markdown, matrix_json
    from scanner.model.canonical import canonical

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    known = catalog.frameworks(book)
    data = canonical(matrix_json(known, book)) + b"\n" if json else markdown(known, book).encode()
    files.write_output(output, data)


@app.command("conflicts", epilog="Example: assay controls conflicts cis-rhel10 stig-rhel10")
def show_conflicts(
    frameworks: Annotated[list[str] | None, typer.Argument(help="Frameworks to compare; nothing = all.")] = None,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
) -> None:
    """Settings on which frameworks differ: the values each wants, and whether one value satisfies all of them."""
    from scanner.engine.conditions import show as words
    from scanner.frameworks import catalog
    from scanner.frameworks.conflicts import CONFLICTS_SCHEMA, conflicts

    book = shared.load_content(shared.settings(content=content)["content"], allow_override)
    known = catalog.frameworks(book)
    for name in frameworks or ():
        _framework(known, name)
    found = conflicts(book, known, frameworks or ())
    if json:
        from dataclasses import asdict

        shared.print_json({"schema": CONFLICTS_SCHEMA, "conflicts": [asdict(one) for one in found]})
        return
    lines: list[str] = []
    for one in found:
        lines.append(f"{one.verdict.upper()}  {one.question}")
        for wish in one.wishes:
            word = "" if wish.operator == "parameter" else f"{wish.operator.replace('_', ' ')} "
            value = words(wish.value)
            value = value if len(value) <= 80 else f"{value[:77]}..."
            lines.append(f"    {wish.framework:<16}  {word}{value}  ({wish.rule})")
        lines += [f"    satisfied by {one.satisfied_by}", ""] if one.satisfied_by else [""]
    hard = sum(one.verdict == "contradiction" for one in found)
    lines.append(f"{len(found)} settings on which frameworks differ; on {hard} of them no value satisfies all.")
    shared.echo("\n".join(lines) + "\n")


app.command(
    "import", epilog="Example: assay controls import U_RHEL_10_V1R2_STIG.zip --output texts; then: assay report --texts"
)(import_texts)


def _framework(known: Any, name: str) -> Any:
    from scanner.model.errors import UsageError

    if name not in known:
        raise UsageError(f"there is no framework {name!r}", hint=f"known: {', '.join(known)}")
    return known[name]


def _show(rows: Any, as_json: bool, line: Any) -> None:
    if as_json:
        shared.print_json(rows)
        return
    shared.echo("".join(f"{line(row)}\n" for row in rows))
