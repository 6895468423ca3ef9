"""What an argument is, by what is there and never by its name's ending; the reason is shown to the user."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.model.errors import InputError
from scanner.supply_chain.inputs.archives import GZIP, tar_on, unpacked_head

if TYPE_CHECKING:
    from scanner.target.base import BlockDevice

__all__ = ["LIVE", "REGISTRIES", "Argument", "argument_of"]

LIVE = "live"
"""The word for this machine."""

REGISTRIES = ("registry:", "docker://")
"""How an image in a registry begins."""

_HEAD = 4096
_DISK_DESCRIPTOR = b"# Disk DescriptorFile"
"""A disk image whose first file is text (VMDK); see scanner.target.containers."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1a")


@dataclass(frozen=True, slots=True)
class Argument:
    """`kind`: document (an SBOM), image (an OCI layout or archive, which may have an attested SBOM), target (a root
    tree, disk image or other archive), live, or registry; `why`: how that is known, in words."""

    name: str
    kind: str
    why: str

    @property
    def path(self) -> Path:
        """Where it lies (of a document, image or target)."""
        return Path(self.name)


def argument_of(name: str) -> Argument:
    """What `name` is. Raises InputError when there is no such thing, or it cannot be looked at;
    TargetError for a compressed archive that is damaged or unpacks to too much."""
    if name == "-":
        return Argument(name, "document", "standard input")
    if name == LIVE:
        return Argument(name, "live", "the word for this machine (a file of that name is ./live)")
    if name.startswith(REGISTRIES):
        return Argument(name, "registry", "the beginning says that it is in a registry")
    path = Path(name)
    try:
        if path.is_dir():
            return _folder(name, path)
        if not path.exists():
            raise InputError("there is no such file or directory", where=name)
        if path.is_fifo() or path.is_char_device():
            return Argument(name, "document", "a pipe, which only a document can come through")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=name) from None
    return _file(name, path)


def _folder(name: str, path: Path) -> Argument:
    if (path / "oci-layout").is_file() and (path / "index.json").is_file():
        return Argument(name, "image", "a folder with oci-layout and index.json: an OCI layout")
    return Argument(name, "target", "a folder that is no OCI layout: a root tree")


def _file(name: str, path: Path) -> Argument:
    from scanner.target.devices import FileDevice

    device = FileDevice(path, name)
    try:
        head = device.pread(0, _HEAD)
        archive = _archive(name, device)
    finally:
        device.close()
    if archive is not None:
        return archive
    if head[:2] == GZIP:
        if _is_text(unpacked_head(head)):
            return Argument(name, "document", "text, compressed with gzip")
        return Argument(name, "target", "compressed with gzip, and no text inside")
    if head.startswith(_DISK_DESCRIPTOR):
        return Argument(name, "target", "the descriptor of a disk image")
    if _is_text(head):
        return Argument(name, "document", "text")
    return Argument(name, "target", "binary: an image")


def _archive(name: str, device: BlockDevice) -> Argument | None:
    from scanner.target.archives.layers import LayeredTree
    from scanner.target.archives.oci import is_oci_layout

    tar = tar_on(device)
    if tar is None:
        return None
    packed = " compressed with gzip" if device.pread(0, 2) == GZIP else ""
    if is_oci_layout(LayeredTree([tar])):
        return Argument(name, "image", f"a tar archive{packed} with oci-layout and index.json: an OCI archive")
    return Argument(name, "target", f"a tar archive{packed} that is no OCI layout")


def _is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text; that of an empty file is."""
    if head.startswith(_UTF16):
        return True
    if _CONTROL & set(head):
        # UTF-16 without a mark: every other byte of ASCII is zero (RFC 4627 section 3).
        return head[:2] in (b"{\0", b"\0{", b"<\0", b"\0<")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its end may be half a character
    except UnicodeDecodeError:
        return False
    return True
