"""Images that are made to hurt a scanner rather than damaged: bombs, loops, absurd counts, names that lead outside.

`ATTACKS`, and `MALFORMED` (what costs nothing to refuse): name to what writes the image at a path. Everything is
written by hand from the formats.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["ATTACKS", "CANARY", "MALFORMED", "OUTSIDE"]

OUTSIDE = "outside"
"""Name of a file beside the image that nothing may read, and its content."""

CANARY = "CANARY-71c2-outside-the-image"
_INDEX = "application/vnd.oci.image.index.v1+json"


# ---- tar -----------------------------------------------------------------------------------------------------------


def _header(name: bytes, kind: bytes = b"0", size: int = 0, link: bytes = b"", mode: int = 0o644) -> bytes:
    """One ustar header, its checksum right."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:136] = b"%07o\0" % mode + b"0000000\0" * 2 + b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[148:157] = b" " * 8 + kind
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _record(key: bytes, value: bytes) -> bytes:
    """One record of a pax header, which begins with its own length."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def _extended(*records: bytes) -> bytes:
    data = b"".join(records)
    return _header(b"x", b"x", len(data)) + data + bytes(-len(data) % 512)


def _root_members() -> bytes:
    """What makes a tar the root of a system."""
    folders = b"".join(_header(name, b"5", mode=0o755) for name in (b"etc/", b"usr/", b"bin/"))
    return folders + _header(b"etc/os-release", size=5) + b"ID=x\n".ljust(512, b"\0")


def _tar(path: Path, parts: Iterable[bytes]) -> None:
    with gzip.open(path, "wb", 1) as stream:
        stream.write(_root_members())
        for part in parts:
            stream.write(part)
        stream.write(bytes(1024))


def _too_many_members(path: Path) -> None:
    _tar(path, [_header(b"etc/sysctl.d/a.conf") * 1000] * 400)


def _many_set_user_id(path: Path) -> None:
    _tar(path, (_header(b"usr/bin/%s%06d" % (b"x" * 60, number), mode=0o6777) for number in range(60_000)))


def _attributes(path: Path) -> None:
    large = _extended(*(_record(b"SCHILY.xattr.user.a%d" % number, b"v" * 60_000) for number in range(16)))
    _tar(path, [large + _header(b"etc/x")] * 400)


def _deep(path: Path) -> None:
    _tar(path, [_extended(_record(b"path", b"etc/" + b"/".join([b"d"] * 4096))) + _header(b"y")])


def _implied_folders(path: Path) -> None:
    names = (b"/".join([b"%d" % (number + level) for level in range(14)]) for number in range(100_000, 125_000))
    _tar(path, (_header(b"etc/" + name[:90]) for name in names))


def _huge_sparse(path: Path) -> None:
    _tar(path, [_header(b"etc/passwd", size=(1 << 33) - 1)])


def _odd_names(path: Path) -> None:
    outside = b"../" * 30 + os.fsencode(path.parent / OUTSIDE).lstrip(b"/")
    named, linked = _extended(_record(b"path", outside)), _extended(_record(b"linkpath", outside))
    members = [named + _header(b"x"), linked + _header(b"etc/passwd", b"2"), linked + _header(b"etc/group", b"1")]
    for name in (b"/etc/absolute", b"etc/../../up", b"etc/\x1b[31m\n", b".", b"", b"etc//a///b"):
        members.append(_header(name))
    members += [_header(b"etc/shadow", b"2", link=b"shadow"), _header(b"etc/fstab", b"1", link=b"etc/fstab")]
    members += [_header(b"etc/hosts", b"3"), _header(b"etc/sudoers", b"6"), _header(b"etc/motd", b"Q")]
    members += [_header(b"etc/issue"), _header(b"etc/issue", b"5"), _header(b"etc/issue/below")]
    members.append(_header(b"etc/issue", b"2", link=b"/"))
    _tar(path, [*members, _extended(_record(b"path", b"etc/nul\0name")) + _header(b"z")])


# ---- compression ---------------------------------------------------------------------------------------------------


def _zeros(path: Path, machine: Any, times: int) -> None:
    """A stream of 64 MiB of zeros, `times` one after the other: quickly made, and no smaller to unpack."""
    piece = bytes(1 << 20)
    stream = b"".join(machine.compress(piece) for _ in range(64)) + machine.flush()
    path.write_bytes(stream * times)


def _gzip_bomb(path: Path) -> None:
    _zeros(path, zlib.compressobj(9, zlib.DEFLATED, 31), 160)


def _xz_bomb(path: Path) -> None:
    _zeros(path, lzma.LZMACompressor(preset=0), 500)


def _zstd_bomb(path: Path) -> None:
    import zstandard

    _zeros(path, zstandard.ZstdCompressor(level=1).compressobj(), 1600)


def _nested_compression(path: Path) -> None:
    data = os.urandom(1000)
    for _ in range(60):
        data = gzip.compress(data)
    path.write_bytes(data)


# ---- disks ---------------------------------------------------------------------------------------------------------


def _sparse_terabyte(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
        stream.seek((1 << 40) - 512)
        stream.write(b"EFI PART")


def _gpt(count: int, nested: bool) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        size = (count * 128 + (1 << 20)) // 512 * 512
        entries = bytearray(count * 128)
        for number in range(count):
            # Nested: each partition is the whole disk again, so that partitions hold partitions.
            first, last = (0, size // 512 - 1) if nested else (34, 35 + number % 100)
            struct.pack_into("<16s16sQQ", entries, number * 128, os.urandom(16), os.urandom(16), first, last)
        head = bytearray(92)
        struct.pack_into(
            "<8sIIIIQQQQ16sQIII", head, 0, b"EFI PART", 0x10000, 92, 0, 0, 1, size // 512 - 1, 34, size // 512 - 34,
            b"a" * 16, 2, count, 128, zlib.crc32(entries),
        )  # fmt: skip
        struct.pack_into("<I", head, 16, zlib.crc32(head))
        disk = bytearray(size)
        disk[510:512], disk[450], disk[512:604] = b"\x55\xaa", 0xEE, head
        disk[1024 : 1024 + len(entries)] = entries
        path.write_bytes(disk)

    return make


# ---- OCI -----------------------------------------------------------------------------------------------------------


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _oci(path: Path, index: Any, blobs: Iterable[bytes] = ()) -> None:
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    files |= {"blobs/sha256/" + hashlib.sha256(blob).hexdigest(): blob for blob in blobs}
    files["index.json"] = index if isinstance(index, bytes) else json.dumps(index).encode()
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _index(content: Any) -> Callable[[Path], None]:
    return lambda path: _oci(path, content)


def _manifest(content: Any, *layers: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        manifest = json.dumps(content).encode()
        _oci(path, {"manifests": [{"digest": _digest(manifest)}]}, [manifest, *layers])

    return make


def _nested_indexes(path: Path) -> None:
    blobs = [json.dumps({"manifests": []}).encode()]
    for _ in range(200):
        below = {"mediaType": _INDEX, "digest": _digest(blobs[-1])}
        blobs.append(json.dumps({"manifests": [below]}).encode())
    _oci(path, {"manifests": [{"mediaType": _INDEX, "digest": _digest(blobs[-1])}]}, blobs)


def _layer_bomb(path: Path) -> None:
    machine = zlib.compressobj(1, zlib.DEFLATED, 31)
    layer = b"".join(machine.compress(bytes(1 << 20)) for _ in range(300)) + machine.flush()
    _manifest({"layers": [{"digest": _digest(layer)}] * 500}, layer)(path)


ATTACKS: dict[str, Callable[[Path], None]] = {
    "400,000 members": _too_many_members,
    "60,000 set-user-id programs": _many_set_user_id,
    "attributes of 400 MB": _attributes,
    "a path of 4,096 levels": _deep,
    "folders that only names imply": _implied_folders,
    "a file of 8 GB that is not there": _huge_sparse,
    "names that lead outside": _odd_names,
    "gzip bomb": _gzip_bomb,
    "xz bomb": _xz_bomb,
    "zstd bomb": _zstd_bomb,
    "compression in compression": _nested_compression,
    "a disk of 1 TiB": _sparse_terabyte,
    "1,024 partitions": _gpt(1024, False),
    "100,000 partitions": _gpt(100_000, False),
    "partitions that hold the disk": _gpt(128, True),
    "one layer of 300 MB 500 times": _layer_bomb,
}

MALFORMED: dict[str, Callable[[Path], None]] = {
    "indexes in indexes": _nested_indexes,
    "an index that is a list": _index([]),
    "an index of texts": _index({"manifests": ["x", 5, None]}),
    "an index of 100,000 images": _index({"manifests": [{"digest": "x"}] * 100_000}),
    "JSON of 200,000 levels": _index(b"[" * 200_000),
    "a manifest that is a list": _manifest([]),
    "layers that are none": _manifest({"layers": ["x", 5, None]}),
    "a configuration that is none": _manifest({"layers": [], "config": {"digest": 7}}),
}
