"""SPDX 3.0 (3.0.1) as JSON-LD in the form that the official context defines; any size, one element at a time.

Source: SPDX 3.0.1, serialization of JSON-LD. Documents with a context of their own, or expanded by a JSON-LD processor,
are not read: the names of their members would have to be looked up on the network.
"""

from __future__ import annotations

import re

from scanner.supply_chain.loading.base import Loader, Source, refuse
from scanner.supply_chain.loading.json_text import read_object
from scanner.supply_chain.loading.spdx3_document import Document3
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_CONTEXT = re.compile(rb'"@context"\s*:\s*\[?\s*"https?://spdx\.(?:org|github\.io)/')
_CONTEXT_WIDE = re.compile(rb"@\0?c\0?o\0?n\0?t\0?e\0?x\0?t\0")


def _probe(source: Source) -> bool:
    if source.family != "json":
        return False
    if b"\0" in source.data[:4]:
        return _CONTEXT_WIDE.search(source.head) is not None
    return _CONTEXT.search(source.data) is not None


def load(source: Source) -> Bom:
    """The document. Raises InputError for what is no strict JSON or not SPDX 3.0."""
    document = Document3(source)
    top = read_object(source, {"@graph": document.element})
    context = top.pop("@context", "")
    graph = top.pop("@graph", None)
    if graph is not None:
        raise refuse(source, "is no list", place="/@graph")
    if top.get("type") or top.get("@type"):
        document.element(top, 0)  # a document of one element has no graph
    return document.finish(context)


LOADER = Loader("spdx3-json", _probe, load)
