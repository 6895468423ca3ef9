"""ISO 9660: the system use area of a directory record: SUSP, Rock Ridge (POSIX attributes), AAIP (extended attributes).

Sources: IEEE P1281 (System Use Sharing Protocol 1.12); IEEE P1282 (Rock Ridge Interchange Protocol 1.12); AAIP 2.0
(libisofs doc/susp_aaip_2_0.txt); zisofs (libisofs doc/zisofs_format.txt); kernel fs/isofs/rock.c (what Linux does).
"""

from __future__ import annotations

import calendar
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner.model.errors import DamagedError
from scanner.target.filesystems._iso_volume import Medium, Record, short_time

__all__ = ["Rock", "announced", "attributes_of", "link_text", "parse", "rock_name"]

_MAX_AREA = 1 << 20
_MAX_JUMPS = 1024
_CONTINUE = 0x01
_SELF = 0x06
_XA = 14
_ROCK_RIDGE = (b"RRIP_1991A", b"IEEE_P1282", b"IEEE_1282")
_SPACES = {2: "system.", 3: "user.", 4: "isofs.", 5: "trusted.", 6: "security."}
_ACL_NAMES = ("system.posix_acl_access", "system.posix_acl_default")
_ACL_TAGS = {1: 0x01, 3: 0x04, 5: 0x10, 6: 0x20, 10: 0x02, 12: 0x08}
_ACL_SWITCH = 8
_NO_ID = 0xFFFFFFFF


@dataclass(slots=True)
class Rock:
    """What the fields of one record say; None where there is no such field."""

    posix: tuple[int, int, int, int] | None = None
    serial: int = 0
    device: int = 0
    time: int | None = None
    link: list[bytes] = field(default_factory=list)
    child: int | None = None
    unpacked: int | None = None
    odd: str = ""
    attributes: list[bytes] = field(default_factory=list)


def announced(medium: Medium, root: Record) -> int | None:
    """How many bytes to skip in every system use area, or None without Rock Ridge. `root` is its `.` record."""
    for start in (0, _XA):
        area = root.system[start:]
        if area[:2] == b"SP" and len(area) >= 7 and area[4:6] == b"\xbe\xef":
            for kind, data in fields(medium, root.offset, area):
                if kind == b"PX" or (kind == b"ER" and data[8 : 8 + data[4]] in _ROCK_RIDGE):
                    return area[6]
    return None


