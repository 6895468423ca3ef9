"""The contract of the loaders: what they are given, what they declare, how they count what they leave out.

A format is one module of this package with `LOADER = Loader(id, probe, load)`. `probe` must be cheap (a look at
`source.head`, or one search of a literal in `source.data`) and must not raise; `load` returns a whole `Bom` or raises
InputError with the place. JSON goes through `json_text.read_object`, XML through `xml_text`, so that every format
refuses the same tricks (duplicate keys, NaN, DTDs, bottomless nesting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scanner.model.errors import InputError
from scanner.supply_chain.model import Bom, Dropped

__all__ = ["HEAD", "MAX_DEPTH", "Drops", "Loader", "Refs", "Source", "refuse"]

HEAD = 64 * 1024
"""Bytes at the start of a document in which a probe looks."""

MAX_DEPTH = 200
"""Levels of nesting that a document may have; real ones have fewer than 20."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document to be loaded. `data`: its bytes, decompressed; `where`: the name for messages; `sha256`: of the bytes
    as they were handed in; `family`: json, xml or text (tag-value, YAML) by the first character that is no space."""

    data: bytes
    where: str
    sha256: str
    family: str

    @property
    def head(self) -> bytes:
        """The first bytes, for probes."""
        return self.data[:HEAD]


@dataclass(frozen=True, slots=True)
class Loader:
    """One format. `id`: format and encoding (`cyclonedx-json`, `spdx-tag-value`)."""

    id: str
    probe: Callable[[Source], bool]
    load: Callable[[Source], Bom]


def refuse(source: Source, message: str, *, hint: str = "", place: str = "") -> InputError:
    """The InputError to raise for a document that cannot be used; `place` is a pointer, path or line inside it."""
    return InputError(f"at {place}: {message}" if place else message, where=source.where, hint=hint)


class Drops:
    """Counts what a loader leaves out, by kind and reason; the place of the first of each is kept."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[str, int]] = {}

    def add(self, what: str, why: str, place: str = "", count: int = 1) -> None:
        """`count` more of `what` were left out because of `why`. Both are fixed words: values belong in `place`."""
        first, so_far = self._found.get((what, why), (place, 0))
        self._found[what, why] = first, so_far + count

    def result(self) -> tuple[Dropped, ...]:
        """For `Bom.dropped`, in order of first appearance."""
        return tuple(Dropped(what, why, place, count) for (what, why), (place, count) in self._found.items())


class Refs:
    """Makes the refs of components unique: the first keeps its name, later ones get `#2`, `#3` …"""

    def __init__(self, drops: Drops) -> None:
        self._seen: dict[str, str] = {}
        self._next: dict[str, int] = {}
        self._drops = drops

    def take(self, ref: str, place: str) -> str:
        """`ref`, or a name made of it that no component has yet (counted)."""
        if ref not in self._seen:
            self._seen[ref] = ref
            return ref
        self._drops.add("reference", "names more than one component; relations to it go to the first", place)
        return self._made(ref)

    def make(self, stem: str) -> str:
        """A ref for a component that the document gives none: `stem` made unique (not counted)."""
        if stem in self._seen:
            return self._made(stem)
        self._seen[stem] = stem
        return stem

    def same(self, ref: str) -> str:
        """`ref` as the object that is kept already, where there is one: edges then cost no text of their own."""
        return self._seen.get(ref, ref)

    def _made(self, ref: str) -> str:
        number = self._next.get(ref, 2)
        while f"{ref}#{number}" in self._seen:
            number += 1
        self._next[ref] = number + 1
        made = f"{ref}#{number}"
        self._seen[made] = made
        return made

    def missing(self, refs: Iterable[str]) -> list[str]:
        """Those of `refs` that name no component."""
        return [ref for ref in refs if ref not in self._seen]

    def __contains__(self, ref: str) -> bool:
        return ref in self._seen
