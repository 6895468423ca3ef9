"""XML of strangers: no document type declaration, so no entity but XML's own five and nothing to fetch; bounded.

Source: XML 1.0 (section 2.8: a declaration can stand only before the root element).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

from scanner.model.errors import ParseError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["DeclarationError", "local", "parse", "root_name"]

MAX_DEPTH = 64
"""Elements one inside the other."""


class DeclarationError(ParseError):
    """The document has a DTD. Its entities can be used to attack readers."""


class _Found(Exception):  # noqa: N818 - it ends the parse at the first element, it is no failure
    """The root element was met."""


def root_name(data: bytes) -> str:
    """The root element as `{namespace}name`. Raises DeclarationError for a DTD, ParseError for what is no XML.

    What passes here can be given to any parser: a declaration does not follow.
    """
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator="}")
    found: list[str] = []

    def started(name: str, _attributes: object) -> Never:
        found.append(name)
        raise _Found

    def declared(*_: object) -> Never:
        raise DeclarationError("has a document type declaration (DTD)")

    parser.StartElementHandler = started
    parser.StartDoctypeDeclHandler = declared
    try:
        parser.Parse(data, True)
    except _Found:
        name = found[0]
        return "{" + name if "}" in name else name
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ParseError(f"not XML: {error}") from None
    raise ParseError("not XML: no element")


def parse(data: bytes, elements: int) -> Element:
    """The root element of a document with at most `elements` elements. Raises ParseError."""
    from xml.etree import ElementTree

    class Bounded(ElementTree.TreeBuilder):
        """Counts while the tree grows."""

        seen = depth = 0

        def start(self, tag: Any, attrs: Any) -> Any:
            self.seen += 1
            self.depth += 1
            if self.seen > elements or self.depth > MAX_DEPTH:
                raise ParseError(f"more than {elements} elements, or more than {MAX_DEPTH} one inside the other")
            return super().start(tag, attrs)

        def end(self, tag: Any) -> Any:
            self.depth -= 1
            return super().end(tag)

    root_name(data)
    parser = ElementTree.XMLParser(target=Bounded())  # noqa: S314 - root_name refused DTDs
    try:
        parser.feed(data)
        root: Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ParseError(f"not XML: {error}") from None
    return root


def local(element: Element) -> str:
    """The name of an element without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
