"""Values of CycloneDX objects, read with care: whatever stands in a field, the answer has the type that is asked for.

Source: the CycloneDX schemas 1.2 to 1.7. XML documents are first brought into the shape of JSON (`cyclonedx_xml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.model import License

__all__ = [
    "MORE_CPES",
    "contact",
    "cpes",
    "day",
    "entity",
    "hashes",
    "licenses",
    "objects",
    "properties",
    "strings",
    "text",
]

MORE_CPES = "syft:cpe23"
"""Property that Syft repeats for each CPE name beyond the first."""

_ALGORITHMS: Mapping[str, tuple[str, int]] = {
    "MD5": ("md5", 32),
    "SHA-1": ("sha1", 40),
    "SHA-256": ("sha256", 64),
    "SHA-384": ("sha384", 96),
    "SHA-512": ("sha512", 128),
    "SHA3-256": ("sha3-256", 64),
    "SHA3-384": ("sha3-384", 96),
    "SHA3-512": ("sha3-512", 128),
    "BLAKE2b-256": ("blake2b-256", 64),
    "BLAKE2b-384": ("blake2b-384", 96),
    "BLAKE2b-512": ("blake2b-512", 128),
    "BLAKE3": ("blake3", 0),
    "Streebog-256": ("streebog-256", 64),
    "Streebog-512": ("streebog-512", 128),
}
"""CycloneDX name to ours and the number of hexadecimal digits (0: any)."""
_SEPARATORS = re.compile(r"[-_ ]")
_SPELLINGS = {_SEPARATORS.sub("", name).lower(): value for name, value in _ALGORITHMS.items()}

_OBJECTS = frozenset({dict})
_HEX = re.compile(r"[0-9a-f]+")
_CPE = ("cpe:2.3:", "cpe:/")
_DAY = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:[T ].*)?", re.DOTALL)


def text(value: Any) -> str:
    """The text of a scalar, spaces at its ends removed; empty for null, objects and lists."""
    if type(value) is str:
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else ""


def objects(value: Any, what: str, place: str, drops: Drops) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and object for every object of a list; other shapes are counted. A lone object is a list of one."""
    if value is None:
        return
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        drops.add(what, "stands where a list belongs", place)
        return
    for index, one in enumerate(value):
        if isinstance(one, dict):
            yield index, one
        else:
            drops.add(what, "is no object", place)


def strings(value: Any) -> list[str]:
    """The texts of a list (or of one scalar), empty ones left out."""
    found = [text(one) for one in (value if isinstance(value, list) else [value])]
    return [one for one in found if one]


def entity(value: Any) -> str:
    """The name of an organisation or person, else its first URL; of a list, that of its first member."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        return text(value.get("name")) or next(iter(strings(value.get("url"))), "")
    return text(value)


def contact(value: Any) -> str:
    """A mail address, else a URL, by which an organisation or person can be reached; empty when none is given."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ""
    if len(value) == 1 and "name" in value:  # most often there is nothing else
        return ""
    people = value.get("contact")
    for person in people if isinstance(people, list) else [people]:
        if isinstance(person, dict) and text(person.get("email")):
            return text(person.get("email"))
    return text(value.get("email")) or next(iter(strings(value.get("url"))), "")


def hashes(value: Any, place: str, drops: Drops) -> dict[str, str]:
    """Algorithm to digest, in lower case; digests that are none are counted and left out."""
    found: dict[str, str] = {}
    for one in _members(value, "hash", place, drops):
        name, content = one.get("alg"), one.get("content")
        if type(name) is not str or type(content) is not str:
            drops.add("hash", "has no algorithm or no content", place)
            continue
        known = _ALGORITHMS.get(name) or _SPELLINGS.get(_SEPARATORS.sub("", name).lower())
        if known is None:
            drops.add("hash", "of an algorithm that CycloneDX does not name", place)
            continue
        algorithm, digits = known
        digest = content.strip().lower()
        if (digits and len(digest) != digits) or not _HEX.fullmatch(digest):
            drops.add("hash", "is no digest of its algorithm", place)
        elif found.setdefault(algorithm, digest) != digest:
            drops.add("hash", "contradicts another of the same algorithm", place)
    return found


def licenses(value: Any, place: str, drops: Drops) -> tuple[License, ...]:
    """The stated licences: identifier, else name, else URL, or an expression."""
    if type(value) is list and len(value) == 1 and type(value[0]) is dict and len(value[0]) == 1:
        inner = value[0].get("license")  # most components state one licence, by one word
        one_word = inner.get("id") if type(inner) is dict and len(inner) == 1 else value[0].get("expression")
        if type(one_word) is str and one_word.strip():
            return _alone(one_word)
    found: list[License] = []
    for one in _members(value, "licence", place, drops):
        inner = one.get("license", one)
        if type(inner) is not dict:
            drops.add("licence", "is no object", place)
            continue
        stated = text(inner.get("id") or one.get("expression") or inner.get("name") or inner.get("url"))
        if stated:
            found.append(license_of(stated, text(inner.get("acknowledgement") or one.get("acknowledgement")).lower()))
        else:
            drops.add("licence", "has no identifier, name, URL or expression", place)
    return tuple(found)


@lru_cache(maxsize=65536)
def _alone(stated: str) -> tuple[License, ...]:
    return (license_of(stated.strip(), ""),)


def properties(value: Any, place: str, drops: Drops) -> dict[str, str]:
    """Name to value, the first of each name; others are counted (but for those that `cpes` takes)."""
    found: dict[str, str] = {}
    for one in _members(value, "property", place, drops):
        name = one.get("name")
        if type(name) is not str:
            drops.add("property", "has no name", place)
        elif name in found:
            if name != MORE_CPES:
                drops.add("property", "has a name that stands before already", place)
        else:
            given = one.get("value")
            found[intern(name)] = given.strip() if type(given) is str else text(given)
    return found


def _members(value: Any, what: str, place: str, drops: Drops) -> Iterable[dict[str, Any]]:
    """As `objects` without the index; the usual case, a list of objects, costs nothing."""
    if type(value) is list and {*map(type, value)} <= _OBJECTS:
        return value
    return [one for _, one in objects(value, what, place, drops)]


def cpes(value: Mapping[str, Any], more: bool, place: str, drops: Drops) -> tuple[str, ...]:
    """The CPE names of a component: its own, then, where there are `more`, those that Syft gives as properties of one
    name."""
    own = value.get("cpe")
    if not more and type(own) is str and own.startswith(_CPE):
        return (own.strip(),)
    found = [text(value.get("cpe"))]
    for one in _members(value.get("properties"), "property", place, Drops()):
        if one.get("name") == MORE_CPES:
            found.append(text(one.get("value")))
    names = dict.fromkeys(one for one in found if one)
    good = tuple(one for one in names if one.startswith(_CPE))
    if len(good) < len(names):
        drops.add("cpe", "is no CPE name", place, len(names) - len(good))
    return good


def day(value: str) -> str:
    """The ISO day of a date or timestamp; empty when it is none."""
    found = _DAY.fullmatch(value)
    return found[1] if found else ""
