"""Values that SPDX 2 and SPDX 3 write in the same words: agents, digests, purposes, package URLs, CPE names.

Sources: SPDX 2.3 clause 7 (7.5 supplier, 7.10 checksum, 7.21 external reference, 7.24 purpose); SPDX 3.0 vocabularies
HashAlgorithm and SoftwarePurpose.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from scanner.supply_chain.identity import canonical_purl
from scanner.supply_chain.loading.base import Drops

__all__ = ["NOTHING", "Identifiers", "Words", "add_digest", "agent", "day", "reference_property", "type_of"]

NOTHING = frozenset({"", "NOASSERTION", "NONE"})
"""What SPDX writes where nothing is said."""

_AGENT = re.compile(r"(person|organi[sz]ation|tool|agent)\s*:\s*", re.IGNORECASE)
_CPE = ("cpe:2.3:", "cpe:/")
_MAIL = re.compile(r"\s*\(\s*([^()]*@[^()]*|)\s*\)\s*$")
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)(?:\+[a-z]+)?:", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")
_OBJECTS = frozenset({dict})
_HEX = re.compile(r"[0-9a-f]+")

_DIGITS = {
    "adler32": 8,
    "md2": 32,
    "md4": 32,
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3-224": 56,
    "sha3-256": 64,
    "sha3-384": 96,
    "sha3-512": 128,
    "blake2b-256": 64,
    "blake2b-384": 96,
    "blake2b-512": 128,
}
"""Hexadecimal digits of a digest; algorithms with output of any length (md6, blake3) are not listed."""

_TYPES = {
    "APPLICATION": "application",
    "CONTAINER": "container",
    "DATA": "data",
    "DEVICE": "device",
    "DEVICEDRIVER": "device-driver",
    "EXECUTABLE": "application",
    "FILE": "file",
    "FIRMWARE": "firmware",
    "FRAMEWORK": "framework",
    "INSTALL": "application",
    "LIBRARY": "library",
    "MODEL": "machine-learning-model",
    "OPERATINGSYSTEM": "operating-system",
    "PLATFORM": "platform",
}
_IDENTIFIERS = {
    "purl": "purl",
    "packageurl": "purl",
    "package-url": "purl",
    "cpe22type": "cpe",
    "cpe23Type": "cpe",
    "cpe23type": "cpe",
    "cpe22": "cpe",
    "cpe23": "cpe",
}
_PURL_TYPES = {
    "docker": "container",
    "oci": "container",
    "huggingface": "machine-learning-model",
    "mlflow": "machine-learning-model",
}


@lru_cache(maxsize=16384)
def agent(text: str) -> tuple[str, str, str]:
    """Kind (person, organization, tool, or empty), name and mail of `Organization: Name (mail)`; a tool has no mail."""
    found = _AGENT.match(text)
    kind = found[1].lower().replace("organisation", "organization") if found else ""
    rest = text[found.end() :] if found else text
    mail = None if kind == "tool" else _MAIL.search(rest)
    if mail is None:
        return ("" if kind == "agent" else kind), rest.strip(), ""
    return ("" if kind == "agent" else kind), rest[: mail.start()].strip(), mail[1].strip()


def day(text: str) -> str:
    """The ISO day at the start of an instant; empty when there is none."""
    found = _DAY.match(text)
    return found[0] if found else ""


def reference_property(address: str) -> str:
    """The property that an address to fetch a package from becomes: of a repository, or of a file."""
    return "assay:reference:vcs" if _REPOSITORY.match(address) else "assay:reference:distribution"


def type_of(purpose: str, purl: str | None) -> str:
    """The component type of a package. ARCHIVE, SOURCE, OTHER and the like say how it is packed, not what it is: such a
    package is a library like one without purpose, unless its purl says container or model."""
    known = _TYPES.get(purpose.upper().replace("-", "").replace("_", "")) if purpose else None
    if known is not None:
        return known
    return _PURL_TYPES.get(purl[4:].partition("/")[0], "library") if purl is not None else "library"


@lru_cache(maxsize=256)
def _algorithm(text: str) -> str:
    """The model's word of an algorithm: `SHA-256`, `checksumAlgorithm_sha256` and `sha256` are all sha256."""
    word = text.strip().lower().rpartition("#")[2].removeprefix("checksumalgorithm_").replace("_", "-")
    for family in ("sha3", "blake2b"):
        if word.startswith(family):
            return f"{family}-{word.removeprefix(family).lstrip('-')}"
    return word.replace("-", "")


