"""CycloneDX in XML, 1.2 to 1.7: elements are brought into the shape of the JSON format, one subtree at a time.

Source: the CycloneDX XML schemas. Elements of other namespaces (extensions, signatures) are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from scanner.model.errors import InputError
from scanner.supply_chain.loading import xml_text
from scanner.supply_chain.loading.base import Loader, Source, refuse
from scanner.supply_chain.loading.cyclonedx_document import SPECS, Document
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_NAMESPACE = "http://cyclonedx.org/schema/bom/"
_LISTS = frozenset(
    {"affects", "assemblies", "authors", "components", "compositions", "externalReferences", "hashes", "licenses"}
    | {"lifecycles", "properties", "ratings", "services", "versions", "vulnerabilities"}
)
"""Elements whose children are the members of a JSON list."""
_SECTIONS: Mapping[str, str] = {
    "components": "component",
    "compositions": "composition",
    "dependencies": "dependency",
    "services": "service",
    "vulnerabilities": "vulnerability",
}
"""Lists of the document and the element of a member."""
_CONTENT: Mapping[str, str] = {"hash": "content", "property": "value", "attachment": "content", "text": "content"}
"""What JSON calls the text of an element that has attributes too."""

_SHAPED = frozenset({*_LISTS, *_CONTENT, "assembly", "dependency", "tools"})
"""Elements that are no plain text even when there is nothing in them."""


def _probe(source: Source) -> bool:
    if source.family != "xml":
        return False
    try:
        return xml_text.root_name(source).startswith("{" + _NAMESPACE)
    except InputError:
        return _NAMESPACE.encode() in source.head  # damaged, but meant to be one: `load` says what is wrong


def _load(source: Source) -> Bom:
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.document = Document(source, "xml", _step)
        self.prefix = ""
        self.top: dict[str, Any] = {}
        self.counts: dict[str, int] = {}

    def read(self) -> Bom:
        root = section = Element("")
        takes = False
        takers: Mapping[str, Callable[[Any, int], None]] = {
            "components": self.document.component,
            "dependencies": self.document.dependency,
            "services": self.document.service,
            "vulnerabilities": self.document.vulnerability,
        }
        for event, element, depth in xml_text.events(self.source):
            if depth > 3:
                continue
            if event == "start":
                if depth == 1:
                    self._root(element)
                    root = element
                elif depth == 2:
                    section = element
                    takes = xml_text.local(element) in takers and self._ours(element)
            elif depth == 3 and takes:
                self._member(element, xml_text.local(section), takers)
                section.remove(element)
            elif depth == 2:
                self._part(element, takers)
                root.remove(element)
        return self.document.result(self.top)

    def _root(self, element: Element) -> None:
        namespace, _, name = element.tag[1:].partition("}")
        spec = namespace.removeprefix(_NAMESPACE)
        if name != "bom" or spec not in SPECS:
            raise refuse(
                self.source,
                f"is CycloneDX {name[:20]} {spec[:20]!r}",
                place="/bom",
                hint=f"accepted in XML: {', '.join(SPECS)}",
            )
        self.prefix = "{" + namespace + "}"
        self.top = {"specVersion": spec, **_attributes(element)}

    def _ours(self, element: Element) -> bool:
        return isinstance(element.tag, str) and element.tag.startswith(self.prefix)

    def _member(self, element: Element, section: str, takers: Mapping[str, Callable[[Any, int], None]]) -> None:
        """One component, dependency, … of the document."""
        if self._ours(element):
            index = self.counts.get(section, 0)
            self.counts[section] = index + 1
            takers[section](self._value(element), index)
        else:
            self._foreign(element)

    def _part(self, element: Element, takers: Mapping[str, object]) -> None:
        """One child of the root that is no list of members."""
        name = xml_text.local(element)
        if not self._ours(element):
            self._foreign(element)
        elif name in self.top:
            raise refuse(self.source, f"<{name}> stands twice", place="/bom")
        elif name in takers:
            self.top[name] = None  # its members were handed over
        else:
            self.top[name] = self._value(element)

    def _foreign(self, element: Element) -> None:
        self.document.drops.add("extension", "an element of another namespace", str(element.tag)[:200])

    def _value(self, element: Element) -> Any:
        """An element of ours as JSON has it: text, an object, or a list."""
        prefix = self.prefix
        name = element.tag[len(prefix) :]
        if not len(element) and not element.attrib and name not in _SHAPED:  # most elements are a text and no more
            return (element.text or "").strip()
        own = []
        for child in element:
            if type(child.tag) is str and child.tag.startswith(prefix):
                own.append(child)
            else:
                self._foreign(child)
        if name == "licenses":
            return [self._license(child) for child in own]
        if name in _LISTS or (name == "tools" and all(xml_text.local(child) == "tool" for child in own)):
            return [self._value(child) for child in own]
        if name == "dependency":
            return self._dependency(element, own)
        if name == "assembly" or (name == "dependencies" and own):
            return element.get("ref") or [child.get("ref", "") for child in own]
        body = (element.text or "").strip()
        found: dict[str, Any] = _attributes(element)
        if not own and not found and name not in _CONTENT:
            return body
        if not own and body:
            found[_CONTENT.get(name, "value")] = body
        for child in own:
            key, value = child.tag[len(prefix) :], self._value(child)
            if key not in found:
                found[key] = value
            elif isinstance(found[key], list) and key not in _LISTS:
                found[key].append(value)
            else:
                found[key] = [found[key], value]
        return found

    def _license(self, element: Element) -> dict[str, Any]:
        if xml_text.local(element) == "expression":
            return {**_attributes(element), "expression": (element.text or "").strip()}
        value = self._value(element)
        return {"license": value if isinstance(value, dict) else {}}

    def _dependency(self, element: Element, own: list[Element]) -> dict[str, Any]:
        found: dict[str, Any] = {"ref": element.get("ref", "")}
        for tag, key in (("dependency", "dependsOn"), ("provides", "provides")):
            refs = [child.get("ref", "") for child in own if xml_text.local(child) == tag]
            if refs:
                found[key] = refs
        return found


def _attributes(element: Element) -> dict[str, Any]:
    """Those without a namespace: xsi:schemaLocation and the like say nothing about the content."""
    found = element.attrib
    if not found:
        return {}
    return {name: value for name, value in found.items() if "}" not in name}


def _step(place: str, section: str, index: int) -> str:
    """A path of elements; index -1 for a member that is no list."""
    start = place if place.startswith("/bom") else f"/bom{place}"
    return f"{start}/{section}" if index < 0 else f"{start}/{section}/{_SECTIONS[section]}[{index + 1}]"


LOADER = Loader("cyclonedx-xml", _probe, _load)
