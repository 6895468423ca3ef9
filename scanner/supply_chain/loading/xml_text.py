"""XML documents: no DTD (no entities to expand, nothing external to fetch), bounded depth, one subtree at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Never
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

from scanner.model.errors import InputError
from scanner.supply_chain.loading.base import MAX_DEPTH, Source, refuse

__all__ = ["events", "local", "root_name"]

_HINT = "the file may be cut off or edited by hand: make it again, or copy it again"


class _Found(Exception):  # noqa: N818 - it ends the parse at the first element, it is no failure
    """The root element was met."""


def root_name(source: Source) -> str:
    """The root element as `{namespace}name`. Raises InputError for a document type declaration or text that is no XML.

    A declaration can stand only before the root: what passes here holds no entity but XML's own five.
    """
    parser = expat.ParserCreate(namespace_separator="}")
    found: list[str] = []

    def started(name: str, _attributes: object) -> Never:
        found.append(name)
        raise _Found

    def declared(*_: object) -> Never:
        raise InputError(
            "has a document type declaration (DTD)",
            where=source.where,
            hint="no SBOM format needs one, and entities can be used to attack readers: remove the <!DOCTYPE …>",
        )

    parser.StartElementHandler = started
    parser.StartDoctypeDeclHandler = declared
    try:
        parser.Parse(source.data, True)
    except _Found:
        name = found[0]
        return "{" + name if "}" in name else name
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise refuse(source, f"not XML: {error}", hint=_HINT) from None
    raise refuse(source, "not XML: no element", hint=_HINT)


def events(source: Source) -> Iterator[tuple[str, Element, int]]:
    """(`start` or `end`, element, depth of the element; the root has 1), in document order. The caller clears what it
    has taken (`element.clear()`), so that memory stays small. Raises InputError as it goes."""
    root_name(source)
    depth = 0
    try:
        for event, element in iterparse(io.BytesIO(source.data), ("start", "end")):  # noqa: S314 - root_name refused DTDs
            if event == "start":
                depth += 1
                if depth > MAX_DEPTH:
                    raise refuse(source, f"nested deeper than {MAX_DEPTH} levels", hint=_HINT)
                yield event, element, depth
            else:
                yield event, element, depth
                depth -= 1
    except (ParseError, ValueError, LookupError) as error:
        raise refuse(source, f"not XML: {error}", hint=_HINT) from None


def local(element: Element) -> str:
    """The name of an element without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
