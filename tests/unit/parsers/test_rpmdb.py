"""Packages of real databases of all three forms; ndb is put together by hand, as no tool of Debian writes it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import rpmdb, rpmdb_bdb, rpmdb_ndb
from tests.rpm_support import bdb, header, ndb, package, query, real_rpmdb

NAMES = ["bash", "glibc", "a-package-with-files", "zlib"]
BLOBS = [
    package("bash", "5.2.26", "6.el10", vendor="AlmaLinux", arch="x86_64", source_rpm="bash-5.2.26-6.el10.src.rpm"),
    package("glibc", epoch=3),
    package("a-package-with-files", filler=bytes(range(256)) * 400),
    package("zlib", filler=b"\0" * 900),
]


def names(data: bytes) -> list[str]:
    return sorted(item.name for item in rpmdb.packages(data))


def test_sqlite_made_by_rpm(tmp_path: Path) -> None:
    base = real_rpmdb(
        tmp_path,
        [
            ("alpha", "1.2~rc1", "3.el10", "Epoch: 2", 0),
            ("beta-libs", "4.5^git1", "1", "", 600),
            ("gamma", "0", "0", "Epoch: 0", 1),
        ],
    )
    log = base / "rpmdb.sqlite-wal"
    found = rpmdb.packages((base / "rpmdb.sqlite").read_bytes(), log.read_bytes() if log.exists() else b"")
    form = "%{NAME}|%{EPOCH}|%{VERSION}|%{RELEASE}|%{ARCH}|%{VENDOR}|%{SOURCERPM}"
    ours = sorted(
        f"{item.name}|{'(none)' if item.epoch is None else item.epoch}|{item.version}|{item.release}|{item.arch}"
        f"|{item.vendor}|{item.source_rpm}"
        for item in found
    )
    assert len(ours) == 3
    assert ours == query(base, form)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_berkeley_db_made_by_berkeley_db(tmp_path: Path, big_endian: bool, page_size: int) -> None:
    many = [package(f"p{number}", filler=b"f" * (1 + number * 37 % 5000)) for number in range(300)]
    data = bdb(tmp_path, [*BLOBS, *many], big_endian=big_endian, page_size=page_size)
    assert names(data) == sorted([*NAMES, *(f"p{number}" for number in range(300))])


def test_ndb() -> None:
    assert names(ndb(BLOBS)) == sorted(NAMES)
    assert names(ndb([])) == []


def test_fields() -> None:
    bash = next(rpmdb.packages(ndb(BLOBS[:1])))
    assert (bash.version, bash.release, bash.epoch, bash.arch) == ("5.2.26", "6.el10", None, "x86_64")
    assert (bash.vendor, bash.source_rpm, bash.signed_by) == ("AlmaLinux", "bash-5.2.26-6.el10.src.rpm", None)


@pytest.mark.parametrize(
    "blob", [header({1001: "1", 1002: "1"}), header({1000: "a", 1002: "1"}), header({1000: "", 1001: "1", 1002: "1"})]
)
def test_a_header_without_identity_ends_the_list(blob: bytes) -> None:
    with pytest.raises(ParseError):
        names(ndb([BLOBS[0], blob]))


@pytest.mark.parametrize("summary", ["gpg(A <a@example.org>)", "A <a@example.org> public key"])
def test_public_key_entry(summary: str) -> None:
    blob = header({1000: "gpg-pubkey", 1001: "deadbeef", 1002: "5f000000", 1004: summary, 266: ["AAAA"]})
    key = next(rpmdb.packages(ndb([blob]))).key
    assert key == rpmdb.RpmPublicKey("A <a@example.org>", None)


def changed(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


BLOCK = 4096  # the first blob of `ndb` begins here


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (4, b"\x01"),  # version
        (12, b"\xff\xff"),  # slot pages beyond the file
        (12, b"\0"),  # no slot page
        (32, b"slot"),
        (36, b"\0\0\0\0"),  # used slot without a number
        (40, b"\x01"),  # blob inside the slot pages
        (44, b"\0\0\0\0"),  # no blocks
        (44, b"\xff\xff\xff\x7f"),
        (BLOCK, b"Xlob"),
        (BLOCK + 4, b"\x63"),  # another package number
        (BLOCK + 12, b"\xff"),  # another length
        (BLOCK + 40, b"\xff"),  # content against its checksum
    ],
)
def test_malformed_ndb(offset: int, value: bytes) -> None:
    with pytest.raises(ParseError):
        list(rpmdb_ndb.blobs(changed(ndb(BLOBS), offset, value)))


def test_ndb_with_one_number_twice_or_cut_off() -> None:
    data = ndb(BLOBS[:2], free_slots=0)
    with pytest.raises(ParseError):
        list(rpmdb_ndb.blobs(changed(data, 48, data[32:48])))
    with pytest.raises(ParseError):
        list(rpmdb_ndb.blobs(data[:-16]))


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (12, b"\0\0\0\0"),
        (16, b"\x63"),
        (20, b"\x01"),
        (24, b"\x01"),  # encrypted
        (32, b"\xff\xff"),  # last page beyond the file
        (72, b"\xff\xff\xff"),  # more buckets than pages
        (96, b"\xff\xff"),  # the first bucket lies nowhere
    ],
)
def test_malformed_berkeley_db(tmp_path: Path, offset: int, value: bytes) -> None:
    with pytest.raises(ParseError):
        list(rpmdb_bdb.blobs(changed(bdb(tmp_path, BLOBS), offset, value)))


def test_berkeley_db_whose_chain_loops(tmp_path: Path) -> None:
    data = bdb(tmp_path, BLOBS, page_size=512)
    pages = range(1, len(data) // 512)
    overflow = next(page for page in pages if data[page * 512 + 25] == 7 and data[page * 512 + 16])
    looped = changed(data, overflow * 512 + 16, struct.pack("<I", overflow))
    with pytest.raises(ParseError):
        list(rpmdb_bdb.blobs(looped))


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"RpmP", b"SQLite format 3\0"])
def test_no_database(data: bytes) -> None:
    with pytest.raises(ParseError):
        names(data)
