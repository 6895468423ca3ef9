"""`assay schema`: the published JSON schemas."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli import shared


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("schema", epilog="Example: assay schema snapshot")(schema)


def schema(
    name: Annotated[str, typer.Argument(help="Schema; nothing = list them.")] = "",
    output: Annotated[str, typer.Option("--output", help="Where to write it; - is stdout.")] = "-",
) -> None:
    """Print the JSON schema of a document that Assay reads or writes; without a name, list them."""
    from pathlib import Path

    import scanner.schemas
    from scanner import files
    from scanner.model.errors import UsageError

    folder = Path(next(iter(scanner.schemas.__path__)))
    known = sorted(path.name.removesuffix(".json") for path in folder.glob("*.json"))
    if not name:
        shared.echo("".join(f"{one}\n" for one in known))
        return
    if name not in known:
        raise UsageError(f"there is no schema {name!r}", hint=f"known: {', '.join(known)}")
    files.write_output(output, (folder / f"{name}.json").read_bytes())
