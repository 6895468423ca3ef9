"""The parts of an initramfs in the order in which the kernel unpacks them.

An initramfs is a run of cpio archives, plain ones (processor microcode) and compressed ones, with zeros between them.
A plain archive begins at a multiple of four. Where the kernel would stop with an error, reading stops here as well.

Source: kernel init/initramfs.c (`unpack_to_rootfs`, `write_buffer`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from scanner.model.errors import DamagedError, LimitError, ParseError, TargetError
from scanner.parsers import cpio
from scanner.target.base import BlockDevice
from scanner.target.containers.compressed import Unpacked
from scanner.target.filesystems._initramfs_streams import compression_of, unpack

__all__ = ["Joined", "Segment", "Visitor", "read_segments"]

_MAX_SEGMENTS = 1024
_MAX_ZEROS = 64 << 20
_STEP = 1 << 16

Visitor: TypeAlias = Callable[[cpio.Header, bytes, BlockDevice, int], None]
"""(header, name without its NUL, device, where on it the content begins) for each entry, trailers included."""


@dataclass(slots=True)
class Segment:
    """One part. `compression`: none, gzip, …; `offset` and `packed`: where in the file, how long.

    `device`, `start` and `size` place its unpacked bytes; `entries` counts without trailers.
    """

    compression: str
    offset: int
    packed: int
    device: BlockDevice
    start: int
    size: int
    entries: int = 0


def read_segments(device: BlockDevice, visit: Visitor | None) -> tuple[list[Segment], str | None]:
    """All parts, and what ended the reading before the end of the file (None: nothing).

    With `visit` each entry is handed over; without it compressed parts are unpacked but not looked into.
    """
    found: list[Segment] = []
    unpacked: Unpacked | None = None
    place = 0
    try:
        while (place := _after_zeros(device, place, device.size)) < device.size:
            if len(found) == _MAX_SEGMENTS:
                raise LimitError(f"{device.name}: more than {_MAX_SEGMENTS} parts")
            head = device.pread(place, 16)
            if cpio.is_newc(head) and place % 4 == 0:
                segment = Segment("none", place, 0, device, place, 0)
                found.append(segment)
                place = _archives(segment, device.size, visit)
                segment.packed = segment.size
                continue
            kind = compression_of(head)
            if kind is None:
                raise DamagedError(f"{device.name}: neither an archive nor compressed data at offset {place}")
            unpacked = unpacked or Unpacked(device.name)
            segment = Segment(kind, place, 0, unpacked, unpacked.size, 0)
            found.append(segment)
            place = _compressed(segment, device, unpacked, visit)
    except (TargetError, ParseError) as error:
        return found, str(error)
    return found, None


def _compressed(segment: Segment, device: BlockDevice, unpacked: Unpacked, visit: Visitor | None) -> int:
    """Unpack a part and look into it, also when only its beginning can be unpacked; where it ends in the file."""
    failure: TargetError | None = None
    end = segment.offset
    try:
        end = unpack(segment.compression, device, segment.offset, unpacked)
    except TargetError as error:
        failure = error
    segment.packed = end - segment.offset
    size = unpacked.size - segment.start
    segment.size = size
    if visit is not None:
        place = _archives(segment, unpacked.size, visit)
        segment.size = size
        if failure is None and place < unpacked.size:
            where = f"at offset {place - segment.start} of what the {segment.compression} data holds"
            raise DamagedError(f"{device.name}: no archive {where}")
    if failure is not None:
        raise failure
    return end


def _archives(segment: Segment, end: int, visit: Visitor | None) -> int:
    """Go through plain archives from the segment's start; where something else begins."""
    device, place = segment.device, segment.start
    while place < end:
        place = _after_zeros(device, place, end)
        if place < end and (place - segment.start) % 4:
            raise DamagedError(f"{device.name}: no multiple of four, where the next archive should be: {place}")
        head = device.pread(place, cpio.HEADER_BYTES)
        if place == end or not cpio.is_newc(head):
            break
        place = _entry(segment, head, place, end, visit)
        segment.size = min(place, end) - segment.start
    return place


def _entry(segment: Segment, head: bytes, place: int, end: int, visit: Visitor | None) -> int:
    device = segment.device
    try:
        header = cpio.parse(head)
    except ParseError as error:
        raise DamagedError(f"{device.name}: at offset {place}: {error}") from None
    # Alignment counts from the start of the archives, which is a multiple of four in the file.
    base = segment.start
    content = base + cpio.aligned(place + cpio.HEADER_BYTES + header.name_size - base)
    behind = base + cpio.aligned(content + header.size - base)
    if 0 < header.name_size <= cpio.MAX_NAME:
        name = device.pread(place + cpio.HEADER_BYTES, header.name_size)
        if len(name) < header.name_size or name[-1:] != b"\0":
            raise DamagedError(f"{device.name}: a name that does not end, at offset {place}")
        name = name.partition(b"\0")[0]
        if name != cpio.TRAILER:
            segment.entries += 1
        if visit is not None:
            visit(header, name, device, content)
    if content + header.size > end:
        raise DamagedError(f"{device.name}: cut off inside the entry at offset {place}")
    return min(behind, end)


def _after_zeros(device: BlockDevice, place: int, end: int) -> int:
    """Where the zeros from `place` on end. Raises LimitError when there are too many to be padding."""
    start = place
    while place < end:
        data = device.pread(place, min(_STEP, end - place))
        if not data:
            raise DamagedError(f"{device.name}: cannot be read at offset {place}")
        rest = data.lstrip(b"\0")
        place += len(data) - len(rest)
        if rest:
            return place
        if place - start > _MAX_ZEROS:
            raise LimitError(f"{device.name}: more than {_MAX_ZEROS} zeros from offset {start}")
    return place


class Joined(BlockDevice):
    """The unpacked bytes of all segments one after another, each at a multiple of four.

    `damage`: why something behind them could not be read, None when they are all.
    """

    def __init__(self, name: str, segments: Sequence[Segment], damage: str | None) -> None:
        self.name = name
        self.damaged = damage is not None
        self.notes = [damage] if damage is not None else []
        self._pieces: list[tuple[int, int, Segment]] = []
        self.size = 0
        for segment in segments:
            end = cpio.aligned(self.size + segment.size)
            self._pieces.append((self.size, end, segment))
            self.size = end

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice. Reads of one segment alone: a caller may get less than it asked for."""
        if offset < 0 or length < 0:
            raise DamagedError(f"{self.name}: read of {length} bytes at offset {offset}")
        for begin, end, segment in self._pieces:
            if begin <= offset < end:
                inside = offset - begin
                length = min(length, end - offset)
                data = segment.device.pread(segment.start + inside, min(length, max(0, segment.size - inside)))
                return data.ljust(length, b"\0") if inside + len(data) >= segment.size else data
        return b""
