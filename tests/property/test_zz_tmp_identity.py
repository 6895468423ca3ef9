"""Whatever the bytes, the parsers of identity and packages end with a value or a ParseError."""

from __future__ import annotations

import sqlite3
import string
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import versions
from scanner.model.errors import ParseError
from scanner.parsers import (
    apk_db,
    apk_repositories,
    apt_sources,
    dnf_conf,
    dpkg,
    elf,
    openpgp,
    os_release,
    pe_machine,
    rpm_header,
    rpmdb,
    rpmdb_bdb,
    rpmdb_ndb,
    sqlite_file,
)
from tests.rpm_support import bdb, header, ndb, package

EXAMPLES = settings(max_examples=3000, deadline=None)
BLOBS = [package("bash", epoch=1, filler=b"x" * 3000), package("glibc"), package("zlib", arch="x86_64")]

TEXTS: list[tuple[str, Callable[[str], object]]] = [
    ("ID=\"a b\"\nVERSION_ID=1\n# c\nNAME='x'\n", os_release.parse),
    ("Package: a\nStatus: install ok installed\nVersion: 1\nDescription: x\n y\n\nPackage: b\n", dpkg.packages),
    ("d41d8cd98f00b204e9800998ecf8427e  usr/bin/a\n", dpkg.md5sums),
    ("P:a\nV:1-r0\nF:lib\nR:x\n\nP:b\nV:2\n", apk_db.packages),
    ("@t https://a/b\n# c\n/media\n", apk_repositories.parse),
    ("[main]\ngpgcheck=1\n[a]\nbaseurl=x\n  y\nenabled = 0\n", dnf_conf.parse),
    ("deb [trusted=yes arch=a] http://a/ b c # d\n", apt_sources.parse_list),
    ("Types: deb\nURIs: http://a/\nSuites: b\nSigned-By:\n x\n", apt_sources.parse_sources),
]


def only_parse_error(read: Callable[[], object]) -> None:
    try:
        read()
    except ParseError:
        return


def mutated(data: bytes, changes: list[tuple[int, int]], end: int) -> bytes:
    out = bytearray(data)
    for place, value in changes:
        out[place % len(out)] = value
    return bytes(out[: len(out) - end % len(out)])


CHANGES = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=6)
# Most changes should hit the few bytes that give the structure.
HEAD_CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4)


@pytest.mark.parametrize(("valid", "parse"), TEXTS, ids=[parse.__qualname__ for _, parse in TEXTS])
@EXAMPLES
@given(data=st.data())
def test_text_parsers(valid: str, parse: Callable[[str], object], data: st.DataObject) -> None:
    only_parse_error(lambda: parse(data.draw(st.text())))
    place = data.draw(st.integers(0, len(valid)))
    piece = data.draw(st.text(alphabet="\n\r\t\0 :=[]#@'\"\\aP\udc80é", max_size=6))
    only_parse_error(lambda: parse(valid[:place] + piece + valid[place + data.draw(st.integers(0, 3)) :]))


