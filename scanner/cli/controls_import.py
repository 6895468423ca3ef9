"""`assay controls import`: the publisher's wording, out of files that a user downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scanner.cli import shared

__all__ = ["import_texts"]

_SHOWN = 10


def import_texts(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="STIG (.zip, .xml); OSCAL catalog and profiles (.json).")
    ],
    output: Annotated[str, typer.Option("--output", help="Folder of the texts; else the setting `texts`.")] = "",
    framework: Annotated[str, typer.Option("--framework", help="Framework; else the one whose ids the file has.")] = "",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Import official texts from files of the publisher, and check them against our catalog."""
    from scanner import files as own
    from scanner.frameworks import catalog
    from scanner.frameworks.texts_import import File, imported
    from scanner.model.canonical import canonical
    from scanner.model.errors import UsageError

    values = shared.settings(content=content, texts=output)
    folder = values["texts"]
    if not folder:
        raise UsageError("where to?", hint="name a folder outside of the content: --output DIR, or the setting `texts`")
    known = catalog.frameworks(shared.load_content(values["content"], allow_override))
    if framework and framework not in known:
        raise UsageError(f"there is no framework {framework!r}", hint=f"known: {', '.join(known)}")
    documents = imported([File(name, own.read_input(name)) for name in files], known, framework)
    paths = {name: str(Path(folder) / f"{name}.json") for name in documents}
    for name, document in documents.items():
        own.write_output(paths[name], canonical(document) + b"\n")
    if json:
        shared.print_json(
            [
                {"framework": name, "path": paths[name], "texts": len(one["controls"]), **_about(one)}
                for name, one in documents.items()
            ]
        )
    elif not quiet:
        shared.echo("".join(_lines(name, paths[name], one) for name, one in documents.items()))


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("title", "version", "release", "source", "sha256", "check")}


def _lines(name: str, path: str, document: Mapping[str, Any]) -> str:
    """What was imported, and how it differs from our catalog, for a terminal."""
    from scanner.outputs.table import clean

    check = document["check"]
    lines = [f"{name}: {len(document['controls'])} texts in {path}", f"  {document['title']}, {document['release']}"]
    if check["same"]:
        lines.append(f"  version {check['theirs']}, as our catalog")
    else:
        lines.append(f"  version {check['theirs']}; our catalog has {check['ours']}, and rules judge by that")
    for key, words in (
        ("new", "not in our catalog"),
        ("gone", "in our catalog only: our wording stays"),
        ("revised", "of another revision than our catalog's"),
        ("missing", "chosen by a profile, but not in this catalog"),
    ):
        if check[key]:
            more = f" and {len(check[key]) - _SHOWN} more" if len(check[key]) > _SHOWN else ""
            lines.append(f"  {len(check[key])} {words}: {', '.join(check[key][:_SHOWN])}{more}")
    return "".join(f"{clean(line)}\n" for line in lines)
