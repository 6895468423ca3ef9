"""Official texts at the time of a report: the folder that `assay controls import` wrote, put into the document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanner.cli import shared
from scanner.model.errors import InputError, UsageError

__all__ = ["supplied", "with_supplied"]

_HOW = "assay controls import FILE --output DIR"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def with_supplied(assessment: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
    """The assessment with the texts of its frameworks that lie in `folder`; "" stands for no folder.

    Says on stderr which framework has none, or such that were checked against another version of the catalog. Raises
    UsageError, InputError.
    """
    from scanner.frameworks.texts import with_texts

    return with_texts(assessment, supplied(assessment, folder))


def supplied(assessment: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The texts in `folder` by framework, of those that the assessment has. Says and raises as `with_supplied`."""
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise UsageError(f"there is no folder of texts {folder}", hint=f"make one with: {_HOW}")
    found = {}
    for name, about in assessment["summary"].items():
        document = _read(Path(folder), name)
        if document is None:
            continue
        found[name] = document
        if document["check"]["ours"] != about["version"]:
            shared.say(
                f"assay: the texts of {name} were checked against version {document['check']['ours']}, "
                f"the assessment has {about['version']}: import them again"
            )
    if not found:
        shared.say(f"assay: no texts in {folder} are of {', '.join(assessment['summary'])}: our wording stands")
    return found


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    from scanner import files
    from scanner.frameworks.texts import TEXTS_SCHEMA
    from scanner.schemas import reading

    path = folder / f"{name}.json"
    if not _NAME.fullmatch(name) or not path.is_file():  # the name stands in a file of a stranger
        return None
    document = reading.read_document(files.read_bytes(path), "texts", TEXTS_SCHEMA, str(path), _HOW)
    if document["framework"] != name:
        raise InputError(
            f"these are the texts of {document['framework']}", where=str(path), hint="leave the names of the files"
        )
    return document
