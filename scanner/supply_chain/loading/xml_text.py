"""XML documents: no DTD (no entities to expand, nothing external to fetch), bounded depth, one subtree at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree.ElementTree import Element, iterparse
from xml.etree.ElementTree import ParseError as XmlError

from scanner.model.errors import InputError, ParseError
from scanner.parsers import plain_xml
from scanner.parsers.plain_xml import local
from scanner.supply_chain.loading.base import MAX_DEPTH, Source, refuse

__all__ = ["events", "local", "root_name"]

_HINT = "the file may be cut off or edited by hand: make it again, or copy it again"


def root_name(source: Source) -> str:
    """The root element as `{namespace}name`. Raises InputError for a document type declaration or text that is no XML.

    A declaration can stand only before the root: what passes here holds no entity but XML's own five.
    """
    try:
        return plain_xml.root_name(source.data)
    except plain_xml.DeclarationError as error:
        raise InputError(
            error.message,
            where=source.where,
            hint="no SBOM format needs one, and entities can be used to attack readers: remove the <!DOCTYPE …>",
        ) from None
    except ParseError as error:
        raise refuse(source, error.message, hint=_HINT) from None


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
    except (XmlError, ValueError, LookupError) as error:
        raise refuse(source, f"not XML: {error}", hint=_HINT) from None
