"""The database and the repositories file of apk."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import apk_db, apk_repositories

INSTALLED = """C:Q1abcdefghijklmnopqrstuvwxyz0=
P:musl
V:1.2.5-r9
A:x86_64
S:400000
T:the musl c library
o:musl
m:Timo <t@example.org>
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1zzzzzzzzzzzzzzzzzzzzzzzzzzz=

P:busybox
V:1.37.0-r12
s:edge
f:x

"""


def test_typical() -> None:
    musl, busybox = apk_db.packages(INSTALLED)
    assert musl == apk_db.ApkPackage("musl", "1.2.5-r9", "x86_64", "musl", "Timo <t@example.org>", None, False, 1)
    assert (busybox.name, busybox.arch, busybox.repository, busybox.broken) == ("busybox", None, "edge", True)
    assert busybox.line == 14


def test_last_package_without_an_empty_line() -> None:
    assert [item.name for item in apk_db.packages("P:a\nV:1\n\nP:b\nV:2")] == ["a", "b"]


def test_no_packages() -> None:
    assert apk_db.packages("\n\n") == []


@pytest.mark.parametrize(
    "text", ["P:a\n\n", "V:1\n\n", "P:a\nV:\n", "P:a\nP:b\nV:1\n", "nonsense\n", "1:x\n", "R:file\n\n"]
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        apk_db.packages(text)


def test_repositories() -> None:
    found = apk_repositories.parse("# c\nhttps://a/main\r\n\n@edge  https://a/edge\n/media/cdrom\n")
    assert [(item.address, item.tag, item.line) for item in found] == [
        ("https://a/main", None, 2),
        ("https://a/edge", "edge", 4),
        ("/media/cdrom", None, 5),
    ]
    with pytest.raises(ParseError):
        apk_repositories.parse("@edge\n")
