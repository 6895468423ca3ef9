"""CPE names, and whether one speaks of the product that another names.

Source: NISTIR 7695 (well-formed names, the URI and the formatted-string binding) and NISTIR 7696 (name matching).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

__all__ = ["ANY", "VERSION", "Name", "covers", "parse"]

Name = tuple[str, ...]
"""Part, vendor, product, version, update, edition, language, software edition, target software, target hardware,
other: in lower case, without escapes."""

ANY = "*"
VERSION = 3
_ATTRIBUTES = 11
_SEPARATOR = re.compile(r"(?<!\\):")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_WILD = re.compile(r"(?<!\\)[*?]")
MAX_LENGTH = 2000


@lru_cache(maxsize=65536)
def parse(text: str) -> Name | None:
    """The attributes of a CPE name; None for what is none, or has wildcards inside a value: what they cover cannot be
    told from a name without them."""
    if len(text) > MAX_LENGTH:
        return None
    word = text.lower()
    if word.startswith("cpe:2.3:"):
        values = _SEPARATOR.split(word.removeprefix("cpe:2.3:"))
        if len(values) != _ATTRIBUTES:
            return None
        if any(value != ANY and _WILD.search(value) for value in values):
            return None
        values = [_ESCAPE.sub(r"\1", value) for value in values]
    elif word.startswith("cpe:/"):
        values = word.removeprefix("cpe:/").split(":")
        if len(values) > 5 and values[5].startswith("~"):  # five attributes in the place of the edition
            packed = values[5].split("~")[1:]
            language = values[6:] or [""]
            values = [*values[:5], packed[0], *language, *packed[1:]]
        if len(values) > _ATTRIBUTES or "%01" in word or "%02" in word:
            return None
        values = [unquote(value) or ANY for value in values] + [ANY] * (_ATTRIBUTES - len(values))
    else:
        return None
    # Without a product a name speaks of everything a vendor makes.
    return tuple(value or ANY for value in values) if ANY not in values[:3] and all(values[:3]) else None


def covers(wanted: Name, found: Name, version: str) -> bool:
    """Whether `wanted` speaks of what `found` names: every attribute that it states is the same. `version` stands in
    for one that `found` leaves open."""
    own = list(found)
    if own[VERSION] == ANY:
        own[VERSION] = version.lower()
    return all(one in (ANY, two) for one, two in zip(wanted, own, strict=True))
