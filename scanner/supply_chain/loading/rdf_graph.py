"""RDF/XML documents as a graph: every subject with its statements.

Source: W3C RDF 1.1 XML Syntax, section 7, without reification, containers and collections, which SPDX does not use.
Own states on top of the XML parser, so that nesting costs memory only, and nothing is built but the graph itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Never
from xml.parsers import expat

from scanner.supply_chain.loading.base import Source, refuse
from scanner.supply_chain.loading.xml_text import root_name

__all__ = ["RDF", "TYPE", "Node", "Resource", "read_graph"]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE = f"{RDF}type"
_SPACE = "}"


class Resource(str):
    """The name of a node (an IRI, or `_:name` for a blank one), as against literal text."""

    __slots__ = ()


class Node:
    """A subject: its line in the document, and predicate (full IRI) to values in document order."""

    __slots__ = ("line", "values")

    def __init__(self, line: int) -> None:
        self.line = line
        self.values: dict[str, list[str]] = {}


class _Frame:
    """An open element: a node (`predicate` empty) or a property of `subject`."""

    __slots__ = ("predicate", "subject", "text", "used")

    def __init__(self, subject: str, predicate: str) -> None:
        self.subject = subject
        self.predicate = predicate
        self.text: list[str] = []
        self.used = False


def read_graph(source: Source) -> dict[str, Node]:
    """Subject to node, in order of appearance. Raises InputError for what is no XML or has a DTD."""
    root_name(source)  # refuses document type declarations
    reader = _Reader()
    try:
        reader.parser.Parse(source.data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise refuse(source, f"not XML: {error}", hint="the file may be cut off: copy it again") from None
    return reader.nodes


class _Reader:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._stack: list[_Frame | None] = []
        self._blank = 0
        self.parser = expat.ParserCreate(namespace_separator=_SPACE)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = _declared

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = _iri(name)
        given = {_iri(key): value for key, value in attributes.items()} if attributes else {}
        above = self._stack[-1] if self._stack else None
        if not self._stack and name == f"{RDF}RDF":
            self._stack.append(None)
        elif above is None or above.predicate:
            self._stack.append(self._node(name, given, above))
        else:
            self._stack.append(self._property(name, given, above))

    def _node(self, name: str, given: dict[str, str], above: _Frame | None) -> _Frame:
        subject = self._named(given)
        self._add_all(subject, given)
        if name != f"{RDF}Description":
            self._add(subject, TYPE, Resource(name))
        if above is not None:
            above.used = True
            self._add(above.subject, above.predicate, subject)
        return _Frame(subject, "")

    def _property(self, name: str, given: dict[str, str], above: _Frame) -> _Frame:
        if f"{RDF}resource" in given or f"{RDF}nodeID" in given:
            frame = _Frame(above.subject, name)
            frame.used = True
            target = given.get(f"{RDF}resource")
            self._add(above.subject, name, Resource(target) if target is not None else self._named(given))
            return frame
        if given.get(f"{RDF}parseType") == "Resource":
            subject = self._named({})
            self._add(above.subject, name, subject)
            return _Frame(subject, "")
        return _Frame(above.subject, name)

    def _end(self, _name: str) -> None:
        frame = self._stack.pop()
        if frame is not None and frame.predicate and not frame.used:
            self._add(frame.subject, frame.predicate, "".join(frame.text))

    def _text(self, text: str) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.predicate and not frame.used:
            frame.text.append(text)

    def _named(self, given: dict[str, str]) -> Resource:
        """The subject that the attributes name, or a new blank one; it is in the graph from now on."""
        name = given.get(f"{RDF}about")
        if name is None and f"{RDF}ID" in given:
            name = "#" + given[f"{RDF}ID"]
        if name is None and f"{RDF}nodeID" in given:
            name = "_:named " + given[f"{RDF}nodeID"]
        if name is None:
            self._blank += 1
            name = f"_:{self._blank}"
        if name not in self.nodes:
            self.nodes[name] = Node(self.parser.CurrentLineNumber)
        return Resource(name)

    def _add_all(self, subject: str, given: dict[str, str]) -> None:
        """Attributes that are statements themselves."""
        for predicate, value in given.items():
            if predicate == TYPE:
                self._add(subject, predicate, Resource(value))
            elif not predicate.startswith((RDF, "http://www.w3.org/XML/1998/namespace")):
                self._add(subject, predicate, value)

    def _add(self, subject: str, predicate: str, value: str) -> None:
        self.nodes[subject].values.setdefault(predicate, []).append(value)


@lru_cache(maxsize=4096)
def _iri(name: str) -> str:
    """Namespace and local name in one, the same object for the same name."""
    return name.replace(_SPACE, "", 1)


def _declared(*_: object) -> Never:
    raise ValueError("a document type declaration")  # root_name refused it before: there is none here
