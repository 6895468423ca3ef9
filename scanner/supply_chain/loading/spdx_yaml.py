"""SPDX 2.2 and 2.3 as YAML: the JSON form in YAML clothes.

Read from the events of the C parser: every scalar is the text that was written (a version `1.10` stays one), packages
are handed on one by one, and aliases are paid for by the size of what they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from scanner.supply_chain.loading.base import MAX_DEPTH, Loader, Source, refuse
from scanner.supply_chain.loading.spdx2_document import Document
from scanner.supply_chain.loading.spdx2_members import STREAMED
from scanner.supply_chain.loading.spdx_plain_text import decoded
from scanner.supply_chain.model import Bom

__all__ = ["LOADER", "MAX_YAML"]

MAX_YAML = 64 * 1024 * 1024
"""Bytes of a YAML document: its parser reads some 2 MB a second."""

MAX_ALIASED = 100_000
"""Values that the aliases of a document may stand for, taken together."""

_MARK = re.compile(rb"""^(?:\xef\xbb\xbf)?["']?spdxVersion["']?[ \t]*:""", re.MULTILINE)
_WIDE = re.compile(rb"s\0p\0d\0x\0V\0e\0r\0s\0i\0o\0n\0")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BASE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _probe(source: Source) -> bool:
    if source.family != "text":
        return False
    return (_WIDE if b"\0" in source.data[:4] else _MARK).search(source.data) is not None


def load(source: Source) -> Bom:
    """The document. Raises InputError with the line for what is no YAML, is too large, or plays tricks with aliases."""
    if len(source.data) > MAX_YAML:
        raise refuse(
            source,
            f"is a YAML document of more than {MAX_YAML // 1024 // 1024} MiB",
            hint="hand in the same document as JSON",
        )
    document = Document(source, "yaml")
    top = _Builder(source, document.part).build(decoded(source, document.drops))
    if not isinstance(top, dict):
        raise refuse(source, "the top is no mapping")
    return document.finish(top)


class _Open(NamedTuple):
    """A collection that is being read."""

    made: dict[str, Any] | list[Any]
    anchor: str | None
    line: int
    before: int
    """Values of the document that stand before it."""


class _Builder:
    """Makes plain data of events. No recursion: the depth is checked as it grows."""

    def __init__(self, source: Source, part: Callable[[str, Any, str], None]) -> None:
        self._source = source
        self._part = part
        self._open: list[_Open] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._aliased = 0
        self._top: Any = None

    def build(self, text: str) -> Any:
        """The one document in `text`, without the lists that were handed on."""
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_BASE):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._refused(event, "a second document follows")
                elif isinstance(event, yaml.NodeEvent):
                    self._node(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._end(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"line {mark.line + 1}" if mark is not None else ""
            raise refuse(self._source, f"not YAML: {error.problem or error.context}", place=place) from None
        except (yaml.YAMLError, UnicodeError, ValueError) as error:
            raise refuse(self._source, f"not YAML: {str(error)[:200]}") from None
        return self._top

    def _node(self, event: Any) -> None:
        self._values += 1
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None and event.value in _NULL
            self._place(None if plain else event.value, event, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise self._refused(event, "an alias to nothing, or to what it is part of")
            self._aliased += known[1]
            if self._aliased > MAX_ALIASED:
                raise self._refused(event, f"aliases stand for more than {MAX_ALIASED} values")
            self._values += known[1]  # what an alias stands for counts again inside another anchor
            self._place(known[0], event, None, 0)
        else:
            if len(self._open) >= MAX_DEPTH:
                raise self._refused(event, f"nested deeper than {MAX_DEPTH} levels")
            made: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            if self._open and isinstance(self._open[-1].made, dict) and self._keys[-1] is None:
                raise self._refused(event, "a key that is no text")
            self._open.append(_Open(made, event.anchor, event.start_mark.line + 1, self._values))
            self._keys.append(None)

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        self._keys.pop()
        self._place(done.made, event, done.anchor, self._values - done.before + 1, done.line)

    def _place(self, value: Any, event: Any, anchor: str | None, size: int, line: int | None = None) -> None:
        """Put a finished value where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = value, size
        if not self._open:
            self._top = value
            return
        around = self._open[-1].made
        if isinstance(around, list):
            if len(self._open) == 2 and self._keys[0] in STREAMED:
                self._part(self._keys[0] or "", value, f"line {line or event.start_mark.line + 1}")
            else:
                around.append(value)
            return
        key = self._keys[-1]
        if key is None:
            if not isinstance(value, str):
                raise self._refused(event, "a key that is no text")
            if value in around:
                raise self._refused(event, f"the key {value[:80]!r} stands twice")
            self._keys[-1] = value
        else:
            around[key] = value
            self._keys[-1] = None

    def _refused(self, event: Any, why: str) -> Exception:
        return refuse(self._source, f"not acceptable YAML: {why}", place=f"line {event.start_mark.line + 1}")


LOADER = Loader("spdx-yaml", _probe, load)
