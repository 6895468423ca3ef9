"""`assay config`: settings and where each came from."""

from __future__ import annotations

import typer

from scanner.cli import shared

app = typer.Typer(name="config", help="Settings and their source.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Settings and their source."""


@app.command("show", epilog="Example: ASSAY_PROFILE=linux-baseline assay config show")
def show(json: shared.JsonOption = False) -> None:
    """Every setting: value, where it came from, what it means."""
    from scanner import config

    found = config.load()
    if json:
        data = {one.name: {"value": one.value, "source": one.source} for one in found.values()}
        shared.print_json(data)
        return
    for one in found.values():
        value = one.value if one.value not in (None, "", []) else "(empty)"
        shared.echo(f"{one.name:<13} {value!s:<24} from {one.source}\n{'':<13} {config.SETTINGS[one.name][2]}\n")
