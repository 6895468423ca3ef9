"""Our reader of SQLite files against SQLite itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.sqlite_file import apply_log, open_database

SCHEMA = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def made(path: Path, blobs: list[bytes], *, page_size: int = 4096, more: str = "") -> bytes:
    with sqlite3.connect(path) as base:
        base.execute(f"PRAGMA page_size = {page_size}")
        base.execute(SCHEMA)
        base.executemany("INSERT INTO Packages(blob) VALUES (?)", [(blob,) for blob in blobs])
        if more:
            base.executescript(more)
    base.close()
    return path.read_bytes()


def read(data: bytes) -> list[bytes]:
    return [row[1] for row in open_database(data).rows("Packages")]  # type: ignore[misc]  # the tests store bytes


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
def test_every_length_of_record(tmp_path: Path, page_size: int) -> None:
    blobs = [bytes([length % 251]) * length for length in [*range(0, 1200, 7), 4000, 4091, 4096, 70_000, 300_000]]
    assert read(made(tmp_path / "a", blobs, page_size=page_size)) == blobs


def test_many_rows_make_interior_pages_and_deleted_ones_are_gone(tmp_path: Path) -> None:
    blobs = [f"package {number}".encode() * 20 for number in range(5000)]
    data = made(tmp_path / "a", blobs, more="DELETE FROM Packages WHERE hnum % 3 = 0;")
    assert read(data) == [blob for number, blob in enumerate(blobs, 1) if number % 3]


def test_column_types(tmp_path: Path) -> None:
    script = (
        "CREATE TABLE t(a,b,c,d,e,f,g);INSERT INTO t VALUES(NULL,0,1,-70000,'é',x'00ff',9223372036854775807);"
        "INSERT INTO t VALUES(2.5,300,-5,8000000,549755813888,'',x'');"
    )
    rows = list(open_database(made(tmp_path / "a", [], more=script)).rows("t"))
    assert rows[0] == [None, 0, 1, -70000, "é", b"\x00\xff", 2**63 - 1]
    assert rows[1][1:] == [300, -5, 8000000, 549755813888, "", b""]


@pytest.mark.parametrize(
    "script",
    [
        "DROP TABLE Packages; CREATE VIEW Packages AS SELECT 1, x'00';",
        "DROP TABLE Packages;",
        "DROP TABLE Packages; CREATE TABLE Packages(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO Packages VALUES(1,2);",
    ],
)
def test_a_table_of_another_kind_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(ParseError):
        read(made(tmp_path / "a", [b"x"], more=script))


def test_log_of_a_database_in_use(tmp_path: Path) -> None:
    path = tmp_path / "a"
    made(path, [b"first" * 2000])
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("INSERT INTO Packages(blob) VALUES (x'aa')")
    base.commit()
    base.execute("DELETE FROM Packages WHERE hnum = 1")
    base.commit()
    uncommitted_from = (tmp_path / "a-wal").stat().st_size
    base.execute("PRAGMA cache_size = 1")
    base.execute("INSERT INTO Packages(blob) VALUES (zeroblob(200000))")
    data, log = path.read_bytes(), (tmp_path / "a-wal").read_bytes()
    base.close()
    assert len(log) > uncommitted_from, "SQLite was to write frames of the open transaction"
    assert read(data) == [b"first" * 2000]
    assert read(apply_log(data, log)) == [b"\xaa"]


def test_a_log_that_holds_the_whole_database(tmp_path: Path) -> None:
    path = tmp_path / "a"
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute(SCHEMA)
    base.execute("INSERT INTO Packages(blob) VALUES (x'01')")
    base.commit()
    data, log = path.read_bytes(), (tmp_path / "a-wal").read_bytes()
    base.close()
    assert read(apply_log(data, log)) == [b"\x01"]


def test_damaged_frames_end_the_log_as_for_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "a"
    made(path, [b"first"])
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode = WAL")
    for value in (b"second", b"third"):
        base.execute("INSERT INTO Packages(blob) VALUES (?)", (value,))
        base.commit()
    data, log = path.read_bytes(), bytearray((tmp_path / "a-wal").read_bytes())
    base.close()
    log[-1] ^= 1
    assert read(apply_log(data, bytes(log))) == [b"first", b"second"]
    copy = tmp_path / "copy"
    copy.write_bytes(data)
    (tmp_path / "copy-wal").write_bytes(log)
    with sqlite3.connect(copy) as again:
        assert [row[0] for row in again.execute("SELECT blob FROM Packages")] == [b"first", b"second"]
    again.close()


def test_no_log_or_a_log_of_another_database(tmp_path: Path) -> None:
    data = made(tmp_path / "a", [b"x"])
    assert apply_log(data, b"") == data
    assert apply_log(data, b"\0" * 500) == data
    other = sqlite3.connect(tmp_path / "b")
    other.execute("PRAGMA page_size = 1024")
    other.execute("PRAGMA journal_mode = WAL")
    other.execute(SCHEMA)
    other.commit()
    log = (tmp_path / "b-wal").read_bytes()
    other.close()
    with pytest.raises(ParseError):
        apply_log(data, log)


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, b"X"), (16, b"\x00\x03"), (20, b"\xff\xff"), (59, b"\x02"), (100, b"\x02"), (103, b"\xff\xff")],
)
def test_malformed_header(tmp_path: Path, offset: int, value: bytes) -> None:
    data = bytearray(made(tmp_path / "a", [b"x"], page_size=512))
    data[offset : offset + len(value)] = value
    with pytest.raises(ParseError):
        read(bytes(data))


def test_a_loop_between_pages_ends(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path / "a", [b"y" * 9000], page_size=512))
    # Every overflow page now says that it is followed by itself.
    for page in range(2, len(data) // 512):
        start = page * 512
        if data[start] not in (5, 13):
            data[start : start + 4] = (page + 1).to_bytes(4, "big")
    with pytest.raises(ParseError):
        read(bytes(data))


def test_cut_off_file(tmp_path: Path) -> None:
    data = made(tmp_path / "a", [b"y" * 9000] * 5)
    with pytest.raises(ParseError):
        read(data[: len(data) // 2])
