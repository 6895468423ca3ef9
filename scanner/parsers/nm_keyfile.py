"""NetworkManager's keyfiles and NetworkManager.conf: groups of `key=value` as GLib reads them.

Source: nm-settings-keyfile(5), NetworkManager.conf(5); GLib, GKeyFile (glib/gkeyfile.c). Group names and keys are case
sensitive; a group may come twice, of a key the last value wins; a line that is neither comment, group nor pair makes
GLib refuse the whole file, so it is a ParseError here.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Item", "items", "words"]

MAX_LINE = 1_000_000
"""Characters of one line (a keyfile may carry a certificate inline)."""

_PAIR = re.compile(r"([^=\[\]]+)(\[[^\[\]=]*\])?=(.*)", re.DOTALL)
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\", ";": ";"}


@dataclass(frozen=True, slots=True)
class Item:
    """One pair: `group`, `key`, unescaped `value` without surrounding blanks, 1-based `line`.

    `operator` is `+` or `-` where NetworkManager.conf adds to or takes from an earlier value, else empty.
    """

    group: str
    key: str
    value: str
    line: int
    operator: str = ""


def items(text: str, *, operators: bool = False) -> list[Item]:
    """Every pair, in order. With `operators`, `key+=value` and `key-=value` are understood. Raises ParseError."""
    found: list[Item] = []
    group: str | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if len(raw) > MAX_LINE:
            raise ParseError(f"longer than {MAX_LINE} characters", line=number)
        line = raw.strip(" \t\r\f\v")
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            if not line.endswith("]") or not line[1:-1] or re.search(r"[\[\]\x00-\x1f]", line[1:-1]):
                raise ParseError("not a group", line=number)
            group = line[1:-1]
            continue
        pair = _PAIR.fullmatch(line)
        if pair is None or group is None:
            raise ParseError("neither a group nor a pair inside a group", line=number)
        key, operator = pair[1].strip(), ""
        if operators and key[-1:] in ("+", "-"):
            key, operator = key[:-1].strip(), key[-1]
        if not key:
            raise ParseError("a value without a key", line=number)
        if pair[2]:
            continue  # a translation, `key[de]=`: nothing that NetworkManager reads
        found.append(Item(group, key, _unescaped(pair[3].strip(" \t")), number, operator))
    return found


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text)


def words(value: str) -> list[str]:
    """The elements of a list value: separated by `;` (or `,`), blanks around them and empty ones dropped."""
    return [word for part in re.split(r"[;,]", value) if (word := part.strip())]
