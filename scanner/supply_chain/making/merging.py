"""One item for each thing: what lies in several places of a target is one component with several places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.supply_chain.making.inventory import Item

__all__ = ["PLACES", "merged"]

PLACES = "assay:places"
"""Property that names every place of something that lies in several."""
_MOST_PLACES = 20


def merged(items: Iterable[Item]) -> list[Item]:
    """The items by key. Of those with one key the claims on files are put together; a digest stands only where all of
    them have it; one that nobody brought leaves the whole without an owner."""
    by_key: dict[str, list[Item]] = {}
    for item in items:
        by_key.setdefault(item.key, []).append(item)
    return [_one(some) if len(some) > 1 else some[0] for _, some in sorted(by_key.items())]


def _one(items: Sequence[Item]) -> Item:
    some = sorted(items, key=lambda item: item.place)
    first = some[0]
    places = list(dict.fromkeys(item.place for item in some))
    shown = places[:_MOST_PLACES] + ([f"and {len(places) - _MOST_PLACES} more"] if len(places) > _MOST_PLACES else [])
    owners = {item.owner for item in some if item.owner != first.key}
    return replace(
        first,
        owner=""
        if "" in owners
        else min(owners, key=lambda owner: (_kind(owner) == _kind(first.key), owner), default=""),
        hashes={
            name: value for name, value in first.hashes.items() if all(one.hashes.get(name) == value for one in some)
        },
        requires=tuple(dict.fromkeys(need for item in some for need in item.requires)),
        files=tuple(dict.fromkeys(file for item in some for file in item.files)),
        folders=tuple(dict.fromkeys(folder for item in some for folder in item.folders)),
        inside=tuple(dict.fromkeys(path for item in some for path in item.inside)),
        properties={**first.properties, PLACES: "; ".join(shown)} if len(places) > 1 else first.properties,
    )


def _kind(key: str) -> str:
    """What kind of thing has this key: a package of the system is the owner of an archive rather than an archive."""
    return key.partition("/")[0].partition(":")[2]
