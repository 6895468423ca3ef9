"""The rows of one table of an SQLite 3 file, from its bytes, with the commits of a write-ahead log applied.

An inspected database is hostile input, and SQLite itself is native code that honours whatever schema it finds (views,
triggers, generated columns). The few parts of the format that hold plain table rows are read here instead: the header,
table b-trees with their overflow chains, records, and the log. Each page is visited at most once per table.
Source: sqlite.org/fileformat2.html, sections 1.3 to 1.6 (header, b-trees), 2.1 (records), 2.6 (schema), 4 (the log).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Database", "apply_log", "open_database"]

_MAGIC = b"SQLite format 3\0"
_INTERIOR, _LEAF = 5, 13
_LOG_MAGIC = (0x377F0682, 0x377F0683)  # checksums over little, big endian words
_LOG_VERSION = 3007000
_LOG_HEADER, _FRAME_HEADER = 32, 24
_INT_WIDTHS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Value = int | bytes | str | None


@dataclass(frozen=True, slots=True)
class Database:
    """A checked file. `page_size` in bytes, `usable` without the reserved tail of each page, `pages` their number."""

    data: bytes
    page_size: int
    usable: int
    pages: int

    def rows(self, table: str) -> Iterator[list[Value]]:
        """Rows of the ordinary table `table` in row id order; an integer primary key reads as None.

        Raises ParseError when there is no such table, or more than one thing of that name, or the pages are damaged.
        """
        yield from self._tree(self.root(table))

    def root(self, table: str) -> int:
        """Number of the root page of `table`."""
        found: list[int] = []
        for row in self._tree(1):
            if len(row) < 5:
                raise ParseError("the schema table has too few columns")
            kind, name, page = row[0], row[1], row[3]
            if not isinstance(name, str) or name.lower() != table.lower():
                continue
            if kind != "table" or not isinstance(page, int) or page < 1:
                raise ParseError(f"{table} is not an ordinary table")
            found.append(page)
        if len(found) != 1:
            raise ParseError(f"the schema has {len(found)} tables named {table}")
        return found[0]

    def _page(self, number: int, seen: set[int]) -> tuple[memoryview, int]:
        if not 1 <= number <= self.pages:
            raise ParseError(f"page {number} lies outside the file")
        if number in seen:
            raise ParseError(f"page {number} is used twice", offset=(number - 1) * self.page_size)
        seen.add(number)
        start = (number - 1) * self.page_size
        return memoryview(self.data)[start : start + self.usable], 100 if number == 1 else 0

    def _tree(self, root: int) -> Iterator[list[Value]]:
        """Rows of the table b-tree at `root`, left to right, without recursion."""
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            number = waiting.pop()
            page, start = self._page(number, seen)
            kind, cells = page[start], int.from_bytes(page[start + 3 : start + 5], "big")
            head = 12 if kind == _INTERIOR else 8
            if kind not in (_INTERIOR, _LEAF):
                raise ParseError(f"page {number} is no page of a table", offset=(number - 1) * self.page_size)
            if start + head + 2 * cells > self.usable:
                raise ParseError(f"page {number} has too many cells", offset=(number - 1) * self.page_size)
            pointers = struct.unpack_from(f">{cells}H", page, start + head)
            if kind == _INTERIOR:
                children = [self._child(page, pointer) for pointer in pointers]
                children.append(int.from_bytes(page[start + 8 : start + 12], "big"))
                waiting.extend(reversed(children))
                if len(waiting) > self.pages:
                    raise ParseError("a table has more pages than the file")
                continue
            for pointer in pointers:
                yield _record(self._payload(page, pointer, seen))

    def _child(self, page: memoryview, pointer: int) -> int:
        if pointer + 4 > self.usable:
            raise ParseError("a cell lies outside its page")
        return int.from_bytes(page[pointer : pointer + 4], "big")

    def _payload(self, page: memoryview, pointer: int, seen: set[int]) -> bytes:
        """The record of a leaf cell, joined from its overflow pages."""
        length, position = _varint(page, pointer)
        _, position = _varint(page, position)  # row id
        if length > len(self.data):
            raise ParseError("a record is longer than the file")
        local = self._local(length)
        if position + local > self.usable:
            raise ParseError("a cell lies outside its page")
        parts = [bytes(page[position : position + local])]
        missing = length - local
        if missing:
            follow = self._child(page, position + local)
            while missing:
                overflow, _ = self._page(follow, seen)
                part = bytes(overflow[4 : 4 + min(missing, self.usable - 4)])
                parts.append(part)
                missing -= len(part)
                follow = int.from_bytes(overflow[:4], "big")
        return b"".join(parts)

    def _local(self, length: int) -> int:
        """Bytes of a record of `length` that stand in the leaf itself (section 1.6)."""
        most = self.usable - 35
        if length <= most:
            return length
        least = (self.usable - 12) * 32 // 255 - 23
        kept = least + (length - least) % (self.usable - 4)
        return kept if kept <= most else least


def open_database(data: bytes) -> Database:
    """Check the header of an SQLite file. Raises ParseError."""
    if data[:16] != _MAGIC or len(data) < 512:
        raise ParseError("not an SQLite 3 file", offset=0)
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size
    if size < 512 or size & (size - 1):
        raise ParseError(f"an SQLite page cannot have {size} bytes", offset=16)
    usable = size - data[20]
    if usable < 480:
        raise ParseError("too much of each page is reserved", offset=20)
    if int.from_bytes(data[56:60], "big") not in (0, 1):
        raise ParseError("texts are not UTF-8", offset=56)
    return Database(data, size, usable, len(data) // size)


def apply_log(data: bytes, log: bytes) -> bytes:
    """The database file as it is after every committed transaction of its write-ahead log.

    Frames count up to the first one whose salt or checksum is wrong (left over from before), and of those the ones up
    to the last commit. A log without a valid header holds nothing, as for SQLite. Raises ParseError when a committed
    log cannot belong to the file.
    """
    size = _log_page_size(log)
    if size is None:
        return data
    pages, count = _committed(log, size)
    if not count:
        return data
    if data and open_database(data).page_size != size:
        raise ParseError("the write-ahead log has another page size than its database")
    if count > len(data) // size + len(pages):
        raise ParseError("the write-ahead log leaves pages out")
    whole = bytearray(data[: count * size].ljust(count * size, b"\0"))
    for number, offset in pages.items():
        if number <= count:
            whole[(number - 1) * size : number * size] = log[offset : offset + size]
    return bytes(whole)


def _log_page_size(log: bytes) -> int | None:
    if len(log) < _LOG_HEADER:
        return None
    magic, version, size = struct.unpack_from(">III", log)
    if magic not in _LOG_MAGIC:
        return None
    if _sums(magic, log[:24], (0, 0)) != struct.unpack_from(">II", log, 24):
        return None
    if version != _LOG_VERSION or not 512 <= size <= 65536 or size & (size - 1):
        raise ParseError("a write-ahead log of an unknown version")
    return int(size)


def _committed(log: bytes, size: int) -> tuple[dict[int, int], int]:
    """Offset of the newest committed content by page number, and the number of pages after the last commit."""
    (magic,) = struct.unpack_from(">I", log)
    salts = log[16:24]
    sums: tuple[int, int] = struct.unpack_from(">II", log, 24)
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    count = 0
    position = _LOG_HEADER
    while position + _FRAME_HEADER + size <= len(log):
        number, after = struct.unpack_from(">II", log, position)
        body = position + _FRAME_HEADER
        sums = _sums(magic, log[position : position + 8], sums)
        sums = _sums(magic, log[body : body + size], sums)
        if log[position + 8 : position + 16] != salts or sums != struct.unpack_from(">II", log, position + 16):
            break
        if number < 1:
            break
        pending[number] = body
        if after:
            committed.update(pending)
            pending.clear()
            count = after
        position = body + size
    return committed, count


def _sums(magic: int, data: bytes, start: tuple[int, int]) -> tuple[int, int]:
    """The two running sums of the log (section 4.2)."""
    words = struct.unpack(f"{'>' if magic & 1 else '<'}{len(data) // 4}I", data)
    first, second = start
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _varint(data: memoryview | bytes, position: int) -> tuple[int, int]:
    """A big-endian number of one to nine bytes, and the position behind it."""
    value = 0
    for index in range(9):
        if position + index >= len(data):
            raise ParseError("a number does not end", offset=position)
        byte = data[position + index]
        if index == 8:
            return value << 8 | byte, position + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + index + 1
    raise AssertionError("unreachable")


def _record(payload: bytes) -> list[Value]:
    """The columns of a record (section 2.1)."""
    end, position = _varint(payload, 0)
    if not position <= end <= len(payload):
        raise ParseError("a record's header does not fit")
    head = payload[:end]
    values: list[Value] = []
    body = end
    while position < end:
        kind, position = _varint(head, position)
        value, body = _column(payload, kind, body)
        values.append(value)
    return values


def _column(payload: bytes, kind: int, position: int) -> tuple[Value, int]:
    if kind == 0:
        return None, position
    if kind in (8, 9):
        return kind - 8, position
    if kind in (10, 11):
        raise ParseError(f"a column has the reserved type {kind}")
    width = _INT_WIDTHS.get(kind, 8 if kind == 7 else (kind - 12) // 2)
    part = payload[position : position + width]
    if len(part) != width:
        raise ParseError("a column does not fit into its record")
    if kind <= 6:
        return int.from_bytes(part, "big", signed=True), position + width
    if kind == 7 or kind % 2 == 0:
        # A floating point number is no value of any table read here; its bytes are as good as any.
        return part, position + width
    return part.decode("utf-8", "surrogateescape"), position + width
