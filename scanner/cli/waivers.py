"""`assay waivers`: check, list and write waivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli import shared
from scanner.cli.gate_day import gate_instant
from scanner.model.errors import UsageError

if TYPE_CHECKING:
    from scanner.gate.waiving import Layer

__all__ = ["app"]

app = typer.Typer(
    name="waivers",
    help="Waivers: accepted failures with owner and expiry.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Waiver files, the widest first.")]
_SERIOUS = ("expired", "rule", "control")


@app.command("lint", epilog="Example: assay waivers lint organisation.yaml release.yaml")
def lint(
    files: FilesArgument,
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    clock: shared.ClockOption = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Check waivers without a target: unknown rules, expiry, who approved. Ends 1 for one that can accept nothing."""
    from scanner.frameworks.catalog import frameworks
    from scanner.gate import waiving
    from scanner.gate.policy import Waiving
    from scanner.outputs.table import clean

    values = shared.settings(content=content)
    today = gate_instant(clock)[:10]
    layers = _layers(files)
    book = shared.load_content(values["content"], allow_override)
    known = {f"{name}:{control}" for name, one in frameworks(book).items() for control in one.controls}
    problems = [problem for layer in layers for problem in waiving.lint(layer, book, known, today, Waiving())]
    problems += [one for one in waiving.Layered(layers, today).problems(Waiving(), {}) if one.kind == "replaced"]
    if json:
        fields = ("waiver", "where", "kind", "text")
        shared.print_json([{name: getattr(one, name) for name in fields} for one in problems])
    elif not quiet:
        lines = [clean(f"{one.where}: {one.waiver}: {one.kind}: {one.text}") for one in problems]
        count = sum(len(layer.waivers) for layer in layers)
        shared.echo("".join(f"{line}\n" for line in lines) + f"{count} waivers, {len(problems)} remarks\n")
    if any(one.kind in _SERIOUS for one in problems):
        raise typer.Exit(1)


@app.command("list", epilog="Example: assay waivers list organisation.yaml release.yaml --json")
def show(
    files: FilesArgument,
    clock: shared.ClockOption = "",
    json: shared.JsonOption = False,
) -> None:
    """List the waivers that count, of all files together, with what each is about and until when it holds."""
    from dataclasses import asdict

    from scanner.gate.waiving import Layered
    from scanner.outputs.table import clean

    today = gate_instant(clock)[:10]
    found = sorted(Layered(_layers(files), today).effective().values(), key=lambda one: (one[0].expires, one[0].id))
    if json:
        shared.print_json([{**asdict(one), "expired": one.expires < today, "where": where} for one, where in found])
        return
    lines = []
    for one, where in found:
        state = "EXPIRED" if one.expires < today else "until"
        lines.append(f"{one.id}  {one.rule or one.control}  on {one.target}  {state} {one.expires}  owner {one.owner}")
        lines.append(f"    {one.reason}")
        beside = (("approver", one.approver), ("ticket", one.ticket), ("instead", one.compensating))
        lines.append("    " + "; ".join([*(f"{label} {text}" for label, text in beside if text), where]))
    shared.echo("".join(f"{clean(line) if line.strip() else line}\n" for line in lines))


@app.command(
    "add",
    epilog="Example: assay waivers add release.yaml --id W-7 --rule sshd-root-login-disabled --reason 'fixed in 2.5' "
    "--owner a@example.org --expires 2027-01-31",
)
def add(
    file: Annotated[Path, typer.Argument(help="Waiver file; made when it is not there.")],
    id: Annotated[str, typer.Option("--id", help="Its name.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the failure is accepted.")],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")],
    expires: Annotated[str, typer.Option("--expires", metavar="DAY", help="Last day on which it holds: 2027-01-31.")],
    rule: Annotated[str, typer.Option("--rule", help="Rule, instance or public rule id that it is about.")] = "",
    control: Annotated[str, typer.Option("--control", metavar="FRAMEWORK:ID", help="Or every rule of a control.")] = "",
    target: Annotated[str, typer.Option("--target", help="Pattern over host name or system id.")] = "",
    approver: Annotated[str, typer.Option("--approver", help="Who approved it.")] = "",
    ticket: Annotated[str, typer.Option("--ticket", help="Where it is followed up.")] = "",
    compensating: Annotated[str, typer.Option("--compensating", help="Measure in the place of what fails.")] = "",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    clock: shared.ClockOption = "",
) -> None:
    """Add a waiver to a file, dated today. What stands in the file stays as it is written."""
    from scanner import files
    from scanner.gate.waiver_files import added

    values = shared.settings(content=content)
    if rule:
        shared.load_content(values["content"], allow_override).rules.named(rule)
    given = {
        "id": id,
        "rule": rule,
        "control": control,
        "target": target,
        "reason": reason,
        "owner": owner,
        "approver": approver,
        "created": gate_instant(clock)[:10],
        "expires": expires,
        "ticket": ticket,
        "compensating": compensating,
    }
    before = files.read_bytes(file) if file.exists() else b""
    files.write_output(str(file), added(before, {name: text for name, text in given.items() if text}, str(file)))
    shared.say(f"assay: {file}: {id} added, holds until {expires}")


def _layers(paths: list[Path]) -> tuple[Layer, ...]:
    from scanner import files
    from scanner.engine.waivers import load_waivers
    from scanner.gate.waiving import Layer

    if len({str(path) for path in paths}) != len(paths):
        raise UsageError("a waiver file is named twice")
    return tuple(Layer(str(path), load_waivers(files.read_bytes(path), str(path))) for path in paths)
