"""The members of a tar stream, one after the other, nothing of them kept.

Sources: POSIX.1-2017 `pax` (extended and global headers), GNU tar manual (long names, sparse formats, end of archive).
The stream ends with two blocks of zeros; an archive without them, or with a header that is none, is cut off or damaged,
and then nobody knows what else it held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scanner.model.errors import ParseError
from scanner.parsers.tar_header import BLOCK, Header, extended, parse
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice

__all__ = ["Member", "members"]

_MAX_EXTENDED = 1 << 20
"""Bytes of one extended header or long name; a longer one is refused before it is read."""

_XATTR = "SCHILY.xattr."
_LONG_NAME, _LONG_LINK, _EXTENDED, _GLOBAL = "L", "K", "xX", "g"
_FILES = "0\x007"
_SPARSE = "S"
_ZEROS = bytes(BLOCK)


@dataclass(slots=True)
class Member:
    """One member. `type` is the letter of its header (`0` for every regular file); `offset` is where its bytes lie."""

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    link: str
    major: int
    minor: int
    offset: int
    sparse: bool
    xattrs: dict[str, bytes] | None


def members(layer: BlockDevice, *, whole: bool = False) -> Iterator[Member]:
    """The members of `layer`. Raises ParseError, or what the device raises, where the archive is damaged or cut off.

    `whole`: a digest vouches that every byte is there. Then the stream may end after the bytes of a member, as some
    tools leave it (umoci 0.4 writes neither padding nor zeros after the last one).
    """
    device = CachedDevice.over(layer)
    at = 0
    defaults: dict[str, bytes] = {}
    records: dict[str, bytes] = {}
    while True:
        block = device.pread(at, BLOCK)
        if whole and not block and at >= device.size > 0:
            return
        if block == _ZEROS:
            if device.pread(at + BLOCK, BLOCK) not in (_ZEROS, b""):
                raise ParseError("a block of zeros where a header should be", offset=at)
            return
        header = parse(block, at)
        start = at
        at += BLOCK
        while header.goes_on and device.pread(at, BLOCK)[504:505] not in (b"\0", b""):
            at += BLOCK
        at += BLOCK if header.goes_on else 0
        if header.type in (_LONG_NAME, _LONG_LINK) or header.type in _EXTENDED or header.type == _GLOBAL:
            data = _data(device, at, header.size)
            at += _padded(header.size)
            if header.type == _GLOBAL:
                defaults |= extended(data, start)
            elif header.type in _EXTENDED:
                records |= extended(data, start)
            else:
                key = "path" if header.type == _LONG_NAME else "linkpath"
                records.setdefault(key, data.partition(b"\0")[0])
            continue
        found = {**defaults, **records} if defaults else records
        records = {}
        member, stored = _member(header, found, at)
        yield member
        end = at + stored
        at += _padded(stored)
        if at > device.size and not (whole and end == device.size):
            raise ParseError(f"cut off inside {member.name[:200]!r}", offset=start)


def _data(device: BlockDevice, at: int, size: int) -> bytes:
    if size > _MAX_EXTENDED:
        raise ParseError(f"an extended header of {size} bytes", offset=at)
    data = device.pread(at, size)
    if len(data) != size:
        raise ParseError("the archive ends inside an extended header", offset=at)
    return data


def _padded(size: int) -> int:
    return (size + BLOCK - 1) // BLOCK * BLOCK


def _member(header: Header, records: dict[str, bytes], at: int) -> tuple[Member, int]:
    """The member, and how many bytes of it lie in the archive."""
    kind = "0" if header.type in _FILES else header.type
    # Before POSIX a name that ends with a slash was how a directory was told.
    if header.type == "\0" and header.name.endswith("/"):
        kind = "5"
    size = _whole(records, "size", header.size, at)
    stored = size if kind in ("0", _SPARSE) or kind not in "123456" else 0
    sparse = kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in records)
    if kind == _SPARSE:
        kind, size = "0", header.real_size if header.real_size is not None else size
    name = _text(records, "GNU.sparse.name", None) or _text(records, "path", header.name) or ""
    for key in ("GNU.sparse.size", "GNU.sparse.realsize"):
        size = _whole(records, key, size, at)
    attributes = {
        key.removeprefix(_XATTR): value for key, value in records.items() if key.startswith(_XATTR)
    } or None  # fmt: skip
    return Member(
        name,
        kind,
        header.mode,
        _whole(records, "uid", header.uid, at),
        _whole(records, "gid", header.gid, at),
        size,
        _seconds(records, header.mtime),
        _text(records, "linkpath", header.link) or "",
        header.major,
        header.minor,
        at,
        sparse,
        attributes,
    ), stored


def _text(records: dict[str, bytes], key: str, otherwise: str | None) -> str | None:
    value = records.get(key)
    return otherwise if value is None else value.decode("utf-8", "surrogateescape")


def _whole(records: dict[str, bytes], key: str, otherwise: int, at: int) -> int:
    value = records.get(key)
    if value is None:
        return otherwise
    if not value.isdigit() or len(value) > 19:
        raise ParseError(f"{key}={value[:30]!r} in an extended header is no number", offset=at)
    return int(value)


def _seconds(records: dict[str, bytes], otherwise: int) -> int:
    """`mtime` has decimals, which are left out (towards the past, as the kernel counts)."""
    value = records.get("mtime")
    if value is None:
        return otherwise
    whole, _, part = value.partition(b".")
    sign = whole.startswith(b"-")
    if not whole.lstrip(b"-").isdigit() or len(whole) > 19:
        return otherwise
    return int(whole) - (1 if sign and part.strip(b"0") else 0)
