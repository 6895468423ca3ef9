"""Adding a waiver to a file: a new entry at the end, and every other byte as its author wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from scanner.engine.waivers import load_waivers
from scanner.model.errors import ContentError

__all__ = ["added"]

_HEAD = "schema: waivers/v1\nwaivers:\n"
_EMPTY = re.compile(r"^waivers:[ \t]*(\[\s*\])?[ \t]*$", re.MULTILINE)
_FIRST = re.compile(r"^waivers:[^\n]*\n(?:\s*(?:#[^\n]*)?\n)*( *)- ", re.MULTILINE)


def added(before: bytes, waiver: Mapping[str, str], where: str) -> bytes:
    """The file with the waiver behind the others. Raises ContentError when either is wrong, or the list is not the last
    part of the file."""
    old = load_waivers(before, where) if before.strip() else ()
    text = before.decode("utf-8") if before.strip() else _HEAD
    if not old:
        text = _EMPTY.sub("waivers:", text)
    indent = found.group(1) if (found := _FIRST.search(text)) else "  "
    # A JSON text is a YAML text in double quotes: nothing in it can be markup.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in waiver.items()]
    entry = "".join(f"{indent}{'- ' if not number else '  '}{line}\n" for number, line in enumerate(lines))
    data = (text + ("" if text.endswith("\n") else "\n") + entry).encode()
    alone = f"{_HEAD}{entry}".encode()
    (new,) = load_waivers(alone, "the new waiver")
    try:
        whole = load_waivers(data, where)
    except ContentError as error:
        if any(one.id == new.id for one in old):
            raise ContentError(f"there is a waiver {new.id!r} already", where=where) from None
        raise ContentError(
            f"the waiver cannot be put at the end: {error.message}", where=where, hint=f"put it in by hand:\n{entry}"
        ) from None
    if whole != (*old, new):
        raise ContentError("the list of waivers is not the end of the file", where=where, hint="put it in by hand")
    return data
