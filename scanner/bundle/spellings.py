"""The ways in which one value is written: in units, mapped devices, URLs, tables of mounts, with and without dashes."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["pattern_of", "plain", "unescaped"]

_HEX32 = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
_ESCAPES = re.compile(r"(?:\\{1,4}x|%)([0-9A-Fa-f]{2})|\\{1,4}([0-7]{3})")
# What stands before a value and is no part of a word: nothing, a mark, or the end of an escape sequence.
_HEX = "[0-9A-Fa-f]"
_START = rf"(?:(?<![^\W_])|(?<=\\x{_HEX}{_HEX})|(?<=%{_HEX}{_HEX})|(?<=\\[abefnrtv])|(?<=\\[0-7][0-7][0-7]))"
_SHARED = 4
"""Letters at the start of values that are looked at once for all."""
_END = r"(?![^\W_])"


def pattern_of(values: frozenset[str]) -> re.Pattern[str]:
    """What finds each of the values in each of its spellings, the longest first, as whole words."""
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    either = _either([_spelled(value) for value in longest_first], _SHARED) or r"(?!)"
    return re.compile(f"{_START}(?:{either}){_END}", re.IGNORECASE)


def _either(rows: list[list[str]], depth: int) -> str:
    """Any of the rows. First letters are shared, so that thousands of names cost little at each place of a text."""
    if depth == 0 or len(rows) == 1:
        return "|".join("".join(row) for row in rows)
    by_first: dict[str, list[list[str]]] = {}
    for row in rows:
        by_first.setdefault(row[0] if row else "", []).append(row[1:])
    return "|".join(f"{first}(?:{_either(rest, depth - 1)})" if first else "" for first, rest in by_first.items())


def plain(text: str) -> str:
    """The same for every spelling of a value."""
    shown = unicodedata.normalize("NFC", unescaped(text)).casefold()
    return shown.replace("-", "") if _HEX32.fullmatch(shown) else re.sub(r"-+", "-", shown)


@lru_cache(maxsize=4096)
def unescaped(text: str) -> str:
    r"""The text without `\x2d` of systemd, `%2D` of URLs and `\040` of fstab."""
    if "\\" not in text and "%" not in text:
        return text
    raw = _ESCAPES.sub(lambda one: chr(int(one[1], 16) if one[1] else int(one[2], 8) & 0xFF), text)
    try:  # escapes are bytes, of UTF-8 as a rule
        return raw.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return raw


def _spelled(value: str) -> list[str]:
    """A regular expression for each letter of the value."""
    if _HEX32.fullmatch(value):
        digits = value.replace("-", "")
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return list(rf"(?:-{{1,2}}|{_coded('-')})?".join(parts).partition(parts[0])[1:])
    return [_letter(one) for one in value]


def _letter(one: str) -> str:
    if one.isascii() and one.isalnum():
        return one.lower()
    decomposed = unicodedata.normalize("NFD", one)
    ways = [re.escape(one), _coded(one)]
    if decomposed != one:
        ways.append(re.escape(decomposed))
    if one == "-":
        ways.insert(0, "--")
    return f"(?:{'|'.join(ways)})"


def _coded(one: str) -> str:
    """The character as escape sequences of its bytes."""
    data = one.encode("utf-8", "surrogatepass")
    return "".join(rf"(?:\\{{1,4}}x{byte:02x}|%{byte:02x}|\\{{1,4}}{byte:03o})" for byte in data)
