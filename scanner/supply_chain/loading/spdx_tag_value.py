"""SPDX 2.0 to 2.3 as tag-value text: `Tag: value` lines, and `<text>` values that go over several.

Source: SPDX 2.3, the tag formats of clauses 6 to 13. Every tag belongs to one kind of section, whatever stands before
it: a document whose tags are out of order is read as far as each tag has something to belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.supply_chain.loading.base import Drops, Loader, Source, refuse
from scanner.supply_chain.loading.spdx2_document import Document
from scanner.supply_chain.loading.spdx2_tags import COMMENTS, LIST_TAGS, STARTS, TAGS
from scanner.supply_chain.loading.spdx_plain_text import decoded, start
from scanner.supply_chain.model import Bom

__all__ = ["LOADER"]

_MARK = re.compile(r"^[ \t\ufeff]*SPDXVersion[ \t]*:", re.MULTILINE)
_TAG = re.compile(r"[ \t]*([A-Za-z]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_OPEN, _CLOSE = "<text>", "</text>"
_CODE = re.compile(r"([0-9A-Fa-f]+)\s*(?:\((.*)\))?", re.DOTALL)


def _probe(source: Source) -> bool:
    return source.family == "text" and _MARK.search(start(source)) is not None


def load(source: Source) -> Bom:
    """The document. Raises InputError for a `<text>` without end, and for a version that is none of SPDX 2."""
    document = Document(source, "tag-value")
    reader = _Reader(document)
    for tag, value, line in _tags(source, decoded(source, document.drops), document.drops):
        reader.take(tag, value, f"line {line}")
    return document.finish(reader.finish())


def _tags(source: Source, text: str, drops: Drops) -> Iterator[tuple[str, str, int]]:
    """Tag, value and line of every statement."""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        found = _TAG.match(line)
        if found is None:
            if line.strip() and not line.lstrip().startswith("#"):
                drops.add("line", "is no tag with a value", f"line {number}")
            continue
        value = found[2]
        if value.startswith(_OPEN):
            parts = [value.removeprefix(_OPEN)]
            while _CLOSE not in parts[-1]:
                following = next(lines, None)
                if following is None:
                    raise refuse(
                        source, "<text> without </text>", place=f"line {number}", hint="the file may be cut off"
                    )
                parts.append(following[1])
            parts[-1] = parts[-1].partition(_CLOSE)[0]
            value = "\n".join(parts)
        yield found[1], value.strip(), number


class _Reader:
    """Builds the objects of the JSON form. A package or file goes to the document when the next one begins."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._drops = document.drops
        self._top: dict[str, Any] = {"creationInfo": {}, "hasExtractedLicensingInfos": []}
        self._open: dict[str, tuple[dict[str, Any], str]] = {"document": (self._top, "line 1")}
        self._named = "document"
        self._package = ""

    def take(self, tag: str, value: str, place: str) -> None:
        """One statement."""
        if tag in STARTS:
            self._begin(STARTS[tag], place)
        if tag == "SPDXID":
            self._name(value, place)
            return
        if tag == "Relationship":
            self._relationship(value, place)
            return
        if tag in COMMENTS:
            self._drops.add("comment", "has no place in the model", place)
            return
        known = TAGS.get(tag)
        if known is None:
            self._drops.add("tag", "is unknown to SPDX 2", place)
            return
        section, member = known
        if section not in self._open:
            self._drops.add("tag", "stands before what it could belong to", place)
            return
        target = self._open[section][0]
        if section == "document" and member in ("created", "creators", "licenseListVersion"):
            target = target["creationInfo"]
        made = self._value(tag, value, place)
        if made is None:
            return
        if tag in LIST_TAGS:
            target.setdefault(member, []).append(made)
        elif member in target:
            self._drops.add("tag", "stands twice for one element; the first counts", place)
        else:
            target[member] = made

    def finish(self) -> dict[str, Any]:
        """The members of the document, when all statements were taken."""
        for section in tuple(self._open):
            self._close(section)
        return self._top

    def _begin(self, section: str, place: str) -> None:
        """A new element of `section`; files belong to the package that stands before them."""
        self._close(section)
        if section == "package":
            self._close("file")
        if section in ("package", "file", "snippet"):
            self._named = section
        self._open[section] = {}, place

    def _name(self, value: str, place: str) -> None:
        """SPDXID: of the element that began last."""
        target = self._open[self._named][0] if self._named in self._open else {}
        if "SPDXID" in target:
            self._drops.add("tag", "stands twice for one element; the first counts", place)
            return
        target["SPDXID"] = value
        if self._named == "package":
            self._package = value
        elif self._named == "file" and self._package:
            self._document.part(
                "relationships",
                {"spdxElementId": self._package, "relationshipType": "CONTAINS", "relatedSpdxElement": value},
                place,
            )

    def _close(self, section: str) -> None:
        """Hand on the open element of a section."""
        if section not in self._open or section == "document":
            return
        value, place = self._open.pop(section)
        if section == "license":
            self._top["hasExtractedLicensingInfos"].append(value)
        elif section == "review":
            self._drops.add("review", "has no place in the model", place)
        else:
            self._document.part(f"{section}s", value, place)

    def _relationship(self, value: str, place: str) -> None:
        words = value.split()
        if len(words) != 3:
            self._drops.add("relationship", "is not two ends and a type", place)
            return
        value_of = dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), words, strict=True))
        self._document.part("relationships", value_of, place)

    def _value(self, tag: str, value: str, place: str) -> Any:
        """The value as the JSON form has it; None when it is none (counted)."""
        if tag in ("PackageChecksum", "FileChecksum"):
            algorithm, _, digest = value.partition(":")
            return {"algorithm": algorithm.strip(), "checksumValue": digest.strip()}
        if tag == "ExternalRef":
            words = value.split(None, 2)
            if len(words) != 3:
                self._drops.add("external reference", "is not a category, a type and a locator", place)
                return None
            return {"referenceCategory": words[0], "referenceType": words[1], "referenceLocator": words[2]}
        if tag == "PackageVerificationCode":
            found = _CODE.fullmatch(value)
            if found is None:
                self._drops.add("verification code", "is no digest", place)
                return None
            excluded = [found[2]] if found[2] else []
            return {"packageVerificationCodeValue": found[1], "packageVerificationCodeExcludedFiles": excluded}
        return value


LOADER = Loader("spdx-tag-value", _probe, load)
