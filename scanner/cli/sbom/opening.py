"""What the verbs share: reading documents, writing outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scanner.model.errors import AssayError, UsageError

if TYPE_CHECKING:
    from scanner.supply_chain.model import Bom
    from scanner.supply_chain.vex.model import VexDocument

__all__ = ["open_boms", "open_vex_files", "write_outputs"]


def open_boms(names: Sequence[str]) -> list[Bom]:
    """The SBOM in each file; - is standard input, for one of them. Raises InputError."""
    from scanner import files
    from scanner.supply_chain.loading.opening import open_bom

    if list(names).count("-") > 1:
        raise UsageError("only one document can come from standard input")
    return [replace(open_bom(files.read_input(name), name), source=name) for name in names]


def open_vex_files(names: Sequence[str] | None) -> list[VexDocument]:
    """The VEX document in each file, in the order given. Raises InputError."""
    from scanner import files
    from scanner.supply_chain.vex.opening import open_vex

    return [open_vex(files.read_input(name), name) for name in names or ()]


def write_outputs(kind: str, requests: Sequence[str] | None, document: Mapping[str, Any]) -> bool:
    """Render and write every `-o FORMAT=PATH`. True when one of them went to standard output."""
    from scanner import files
    from scanner.outputs.base import parse_request
    from scanner.outputs.sbom.registry import named

    chosen = [(named(kind, name), path) for name, path in map(parse_request, requests or ())]
    problems: list[AssayError] = []
    for output, path in chosen:
        try:
            files.write_output(path, output.render(document))
        except AssayError as error:  # the other outputs are still written
            problems.append(error)
    if problems:
        raise problems[0]
    return any(path == "-" for _, path in chosen)
