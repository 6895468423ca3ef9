"""ISO 9660 with Rock Ridge, else Joliet, else plain, read from a block device (also the hybrid ones of a USB stick).

Rock Ridge keeps owners and modes. Extended attributes are there when xorriso recorded them (AAIP), but nothing on the
medium says whether it did: only a `security` or `trusted` attribute proves that all were asked for. When the root
directory or an entry in it has one (every one has on a system with SELinux), no entry has lost any; else `lost` holds
`xattrs`, and only entries that have such an attribute themselves give theirs. Without Rock Ridge `lost` holds owner and
mode too; modes and lower-case names are then those Linux shows. Not collected: content that is interleaved, compressed
(zisofs), sparse (SF) or on another volume.

`boot_images` lists the El Torito boot catalogue.

Sources: ECMA-119, Joliet, IEEE P1281 and P1282, AAIP 2.0, El Torito (see the modules `_iso_*`); kernel fs/isofs/.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scanner.model.errors import LimitError, NotCollectedError, TargetError
from scanner.target import limits
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.filesystems._iso_rock import Rock, announced, attributes_of, link_text, parse, rock_name
from scanner.target.filesystems._iso_volume import (
    ASSOCIATED,
    DIRECTORY,
    MORE_EXTENTS,
    BootImage,
    Medium,
    Record,
    boot_images,
    volumes,
)
from scanner.target.filesystems._nodes import Node, NodeTree, plain_name
from scanner.target.filesystems.base import FileSystem

__all__ = ["FILESYSTEM", "BootImage", "IsoTree", "open_iso"]

_DOTS = (b"\0", b"\1")
_MAX_DIRECTORY = 64 << 20
_MAX_SECTIONS = 4096
_RUN = 65536
_PROOF = ("security.", "trusted.")
_LOOKED_AT = 64


@dataclass(slots=True)
class IsoNode(Node):
    """An entry: where its content lies, as pairs of offset and size, or why it cannot be read."""

    place: int
    sections: list[tuple[int, int]]
    link: bytes
    refused: str
    attributes: list[bytes]


class IsoTree(NodeTree[IsoNode]):
    """The files of one view of a volume. `notes`: what is odd; `boot_images`: the boot catalogue."""

    def __init__(self, medium: Medium, skip: int | None, images: list[BootImage]) -> None:
        super().__init__(medium.volume.root)
        self._medium = medium
        self._skip = skip
        self.notes = medium.notes
        self.boot_images = images
        if skip is None:
            self.lost = frozenset({"owner", "mode", "xattrs"})
        elif not self._all_recorded():
            self.lost = frozenset({"xattrs"})

    def _area(self, record: Record) -> bytes:
        return record.system[self._skip :]

    def _proved(self, node: IsoNode) -> bool:
        """Whether the entry shows that attributes of every kind were recorded."""
        return any(name.startswith(_PROOF) for name in attributes_of(self._medium, node.place, node.attributes))

    def _all_recorded(self) -> bool:
        """Whether the root directory or one of the first entries in it shows that."""
        try:
            if self._proved(self.node("/")):
                return True
            return any(self._proved(self.node(f"/{name}")) for name in self.names("/")[:_LOOKED_AT])
        except TargetError:
            return False

    # ---- nodes -------------------------------------------------------------------------------------------------

    def load(self, number: int) -> IsoNode:
        """See NodeTree. The number is the byte offset of the directory record."""
        medium = self._medium
        record = medium.record_at(number)
        if self._skip is None:
            return self._plain(record)
        # The root's first record is the only one whose area begins with the SP field itself.
        rock = parse(medium, record, record.system if number == medium.volume.root else self._area(record))
        if rock.child is not None:
            record = medium.record_at(rock.child)
            if record.name != _DOTS[0] or rock.child != record.extent:
                raise medium.damage(rock.child, "no relocated directory")
            rock = parse(medium, record, self._area(record))
        return self._rocky(record, rock)

    def _plain(self, record: Record) -> IsoNode:
        """An entry of which only name, size and time are recorded; mode and owner as Linux shows them."""
        folder = record.flags & DIRECTORY
        mode = 0o555 | (stat.S_IFDIR if folder else stat.S_IFREG)
        sections, refused = self._content(record)
        number = record.extent if folder else record.offset
        size = sum(length for _, length in sections)
        return IsoNode(number, mode, 0, 0, size, record.time, 1, 0, record.offset, sections, b"", refused, [])

    def _rocky(self, record: Record, rock: Rock) -> IsoNode:
        medium = self._medium
        if rock.posix is None:
            raise medium.damage(record.offset, "directory record without a mode")
        mode, links, uid, gid = rock.posix
        folder = bool(record.flags & DIRECTORY)
        if folder != stat.S_ISDIR(mode) or not stat.S_IFMT(mode) or mode > 0o177777:
            raise medium.damage(record.offset, f"directory record with mode {mode:o}")
        sections, refused = self._content(record)
        size = sum(length for _, length in sections)
        link = b""
        if stat.S_ISLNK(mode):
            link = link_text(medium, record.offset, rock.link)
            size = len(link)
        elif rock.odd:
            refused, size = rock.odd, rock.unpacked if rock.unpacked is not None else size
        number = record.extent if folder else rock.serial or record.offset
        time = record.time if rock.time is None else rock.time
        device = rock.device if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0
        return IsoNode(
            number, mode, uid, gid, size, time, links, device, record.offset, sections, link, refused, rock.attributes
        )

    def _content(self, record: Record) -> tuple[list[tuple[int, int]], str]:
        """Where the content lies, and why it cannot be read, if so. Big files have several records in a row."""
        sections: list[tuple[int, int]] = []
        refused = ""
        while True:
            sections.append((record.extent, record.size))
            if record.interleaved:
                refused = "interleaved ISO 9660 file"
            if record.sequence not in (0, self._medium.volume.sequence):
                refused = "ISO 9660 file on another volume of the set"
            if not record.flags & MORE_EXTENTS or record.flags & DIRECTORY:
                return sections, refused
            if len(sections) > _MAX_SECTIONS:
                raise LimitError(f"file at offset {record.offset} has more than {_MAX_SECTIONS} sections")
            following = self._following(record)
            if following.name != record.name or record.size % self._medium.volume.block_size:
                raise self._medium.damage(record.offset, "file without its last section")
            record = following

    def _following(self, record: Record) -> Record:
        """The record after `record`, which may begin with the next block."""
        medium = self._medium
        at = record.offset + record.length
        size = medium.volume.block_size
        if at % size == 0 or medium.device.pread(at, 1) in (b"", b"\0"):
            at = -(-at // size) * size
        return medium.record_at(at)

    # ---- directories -------------------------------------------------------------------------------------------

    def entries(self, node: IsoNode) -> dict[str, int]:
        """See NodeTree."""
        found: dict[str, int] = {}
        unfinished = b""
        for position, record in enumerate(self._records(node)):
            if record.name in _DOTS:
                if position < 2:
                    continue
                raise self._medium.damage(record.offset, "second entry for a directory itself or its parent")
            continued = unfinished
            unfinished = record.name if record.flags & MORE_EXTENTS else b""
            if continued:
                if record.name != continued:
                    raise self._medium.damage(record.offset, "file without its last section")
                continue
            name = None if record.flags & ASSOCIATED else self._name(record)
            if name is None:
                continue
            if name in found:
                raise self._medium.damage(record.offset, f"{name!r} stands in its directory twice")
            found[name] = record.offset
            if len(found) > limits.MAX_NAMES:
                raise LimitError(f"directory at offset {node.number} has more than {limits.MAX_NAMES} entries")
        return found

    def _records(self, node: IsoNode) -> Iterator[Record]:
        """The records of a directory; none crosses the end of a sector, what is left of one is zeros."""
        medium = self._medium
        start, size = node.sections[0]
        if size > _MAX_DIRECTORY:
            raise LimitError(f"directory at offset {start} is longer than {_MAX_DIRECTORY} bytes")
        if start + size > medium.device.size:
            raise medium.damage(start, f"directory of {size} bytes does not lie on the device")
        block = medium.volume.block_size
        for begin in range(start, start + size, _RUN):
            data = medium.device.exact(begin, min(_RUN, start + size - begin))
            at = 0
            while at < len(data):
                if not data[at]:
                    at = (at // block + 1) * block
                    continue
                record = medium.record(begin + at, data[at : at + 255])
                yield record
                at += record.length

    def _name(self, record: Record) -> str | None:
        """The name to show, None for an entry that is not shown."""
        medium = self._medium
        if self._skip is not None:
            long = rock_name(medium, record, self._area(record))
            if long is None:
                return None
            if long:
                return plain_name(long, record.offset)
        if medium.volume.joliet:
            text = record.name.decode("utf-16-be", "replace")
            return plain_name(text.removesuffix(";1").encode(), record.offset)
        return plain_name(record.name.lower().removesuffix(b";1").removesuffix(b"."), record.offset)

    # ---- content -----------------------------------------------------------------------------------------------

    def content(self, node: IsoNode, offset: int, length: int) -> bytes:
        """See NodeTree."""
        if stat.S_ISLNK(node.mode):
            return node.link[offset : offset + length]
        if node.refused:
            raise NotCollectedError(f"unsupported: {node.refused}")
        parts: list[bytes] = []
        for start, size in node.sections:
            if offset < size and length > 0:
                part = self._medium.device.exact(start + offset, min(length, size - offset))
                parts.append(part)
                length -= len(part)
                offset = 0
            else:
                offset = max(0, offset - size)
        return b"".join(parts)

    def attributes(self, node: IsoNode) -> dict[str, bytes]:
        """See NodeTree. Raises NotCollectedError where the medium cannot tell."""
        if self.lost and not self._proved(node):
            raise NotCollectedError("unsupported: ISO 9660 does not say whether extended attributes were recorded")
        return attributes_of(self._medium, node.place, node.attributes)


def open_iso(device: BlockDevice) -> IsoTree:
    """The tree of an ISO 9660 volume. Raises DamagedError, NotCollectedError (see scanner.target.filesystems.base)."""
    cached = CachedDevice.over(device)
    notes: list[str] = []
    primary, joliet, catalogue = volumes(cached, notes)
    images = boot_images(cached, catalogue, notes)
    medium = Medium(cached, primary, notes)
    skip = announced(medium, medium.record_at(primary.root))
    if skip is None and joliet is not None:
        medium = Medium(cached, replace(joliet, sequence=primary.sequence), notes)
    tree = IsoTree(medium, skip, images)
    root = tree.node("/")
    if not stat.S_ISDIR(root.mode) or root.number != medium.volume.root:
        raise medium.damage(medium.volume.root, "no root directory")
    return tree


FILESYSTEM = FileSystem(("iso9660",), open_iso)