@EXAMPLES
@given(
    st.dictionaries(st.text(string.ascii_uppercase, min_size=1), st.text(string.printable.strip() + " ", max_size=20))
)
def test_quoted_values_come_back(pairs: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + "".join(f"\\{char}" if char in '"\\`$' else char for char in value) + '"'

    text = "".join(f"{key}={quoted(value)}\n" for key, value in pairs.items())
    assert {key: item.value for key, item in os_release.parse(text).items()} == pairs


BINARY: list[Callable[[bytes], object]] = [
    lambda data: elf.parse(data),
    lambda data: pe_machine.coff_machine(data[pe_machine.coff_offset(data) :]),
    lambda data: openpgp.issuer(data),
    lambda data: openpgp.fingerprint(data),
    lambda data: list(rpmdb.packages(data)),
    lambda data: list(rpmdb_ndb.blobs(data)),
    lambda data: list(rpmdb_bdb.blobs(data)),
    lambda data: sqlite_file.apply_log(b"", data),
]


@pytest.mark.parametrize("read", BINARY)
@EXAMPLES
@given(st.binary(max_size=600))
def test_binary_parsers(read: Callable[[bytes], object], data: bytes) -> None:
    only_parse_error(lambda: read(data))


def decoded(blob: bytes) -> None:
    found = rpm_header.parse(blob)
    for tag in found.entries:
        for read in (found.text, found.texts, found.numbers, found.binary):
            only_parse_error(lambda read=read, tag=tag: read(tag))  # type: ignore[misc]  # bound per turn


@EXAMPLES
@given(CHANGES, st.integers(0, 40))
def test_changed_header(changes: list[tuple[int, int]], end: int) -> None:
    blob = header({1000: "bash", 1003: 7, 1117: ["a", "b", "c"], 268: b"\1\2\3"})
    only_parse_error(lambda: decoded(mutated(blob, changes, end)))


@EXAMPLES
@given(HEAD_CHANGES, CHANGES, st.integers(0, 5000))
def test_changed_ndb(head: list[tuple[int, int]], changes: list[tuple[int, int]], end: int) -> None:
    data = mutated(ndb(BLOBS), [*head, *((4096 + place, value) for place, value in changes)], end)
    only_parse_error(lambda: list(rpmdb.packages(data)))


@cache
def real_bdb() -> bytes:
    with TemporaryDirectory() as folder:
        return bdb(Path(folder), BLOBS, page_size=512)


@EXAMPLES
@given(HEAD_CHANGES, CHANGES, st.integers(0, 5000))
def test_changed_berkeley_db(head: list[tuple[int, int]], changes: list[tuple[int, int]], end: int) -> None:
    data = mutated(real_bdb(), [*head, *changes], end)
    only_parse_error(lambda: list(rpmdb.packages(data)))


@cache
def real_sqlite() -> tuple[bytes, bytes]:
    """A database of several levels and a log that changes it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        base = sqlite3.connect(path)
        base.execute("PRAGMA page_size = 512")
        base.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        base.executemany("INSERT INTO Packages(blob) VALUES (?)", [(blob,) for blob in BLOBS * 40])
        base.commit()
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("DELETE FROM Packages WHERE hnum < 60")
        base.commit()
        data, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
        base.close()
    return data, log


@EXAMPLES
@given(HEAD_CHANGES, CHANGES, CHANGES, st.integers(0, 5000))
def test_changed_sqlite(
    head: list[tuple[int, int]], changes: list[tuple[int, int]], in_log: list[tuple[int, int]], end: int
) -> None:
    data, log = real_sqlite()
    only_parse_error(lambda: list(rpmdb.packages(mutated(data, [*head, *changes], end), b"")))
    only_parse_error(lambda: list(rpmdb.packages(data, mutated(log, in_log, end))))


LABELS = st.text(alphabet="019az.~^_-+:rp", max_size=14)


@pytest.mark.parametrize(
    "compare",
    [
        versions.compare_rpm,
        versions.compare_rpm_label,
        versions.compare_dpkg,
        versions.compare_apk,
        versions.compare_dotted,
    ],
)
@EXAMPLES
@given(LABELS, LABELS, st.text(max_size=8))
def test_version_orders(compare: Callable[[str, str], int], a: str, b: str, anything: str) -> None:
    assert compare(a, a) == 0
    assert (compare(a, b) > 0) == (compare(b, a) < 0)
    assert (compare(a, anything) > 0) == (compare(anything, a) < 0)


@pytest.mark.parametrize("compare", [versions.compare_rpm_label, versions.compare_dpkg])
@EXAMPLES
@given(st.lists(LABELS.filter(lambda text: ":" not in text), min_size=3, max_size=3))
def test_version_orders_are_transitive(compare: Callable[[str, str], int], labels: list[str]) -> None:
    a, b, c = labels
    if compare(a, b) >= 0 and compare(b, c) >= 0:
        assert compare(a, c) >= 0
