"""The GRUB environment block (`grubenv`).

Source: GNU GRUB, grub-core/lib/envblk.c.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["parse"]

_SIGNATURE = "# GRUB Environment Block\n"
_MAX = 1 << 16


def parse(text: str) -> dict[str, str]:
    """Variables of the block, the last assignment of a name winning. `\\` escapes the next character.

    Raises ParseError when the signature line is missing, a value is cut off, or the block is too large.
    """
    if len(text) > _MAX:
        raise ParseError("larger than an environment block can be", offset=_MAX)
    if not text.startswith(_SIGNATURE):
        raise ParseError("no GRUB environment block signature", offset=0)
    found: dict[str, str] = {}
    at = len(_SIGNATURE)
    while at < len(text):
        # `#` begins the padding, or a comment that tools write; either ends with the line.
        if text[at] == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end + 1
            continue
        name, value, at = _variable(text, at)
        if name:
            found[name] = value
    return found


def _variable(text: str, start: int) -> tuple[str, str, int]:
    """The assignment at `start` and where the next line begins; the name is empty for a line without `=`."""
    out: list[str] = []
    at = start
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 1
            if at == len(text):
                raise ParseError("the block ends inside an escape", offset=start)
        out.append(text[at])
        at += 1
    if at == len(text) and out:
        raise ParseError("the block ends inside a variable", offset=start)
    name, equals, value = "".join(out).partition("=")
    return (name if equals else ""), value, at + 1