def add_digest(hashes: dict[str, str], algorithm: str, value: str, drops: Drops, place: str) -> None:
    """Put a digest into `hashes`; one that cannot be of its algorithm, or is the second of it, is counted."""
    name = _algorithm(algorithm)
    if not name:
        drops.add("hash", "has no algorithm", place)
        return
    digits = value.strip().lower()
    size = _DIGITS.get(name)
    if not _HEX.fullmatch(digits) or (len(digits) != size if size else len(digits) % 2):
        drops.add("hash", "is no digest of its algorithm", place)
    elif hashes.setdefault(name, digits) != digits:
        drops.add("hash", "is the second, different one of its algorithm", place)


class Identifiers:
    """Collects the package URLs and CPE names of one component. The first package URL counts; further ones, and one
    that is none, are in `properties`."""

    __slots__ = ("cpes", "properties", "purl")

    def __init__(self) -> None:
        self.purl: str | None = None
        self.properties: dict[str, str] = {}
        self.cpes: list[str] = []

    def add(self, kind: str, value: str, drops: Drops, place: str) -> bool:
        """Take an identifier of the kind purl, cpe22 or cpe23 (any case, `…Type`, `packageURL`); False for others."""
        word = _IDENTIFIERS.get(kind) or _IDENTIFIERS.get(kind.lower())
        if word is None:
            return False
        if word == "purl":
            self._purl(value, drops, place)
        else:
            self._cpe(value, drops, place)
        return True

    def _purl(self, value: str, drops: Drops, place: str) -> None:
        purl = canonical_purl(value)
        if purl is None:
            self.properties.setdefault("assay:purl-as-written", value)
            drops.add("purl", "is no package URL; kept as the property assay:purl-as-written", place)
        elif self.purl is None:
            self.purl = purl
        elif purl != self.purl and purl not in self.properties.values():
            number = sum(name.startswith("assay:purl#") for name in self.properties) + 2
            self.properties[f"assay:purl#{number}"] = purl
            drops.add("purl", "is a further one of the component; kept as the property assay:purl#2 …", place)

    def _cpe(self, value: str, drops: Drops, place: str) -> None:
        if not value.startswith(_CPE) and not value.lower().startswith(_CPE):
            drops.add("cpe", "is no CPE name", place)
        elif value not in self.cpes:
            self.cpes.append(value)


class Words:
    """Reads text out of plain data, and counts what is no text or says nothing."""

    __slots__ = ("drops",)

    def __init__(self, drops: Drops) -> None:
        self.drops = drops

    def text(self, value: object, what: str, place: str) -> str:
        """`value` without space around it; empty for nothing. A number becomes its digits, anything else is counted."""
        if type(value) is str:
            return value.strip()
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        self.drops.add(what, "is no text", place)
        return ""

    def said(self, value: object, what: str, place: str) -> str:
        """As `text`, but empty (and counted) for NOASSERTION and NONE."""
        text = value.strip() if type(value) is str else self.text(value, what, place)
        if text == "NOASSERTION" or text == "NONE":
            self.drops.add(what, text, place)
            return ""
        return text

    def objects(self, value: object, what: str, place: str) -> list[dict[str, object]]:
        """The objects of a list (or the one object where a list was meant); others are counted."""
        if value is None:
            return []
        items: list[Any] = value if type(value) is list else [value]
        if {*map(type, items)} <= _OBJECTS:
            return items
        found = [item for item in items if type(item) is dict]
        self.drops.add(what, "is no object", place, len(items) - len(found))
        return found

    def texts(self, value: object, what: str, place: str) -> list[str]:
        """The texts of a list (or the one text where a list was meant); empty ones are left off."""
        if value is None:
            return []
        items = value if isinstance(value, list) else [value]
        return [text for text in (self.text(item, what, place) for item in items) if text]
