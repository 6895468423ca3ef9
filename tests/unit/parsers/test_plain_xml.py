"""XML without a document type."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import plain_xml

LAUGHS = "".join(f'<!ENTITY l{step + 1} "{f"&l{step};" * 10}">' for step in range(9))


def test_a_tree_and_its_names() -> None:
    root = plain_xml.parse(b'<?xml version="1.0"?><!-- c --><?pi x?><n:a xmlns:n="urn:x"><b>&lt;&#65;</b></n:a>', 2)
    assert (root.tag, plain_xml.local(root), root[0].text) == ("{urn:x}a", "a", "<A")
    assert plain_xml.root_name(b"<a/>") == "a"
    assert plain_xml.root_name('<n:a xmlns:n="urn:x"/>'.encode("utf-16")) == "{urn:x}a"


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a>&l9;</a>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    for read in (plain_xml.root_name, lambda data: plain_xml.parse(data, 10)):
        with pytest.raises(plain_xml.DeclarationError, match="DTD"):
            read(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not XML"),
        (b"<a>", "not XML"),
        (b"<a/><b/>", "not XML"),
        (b"<a>&x;</a>", "not XML"),
        (b"<a>\0</a>", "not XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not XML"),
        (b"<a><b/><b/></a>", "more than 2 elements"),
        (b"<a>" * 65 + b"</a>" * 65, "more than 2 elements, or more than 64 one inside the other"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        plain_xml.parse(data, 2)


def test_depth_alone_is_refused_too() -> None:
    data = b"<a>" * 65 + b"</a>" * 65
    with pytest.raises(ParseError, match="one inside the other"):
        plain_xml.parse(data, 1000)
    assert plain_xml.local(plain_xml.parse(b"<a>" * 64 + b"</a>" * 64, 1000)) == "a"
