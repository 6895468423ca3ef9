"""SPDX 2.2 and 2.3 as XML (not RDF): the members of the JSON form as elements, lists as repeated elements.

Source: SPDX 2.3, 1.4 (data format) and the JSON schema, from which the XML form is derived.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from scanner.model.errors import InputError
from scanner.supply_chain.loading.base import Loader, Source
from scanner.supply_chain.loading.spdx2_document import Document
from scanner.supply_chain.loading.spdx2_members import LISTS, STREAMED
from scanner.supply_chain.loading.xml_text import events, local, root_name
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_ROOTS = frozenset({"Document", "SpdxDocument"})
_MARK = b"spdxVersion"
_MARK_WIDE = b"s\0p\0d\0x\0V\0e\0r\0s\0i\0o\0n"


def _probe(source: Source) -> bool:
    if source.family != "xml" or (_MARK not in source.data and _MARK_WIDE not in source.data):
        return False
    try:
        return root_name(source).rpartition("}")[2] in _ROOTS
    except InputError:
        return (
            b"<Document" in source.head or b"\0<\0D\0o\0c" in source.head
        )  # damaged, but meant to be one: `load` says what is wrong


def load(source: Source) -> Bom:
    """The document. Raises InputError for what is no XML, has a DTD, or is no SPDX 2."""
    document = Document(source, "xml")
    top: dict[str, Any] = {}
    counts = dict.fromkeys(STREAMED, 0)
    for event, element, depth in events(source):
        if event != "end" or depth != 2:
            continue
        name = local(element)
        if name in counts:
            counts[name] += 1
            document.part(name, _plain(element), f"/Document/{name}[{counts[name]}]")
        else:
            _put(top, name, _plain(element))
        element.clear()
    return document.finish(top)


def _plain(element: Element) -> Any:
    """Plain data of an element; the depth is bounded by `events`."""
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        _put(found, local(child), _plain(child))
    return found


def _put(found: dict[str, Any], name: str, value: Any) -> None:
    """Add a member; one that repeats becomes a list."""
    if name not in found:
        found[name] = [value] if name in LISTS else value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


LOADER = Loader("spdx-xml", _probe, load)
