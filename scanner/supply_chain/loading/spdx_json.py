"""SPDX 2.0 to 2.3 as JSON: any size, one package at a time.

Source: SPDX 2.3 JSON schema. The wrapper `{"sbom": {…}}` that code hosts put around a document is taken off.
"""

from __future__ import annotations

import re

from scanner.supply_chain.loading.base import Loader, Source
from scanner.supply_chain.loading.json_text import read_object
from scanner.supply_chain.loading.spdx2_document import Document
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_MARK = re.compile(rb'"spdxVersion"\s*:')  # inside a string its closing quote would be escaped
_MARK_WIDE = re.compile(rb's\0?p\0?d\0?x\0?V\0?e\0?r\0?s\0?i\0?o\0?n\0?"')


def _probe(source: Source) -> bool:
    if source.family != "json":
        return False
    if b"\0" in source.data[:4]:
        return _MARK_WIDE.search(source.data) is not None
    return _MARK.search(source.data) is not None


def load(source: Source) -> Bom:
    """The document. Raises InputError for what is no strict JSON or no SPDX 2."""
    document = Document(source, "json")
    top = read_object(source, document.sinks())
    inner = top.get("sbom")
    if "spdxVersion" not in top and isinstance(inner, dict):
        return document.finish(inner, "/sbom")
    return document.finish(top)


LOADER = Loader("spdx-json", _probe, load)