def fields(medium: Medium, offset: int, area: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Signature and bytes of each field, continuation areas followed. Each is at least as long as its kind needs."""
    left = _MAX_AREA
    for _ in range(_MAX_JUMPS):
        at, end = 0, len(area)
        after: tuple[int, int, int] | None = None
        while at + 4 <= end:
            length = area[at + 2]
            kind = area[at : at + 2]
            if length < 4 or at + length > end:
                break
            if kind == b"ST":
                return
            data = area[at : at + length]
            if length < _SHORTEST.get(kind, 4):
                raise medium.damage(offset, f"field {kind!r} of {length} bytes")
            if kind == b"CE":
                after = struct.unpack_from("<I4xI4xI", data, 4)
            else:
                yield kind, data
            at += length
        if area[at:].strip(b"\0"):
            raise medium.damage(offset, "nonsense in the system use area")
        if after is None:
            return
        left -= after[2]
        if left < 0:
            break
        medium.spend(1 + after[2] // 4)
        offset = after[0] * medium.volume.block_size + after[1]
        area = medium.device.exact(offset, after[2])
    raise medium.damage(offset, "system use area without an end")


_SHORTEST = {
    b"CE": 28, b"ER": 8, b"PX": 36, b"PN": 20, b"SL": 5, b"NM": 5, b"CL": 12, b"TF": 5, b"ZF": 16, b"AL": 5,
}  # fmt: skip


def rock_name(medium: Medium, record: Record, area: bytes) -> bytes | None:
    """The long name, b"" where there is none, None for a directory that is shown elsewhere (relocated).

    Nonsense behind a whole name is not found out here, so that it costs this entry only (`parse`), not its directory.
    """
    name = b""
    whole = False
    try:
        for kind, data in fields(medium, record.offset, area):
            if kind == b"NM":
                name += data[5:]
                whole = not data[4] & (_CONTINUE | _SELF)
            elif kind == b"RE":
                return None
    except DamagedError:
        if not whole:
            raise
    if name and not whole:
        raise medium.damage(record.offset, "name without its end")
    return name


def parse(medium: Medium, record: Record, area: bytes) -> Rock:
    """All that the fields of a record say, but for the name."""
    rock = Rock()
    attribute = False
    for kind, data in fields(medium, record.offset, area):
        if kind == b"PX":
            mode, links, uid, gid = struct.unpack_from("<I4xI4xI4xI", data, 4)
            rock.posix = (mode, links, uid, gid)
            if len(data) >= 44:
                rock.serial = int.from_bytes(data[36:40], "little")
        elif kind == b"TF":
            rock.time = _modified(data, rock.time)
        elif kind == b"PN":
            rock.device = _device(*struct.unpack_from("<I4xI", data, 4))
        elif kind == b"SL":
            rock.link.append(data)
        elif kind == b"CL":
            rock.child = int.from_bytes(data[4:8], "little") * medium.volume.block_size
        elif kind in (b"ZF", b"Z2"):
            rock.odd = "zisofs"
            rock.unpacked = int.from_bytes(data[8:12], "little") if kind == b"ZF" and data[4:6] == b"pz" else None
        elif kind == b"SF":
            rock.odd = "Rock Ridge sparse file"
        elif kind == b"AL" and (attribute or not rock.attributes):
            rock.attributes.append(data)
            attribute = bool(data[4] & _CONTINUE)
    return rock


def _modified(data: bytes, before: int | None) -> int | None:
    """The time of the last change in a TF field, if it holds one."""
    flags = data[4]
    if not flags & 2:
        return before
    long = flags & 0x80
    width = 17 if long else 7
    start = 5 + width * (flags & 1)
    stamp = data[start : start + width]
    if len(stamp) < width:
        return before
    if not long:
        return short_time(stamp)
    digits = stamp[:14]
    if not digits.isdigit() or not 1 <= int(digits[4:6]) <= 12 or int(digits[:4]) == 0:
        return 0
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))]
    zone = stamp[16] - 256 if stamp[16] > 127 else stamp[16]
    return calendar.timegm((parts[0], parts[1], parts[2], parts[3], parts[4], parts[5])) - 900 * zone


def _device(high: int, low: int) -> int:
    """A device number: two halves, or all of it (as glibc packs it) in the low one."""
    return os.makedev(os.major(low), os.minor(low)) if not high and low > 0xFF else os.makedev(high, low)


def _components(medium: Medium, offset: int, pieces: list[bytes], what: str) -> Iterator[tuple[int, bytes]]:
    """Flags and content of the component records of SL or AL fields; a record may go on in the next field."""
    stream = b"".join(piece[5:] for piece in pieces)
    at = 0
    while at < len(stream):
        end = at + 2 + (stream[at + 1] if at + 1 < len(stream) else 0)
        if end > len(stream):
            raise medium.damage(offset, f"{what} that does not fit its fields")
        yield stream[at], stream[at + 2 : end]
        at = end


def link_text(medium: Medium, offset: int, pieces: list[bytes]) -> bytes:
    """The target of a link from its SL fields."""
    text = b""
    joined = True
    for flags, content in _components(medium, offset, pieces, "link text"):
        if flags & 0x08:
            text, joined = b"/", True
            continue
        if flags & ~0x0F:
            raise medium.damage(offset, f"link component with flags {flags:#x}")
        text += (b"" if joined else b"/") + (b"." if flags & 2 else b".." if flags & 4 else content)
        joined = bool(flags & _CONTINUE)
    return text


def attributes_of(medium: Medium, offset: int, pieces: list[bytes]) -> dict[str, bytes]:
    """Extended attributes of AL fields by full name, without the ones libisofs keeps for itself."""
    parts: list[bytes] = []
    goes_on = False
    for flags, content in _components(medium, offset, pieces, "attribute"):
        if goes_on:
            parts[-1] += content
        else:
            parts.append(content)
        goes_on = bool(flags & _CONTINUE)
    if goes_on or len(parts) % 2:
        raise medium.damage(offset, "attribute list without its last part")
    found: dict[str, bytes] = {}
    for raw, value in zip(parts[::2], parts[1::2], strict=True):
        if not raw:
            found.update(_acls(medium, offset, value))
            continue
        space = _SPACES.get(raw[0], "")
        name = space + raw[1 if raw[0] in _SPACES or raw[0] == 1 else 0 :].decode("utf-8", "surrogateescape")
        if not name.startswith("isofs.") and "\0" not in name:
            found.setdefault(name, value)
    return found


def _acls(medium: Medium, offset: int, value: bytes) -> dict[str, bytes]:
    """The access and the default list of the compact form, in the kernel's form."""
    lists: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
    which = at = 0
    while at < len(value):
        head = value[at]
        at += 1
        number = b""
        more = bool(head & 8)
        while more:
            if at >= len(value) or at + 1 + (value[at] & 127) > len(value):
                raise medium.damage(offset, "access control list that does not fit its field")
            size = value[at] & 127
            number, more = number + value[at + 1 : at + 1 + size], value[at] > 127
            at += 1 + size
        kind = head >> 4
        if kind == _ACL_SWITCH:
            which = 1
        elif kind in _ACL_TAGS:
            if len(number) > 4 or (kind >= 10 and not number):
                raise medium.damage(offset, "access control list with an odd number")
            lists[which].append((_ACL_TAGS[kind], head & 7, int.from_bytes(number, "big") if kind >= 10 else _NO_ID))
    return {
        name: struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries, key=_rank))
        for name, entries in zip(_ACL_NAMES, lists, strict=True)
        if entries
    }


def _rank(entry: tuple[int, int, int]) -> tuple[int, int]:
    """The kernel keeps lists by type and number."""
    return entry[0], entry[2]
