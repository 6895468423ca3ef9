"""What PDF/A-3a and an accessible document ask of our files, checked on the file itself.

Sources: ISO 19005-3:2012, clauses 6.1 (file), 6.2.3 and 6.2.11 (colour, fonts), 6.2.10 (transparency), 6.6 (metadata),
6.7 (logical structure), 6.8 (embedded files); ISO 32000-1:2008, 14.7 and 14.8 (structure, tagged PDF). It is not a
validator of every clause; it is those that a change of our templates or of the library could break.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject

STANDARD = frozenset(
    {
        *("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index", "NonStruct"),
        *("P", "H1", "H2", "H3", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "THead", "TBody", "TFoot"),
        *("Span", "Quote", "Note", "Reference", "Code", "Link", "Annot", "Figure", "Form"),
    }
)
_FORBIDDEN_ACTIONS = {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Sound", "/Movie", "/GoToR", "/URI"}


def problems(pdf: bytes) -> list[str]:
    """Everything that is wrong with the file; nothing if it is as it claims."""
    reader = PdfReader(io.BytesIO(pdf))
    root = reader.trailer["/Root"].get_object()
    assert isinstance(root, DictionaryObject)
    return [
        *_file(reader, pdf),
        *_metadata(root),
        *_structure(root, len(reader.pages)),
        *_pages(reader),
        *_embedded(root),
    ]


def _file(reader: PdfReader, pdf: bytes) -> Iterator[str]:
    if reader.is_encrypted or "/ID" not in reader.trailer:
        yield "encrypted, or without an identifier"
    if not re.match(rb"%PDF-1\.7\n%[\x80-\xff]{4}", pdf):
        yield "the header does not say PDF 1.7 and binary"


def _metadata(root: DictionaryObject) -> Iterator[str]:
    xmp = root["/Metadata"].get_object().get_data().decode() if "/Metadata" in root else ""  # type: ignore[attr-defined]
    said = re.findall(r'pdfaid:(part|conformance)(?:="|>)(\w)', xmp)
    if dict(said) != {"part": "3", "conformance": "A"}:
        yield f"the metadata claims {said}"
    intents = root.get("/OutputIntents", [])
    if [one.get_object()["/S"] for one in intents] != ["/GTS_PDFA1"] or "/DestOutputProfile" not in intents[
        0
    ].get_object():
        yield "no output intent with a colour profile"
    if not re.fullmatch(r"[a-z]{2,3}(-\w+)*", str(root.get("/Lang", ""))):
        yield "no language"
    if root.get("/ViewerPreferences", {}).get("/DisplayDocTitle") != True:  # noqa: E712 - pypdf's own Boolean
        yield "the title is not shown"


def _structure(root: DictionaryObject, pages: int) -> Iterator[str]:
    if root.get("/MarkInfo", {}).get("/Marked") != True or "/StructTreeRoot" not in root:  # noqa: E712
        yield "not tagged"
        return
    tree: Any = root["/StructTreeRoot"]
    found: dict[str, int] = {}
    for element in _elements(tree["/K"]):
        tag = str(element["/S"])[1:]
        found[tag] = found.get(tag, 0) + 1
        if tag not in STANDARD:
            yield f"the tag {tag} is not a standard one"
        if tag == "Figure" and not str(element.get("/Alt", "")).strip():
            yield "a figure without a description"
    yield from (
        f"no {tag} at all"
        for tag in ("H1", "H2", "P", "Table", "TH", "TD", "L", "Figure", "Link")
        if not found.get(tag)
    )
    numbers = tree["/ParentTree"].get_object()["/Nums"]
    if len(numbers) // 2 < pages:
        yield "a page is not in the tree of tags"


def _elements(kids: Any) -> Iterator[DictionaryObject]:
    todo = [kids]
    while todo:
        one = todo.pop().get_object()
        if isinstance(one, ArrayObject):
            todo.extend(one)
        elif isinstance(one, DictionaryObject) and "/S" in one:
            yield one
            if "/K" in one:
                todo.append(one["/K"])


def _pages(reader: PdfReader) -> Iterator[str]:
    fonts: dict[int, DictionaryObject] = {}
    for number, page in enumerate(reader.pages, 1):
        if "/StructParents" not in page:
            yield f"page {number} has no tags"
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            fonts[font.idnum] = font.get_object()
        for state in resources.get("/ExtGState", {}).values():
            state = state.get_object()
            if state.get("/SMask", "/None") != "/None" or any(float(state.get(key, 1)) < 1 for key in ("/ca", "/CA")):
                yield f"page {number} is transparent somewhere"
        for picture in resources.get("/XObject", {}).values():
            if "/SMask" in picture.get_object():
                yield f"page {number} has a transparent picture"
        for note in page.get("/Annots", []):
            action = note.get_object().get("/A", {})
            if action.get("/S") in _FORBIDDEN_ACTIONS:
                yield f"page {number} has an action {action['/S']}"
    for font in fonts.values():
        inner: Any = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"].get_object()):
            yield f"the font {font['/BaseFont']} is not embedded"
        if "/ToUnicode" not in font:
            yield f"the font {font['/BaseFont']} has no Unicode"


def _embedded(root: DictionaryObject) -> Iterator[str]:
    files: Any = root.get("/AF", [])
    if not files:
        yield "nothing is attached"
    for one in files:
        about = one.get_object()
        inside = about["/EF"]["/F"].get_object()
        if about.get("/AFRelationship") != "/Data" or inside.get("/Subtype") != "/application/json":
            yield f"the attachment {about.get('/UF')} does not say what it is"
        if not {"/F", "/UF", "/Desc"} <= set(about) or "/ModDate" not in inside["/Params"]:
            yield f"the attachment {about.get('/UF')} lacks a name, a description or a date"


def outside(pdf: bytes, margin: float = 20.0) -> list[str]:
    """Words that reach nearer than `margin` points to an edge of their page, or beyond it. Needs pdftotext."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True)
    clean = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"", done.stdout)
    space = "{http://www.w3.org/1999/xhtml}"
    found = []
    for number, page in enumerate(ElementTree.fromstring(clean).iter(f"{space}page"), 1):
        width, height = float(page.attrib["width"]), float(page.attrib["height"])
        for word in page.iter(f"{space}word"):
            left, top, right, bottom = (float(word.attrib[key]) for key in ("xMin", "yMin", "xMax", "yMax"))
            if left < margin or top < margin or right > width - margin or bottom > height - margin:
                found.append(f"page {number}: {word.text}")
    return found
