"""CycloneDX in JSON, 1.2 to 1.7."""

from __future__ import annotations

import re

from scanner.supply_chain.loading.base import Loader, Source, refuse
from scanner.supply_chain.loading.cyclonedx_document import SPECS, Document
from scanner.supply_chain.loading.json_text import read_object
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_FORMAT = re.compile(rb'"bomFormat"\s*:\s*"CycloneDX"')
_FORMAT_UTF16 = "bomFormat".encode("utf-16-le")


def _probe(source: Source) -> bool:
    """The key may stand at the end (sorted or streamed documents); inside a string its quotes would be escaped."""
    return source.family == "json" and (
        _FORMAT.search(source.data) is not None or (b"\0" in source.data[:4] and _FORMAT_UTF16[:-1] in source.head)
    )


def _load(source: Source) -> Bom:
    document = Document(source, "json", _step)
    top = read_object(
        source,
        {
            "components": document.component,
            "dependencies": document.dependency,
            "vulnerabilities": document.vulnerability,
            "services": document.service,
        },
    )
    if top.get("bomFormat") != "CycloneDX":
        raise refuse(source, "is no CycloneDX document itself: another document holds one inside")
    spec = top.get("specVersion")
    if spec not in SPECS:
        raise refuse(
            source,
            f"is CycloneDX {str(spec)[:20]!r}",
            place="/specVersion",
            hint=f"accepted in JSON: {', '.join(SPECS)}",
        )
    for key in ("components", "dependencies", "vulnerabilities", "services"):
        if top.get(key) is not None:
            raise refuse(source, "is no list", place=f"/{key}", hint="make the document again")
    return document.result(top)


def _step(place: str, section: str, index: int) -> str:
    """A JSON pointer (RFC 6901); index -1 for a member that is no list."""
    return f"{place}/{section}" if index < 0 else f"{place}/{section}/{index}"


LOADER = Loader("cyclonedx-json", _probe, _load)
