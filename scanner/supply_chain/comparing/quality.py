"""How much a document says about its components, and where it says less than the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scanner.supply_chain.comparing.result import Change
from scanner.supply_chain.licenses import stated
from scanner.supply_chain.model import Bom, License

__all__ = ["measure", "quality_changes"]

_SHARES: Mapping[str, str] = {
    "version": "components with a version",
    "purl": "components with a package URL",
    "supplier": "components with a supplier",
    "license": "components with a licence",
    "hash": "components with a hash",
    "relation": "components that a relation names",
}
_FIELDS: Mapping[str, str] = {
    "subject": "what it describes",
    "authors": "who made it",
    "created": "when it was made",
    "tools": "with which tool it was made",
}
_POINT = 10
"""Shares are in tenths of a percent."""


def measure(bom: Bom, named: Sequence[int]) -> dict[str, int]:
    """Shares of components in tenths of a percent (1000 when there are none), and 0 or 1 for fields of the document.
    `named`: by index, 1 for a component that a relation names."""
    components = bom.components
    counts = {
        "version": sum([1 for one in components if one.version]),
        "purl": sum([1 for one in components if one.purl is not None]),
        "supplier": sum([1 for one in components if one.supplier]),
        "license": sum([1 for one in components if _licensed(one.licenses)]),
        "hash": sum([1 for one in components if one.hashes]),
        "relation": sum([1 for one, told in zip(components, named, strict=True) if told or one.parent is not None]),
    }
    total = len(components)
    shares = {name: count * 1000 // total if total else 1000 for name, count in counts.items()}
    return shares | {
        "subject": int(bom.subject is not None),
        "authors": int(bool(bom.authors)),
        "created": int(bool(bom.created)),
        "tools": int(bool(bom.tools)),
    }


def _licensed(licenses: Sequence[License]) -> bool:
    return bool(licenses) and (licenses[0].expression is not None or bool(stated(licenses)))


def quality_changes(old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[Change]:
    """Shares that moved by a percent or more, and fields of the document that came or went."""
    for name, words in {**_SHARES, **_FIELDS}.items():
        before, after = old[name], new[name]
        if before == after or (name in _SHARES and abs(before - after) < _POINT):
            continue
        kind = "quality_worse" if after < before else "quality_better"
        lost = str(abs(before - after) // _POINT) if name in _SHARES else "100"
        yield Change(kind, "", words, _shown(name, before), _shown(name, after), {"field": name, "points": lost})


def _shown(name: str, value: int) -> str:
    if name in _FIELDS:
        return "yes" if value else "no"
    return f"{value // _POINT}.{value % _POINT} %"
