"""Kernel build configuration (`.config`, `/boot/config-*`, `/proc/config.gz` unpacked).

Source: Linux scripts/kconfig/confdata.c; Documentation/kbuild/kconfig.rst.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Option", "parse"]

_LINE = re.compile(
    r"^(?:CONFIG_(?P<set>\w+)=(?P<value>[^\r\n]*)|# CONFIG_(?P<unset>\w+) is not set)[ \t]*\r?$", re.MULTILINE
)
_MAX_OPTIONS = 100_000


@dataclass(frozen=True, slots=True)
class Option:
    """`value`: y, m, n (`is not set`), a number as text, or the text between the quotes."""

    value: str
    offset: int


def parse(text: str) -> dict[str, Option]:
    """Options by name without `CONFIG_`, the last line of a name winning (as Kconfig reads them).

    `offset` counts characters. Raises ParseError when there is not one option: an empty or cut file says nothing about
    what is not set.
    """
    found: dict[str, Option] = {}
    for match in _LINE.finditer(text):
        name = match["set"]
        if name is None:
            found[match["unset"]] = Option("n", match.start())
        else:
            found[name] = Option(_value(match["value"].rstrip()), match.start())
        if len(found) > _MAX_OPTIONS:
            raise ParseError("more options than a kernel has", offset=match.start())
    if not found:
        raise ParseError("no kernel option in it")
    return found


def _value(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
