"""What lies on a block device, by the magic numbers of file systems, containers and partition tables.

Every match is reported, not only the first: a device can carry a LUKS header and, in its padding, a file system.

Sources: util-linux libblkid/src/superblocks; kernel Documentation/filesystems; the on-disk formats named at each probe.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from scanner.model.records import dataclass

__all__ = ["ENCRYPTED", "FILE_SYSTEMS", "PROBED", "Signature", "probe"]

PROBED = 0x11000
"""Bytes from the start of a device that `probe` wants (the last magic is that of btrfs at 64 KiB)."""

FILE_SYSTEMS = frozenset(
    (
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "f2fs",
        "zfs",
        "jfs",
        "reiserfs",
        "nilfs2",
        "bcachefs",
        "vfat",
        "exfat",
        "ntfs",
        "iso9660",
        "squashfs",
        "erofs",
    )
)
ENCRYPTED = frozenset(("luks1", "luks2", "bitlocker"))


@dataclass(frozen=True, slots=True)
class Signature:
    """One match. `kind` is a word such as ext4, luks2, swap, lvm2, gpt; label and UUID as tools print them."""

    kind: str
    label: str | None = None
    uuid: str | None = None


def probe(data: bytes) -> list[Signature]:
    """All signatures in the first PROBED bytes of a device (or fewer, when it is shorter), containers first."""
    found: list[Signature] = []
    for look in _PROBES:
        match = look(data)
        if match is not None:
            found.append(match)
    # A secondary LUKS header may be a left-over below a new file system, as cryptsetup has it too.
    return found[1:] if len(found) > 1 and found[0].kind == "luks2" and not has_primary(data) else found


def has_primary(data: bytes) -> bool:
    """Whether a LUKS header stands at the very start, where it belongs."""
    return data[:6] == b"LUKS\xba\xbe"


def _text(raw: bytes) -> str | None:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None


def _uuid(raw: bytes) -> str | None:
    if len(raw) != 16 or not any(raw):
        return None
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _luks(data: bytes) -> Signature | None:
    if data[:6] != b"LUKS\xba\xbe" or data[6:8] not in (b"\0\1", b"\0\2"):
        return None
    label = _text(data[24:72]) if data[7] == 2 else None
    return Signature(f"luks{data[7]}", label, _text(data[168:208]))


def _luks_second(data: bytes) -> Signature | None:
    """A LUKS2 device whose primary header is gone: the secondary stands at one of a few places."""
    for power in range(9):
        place = 0x4000 << power
        if data[place : place + 8] == b"SKUL\xba\xbe\0\2" and not has_primary(data):
            return Signature("luks2", None, _text(data[place + 168 : place + 208]))
    return None


def _bitlocker(data: bytes) -> Signature | None:
    return Signature("bitlocker") if data[3:11] == b"-FVE-FS-" else None


def _lvm2(data: bytes) -> Signature | None:
    for sector in range(4):
        start = data[sector * 512 : sector * 512 + 512]
        if start[:8] == b"LABELONE" and start[24:32] == b"LVM2 001":
            (offset,) = struct.unpack_from("<I", start, 20)
            raw = start[offset : offset + 32].decode("ascii", "replace")
            sizes = (6, 4, 4, 4, 4, 4, 6)
            parts, place = [], 0
            for size in sizes:
                parts.append(raw[place : place + size])
                place += size
            return Signature("lvm2", None, "-".join(parts) if len(raw) == 32 else None)
    return None


def _mdraid(data: bytes) -> Signature | None:
    for place in (0, 4096):
        if data[place : place + 8] == b"\xfc\x4e\x2b\xa9\1\0\0\0":
            return Signature("mdraid", _text(data[place + 32 : place + 64]), _uuid(data[place + 16 : place + 32]))
    return None


def _verity(data: bytes) -> Signature | None:
    return Signature("verity", None, _uuid(data[16:32])) if data[:8] == b"verity\0\0" else None


def _integrity(data: bytes) -> Signature | None:
    return Signature("integrity") if data[:8] == b"integrt\0" else None


_JOURNAL = 0x4
_EXT4_INCOMPAT = (
    0x40 | 0x80 | 0x200 | 0x400 | 0x2000 | 0x10000
)  # extents, 64bit, flex_bg, ea_inode, checksum seed, encrypt
_EXT4_RO = 0x8 | 0x10 | 0x20 | 0x40 | 0x400  # huge_file, gdt_csum, dir_nlink, extra_isize, metadata_csum


def _ext(data: bytes) -> Signature | None:
    block = data[1024:2048]
    if len(block) < 1024 or block[0x38:0x3A] != b"\x53\xef":
        return None
    compat, incompat, read_only = struct.unpack_from("<III", block, 0x5C)
    kind = "ext4" if incompat & _EXT4_INCOMPAT or read_only & _EXT4_RO else "ext3" if compat & _JOURNAL else "ext2"
    return Signature(kind, _text(block[0x78:0x88]), _uuid(block[0x68:0x78]))


def _xfs(data: bytes) -> Signature | None:
    return Signature("xfs", _text(data[108:120]), _uuid(data[32:48])) if data[:4] == b"XFSB" else None


def _btrfs(data: bytes) -> Signature | None:
    block = data[0x10000:0x11000]
    if block[0x40:0x48] != b"_BHRfS_M":
        return None
    return Signature("btrfs", _text(block[0x12B:0x22B]), _uuid(block[0x20:0x30]))


def _f2fs(data: bytes) -> Signature | None:
    block = data[1024:3072]
    if block[:4] != b"\x10\x20\xf5\xf2":
        return None
    label = block[0x7C : 0x7C + 1024].decode("utf-16-le", "replace").split("\0", 1)[0] or None
    return Signature("f2fs", label, _uuid(block[0x6C:0x7C]))


def _zfs(data: bytes) -> Signature | None:
    """A member of a pool: the name-value list of its first label begins with the pool version."""
    label = data[0x4000:0x4040]
    return Signature("zfs") if label[:1] == b"\1" and b"\0\0\0\7version\0" in label else None


def _jfs(data: bytes) -> Signature | None:
    return Signature("jfs") if data[0x8000:0x8004] == b"JFS1" else None


def _reiserfs(data: bytes) -> Signature | None:
    return Signature("reiserfs") if data[0x10034:0x1003C] in (b"ReIsErFs", b"ReIsEr2F", b"ReIsEr3F") else None


def _nilfs(data: bytes) -> Signature | None:
    return Signature("nilfs2") if data[0x406:0x408] == b"\x34\x34" and data[0x400:0x402] == b"\2\0" else None


def _bcachefs(data: bytes) -> Signature | None:
    magic = bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")
    return Signature("bcachefs", None, _uuid(data[4096 + 56 : 4096 + 72])) if data[4120:4136] == magic else None


def _swap(data: bytes) -> Signature | None:
    for page in (4096, 8192, 16384, 65536):
        word = data[page - 10 : page]
        if word in (b"SWAPSPACE2", b"SWAP-SPACE"):
            return Signature("swap", _text(data[1052:1068]), _uuid(data[1036:1052]))
        if word[:9] in (b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND") or word == b"LINHIB0001":
            return Signature("swap-suspended", _text(data[1052:1068]), _uuid(data[1036:1052]))
    return None


def _fat(data: bytes) -> Signature | None:
    """By the numbers of its boot sector; the words "FAT32" and the like in it are only a comment.

    Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03, and what the kernel's fs/fat/inode.c asks for.
    """
    if len(data) < 512 or data[510:512] != b"\x55\xaa" or _bitlocker(data):
        return None
    sector, cluster, reserved, tables, entries, total, media, length = struct.unpack_from("<HBHBHHBH", data, 11)
    wide = length == 0
    total = total or struct.unpack_from("<I", data, 32)[0]
    length = length or struct.unpack_from("<I", data, 36)[0]
    first = reserved + tables * length + -(-entries * 32 // max(1, sector))
    if (
        sector not in (512, 1024, 2048, 4096)
        or not cluster
        or cluster & cluster - 1
        or not reserved
        or not 1 <= tables <= 4
        or (media != 0xF0 and media < 0xF8)
        or not length
        or wide == bool(entries)
        or first >= total
    ):
        return None
    at = 66 if wide else 38
    name, number = None, ""
    if data[at] in (0x28, 0x29):
        number = data[at + 1 : at + 5][::-1].hex().upper()
        name = _text(data[at + 5 : at + 16]) if data[at] == 0x29 else None
    return Signature("vfat", None if name == "NO NAME" else name, f"{number[:4]}-{number[4:]}" if number else None)


def _exfat(data: bytes) -> Signature | None:
    return Signature("exfat") if data[3:11] == b"EXFAT   " else None


def _ntfs(data: bytes) -> Signature | None:
    return Signature("ntfs") if data[3:11] == b"NTFS    " else None


def _iso9660(data: bytes) -> Signature | None:
    return Signature("iso9660", _text(data[0x8028:0x8048])) if data[0x8001:0x8006] == b"CD001" else None


def _squashfs(data: bytes) -> Signature | None:
    return Signature("squashfs") if data[:4] == b"hsqs" and data[28:30] == b"\4\0" else None


def _erofs(data: bytes) -> Signature | None:
    block = data[1024:1152]
    if block[:4] != b"\xe2\xe1\xf5\xe0" or len(block) < 80:
        return None
    return Signature("erofs", _text(block[64:80]), _uuid(block[48:64]))


def _cpio(data: bytes) -> Signature | None:
    """The two forms that kernels unpack as an initramfs; the older ones by their own name, as nobody reads them."""
    if data[:6] in (b"070701", b"070702"):
        return Signature("cpio")
    return Signature("cpio-odc") if data[:6] == b"070707" and data[6:12].isdigit() else None


def _gpt(data: bytes) -> Signature | None:
    for sector in (512, 4096):
        if data[sector : sector + 8] == b"EFI PART":
            disk = data[sector + 56 : sector + 72]
            swapped = disk[3::-1] + disk[5:3:-1] + disk[7:5:-1] + disk[8:]
            return Signature("gpt", None, _uuid(swapped))
    return None


def _mbr(data: bytes) -> Signature | None:
    """A partition table in the boot sector; a FAT or NTFS boot sector ends with the same two bytes.

    A boot loader keeps what it finds at the place of the FAT numbers, so a true table may stand behind old ones: then
    both are reported. A table whose only partition starts at sector 0 is a label on a FAT, not a table.
    """
    if data[510:512] != b"\x55\xaa" or _ntfs(data) or _exfat(data) or _bitlocker(data) or _gpt(data):
        return None
    entries = [data[446 + 16 * number : 462 + 16 * number] for number in range(4)]
    sound = all(entry[0] in (0, 0x80) for entry in entries) and any(entry[4] for entry in entries)
    if _fat(data) and not any(entry[4] and any(entry[8:12]) and any(entry[12:16]) for entry in entries):
        return None
    return Signature("mbr", None, data[443:439:-1].hex()) if sound else None


_PROBES: tuple[Callable[[bytes], Signature | None], ...] = (
    _luks,
    _luks_second,
    _bitlocker,
    _lvm2,
    _mdraid,
    _verity,
    _integrity,
    _gpt,
    _mbr,
    _swap,
    _ext,
    _xfs,
    _btrfs,
    _f2fs,
    _bcachefs,
    _zfs,
    _jfs,
    _reiserfs,
    _nilfs,
    _squashfs,
    _erofs,
    _cpio,
    _iso9660,
    _fat,
    _exfat,
    _ntfs,
)
