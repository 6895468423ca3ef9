"""The contract of an output, and finding them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import scanner.outputs as package
from scanner.model.errors import UsageError

__all__ = ["Output", "named", "names", "parse_request"]


@dataclass(frozen=True, slots=True)
class Output:
    """A format: its name, one sentence, the usual file suffix, and `render(assessment) -> bytes`.

    `assessment` is the assessment JSON (schema assay/assessment/v1). The same assessment always gives the same bytes.
    """

    id: str
    about: str
    suffix: str
    render: Callable[[Mapping[str, Any]], bytes]


def names() -> list[str]:
    """Names of all formats. A format `x-y` is the module `scanner.outputs.x_y` with an `OUTPUT`."""
    return sorted(
        info.name.replace("_", "-")
        for info in pkgutil.iter_modules(package.__path__)
        if info.name != "base" and not info.ispkg and not info.name.startswith("_")
    )


def named(name: str) -> Output:
    """The output called `name`; its module is imported only now. Raises UsageError."""
    if name not in names():
        raise UsageError(f"there is no output format {name!r}", hint=f"known: {', '.join(names())}")
    output = importlib.import_module(f"{package.__name__}.{name.replace('-', '_')}").OUTPUT
    assert isinstance(output, Output)
    return output


def parse_request(request: str) -> tuple[str, str]:
    """`html=report.html` into (format, path); `html` alone means standard output. Raises UsageError."""
    name, equals, path = request.partition("=")
    if equals and not path:
        raise UsageError(
            f"-o {request}: the path is missing", hint="write -o html=report.html, or html=- for standard output"
        )
    return name, path if equals else "-"
