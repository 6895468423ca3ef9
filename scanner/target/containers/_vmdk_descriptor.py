"""The text half of a VMDK: how the disk was cut into files, and whether it is only a difference to another disk.

Source: VMware, "Virtual Disk Format 5.0", section The Descriptor File.
"""

from __future__ import annotations

import re

from scanner.model.records import dataclass

__all__ = ["MARK", "Descriptor", "Extent", "parse"]

MARK = b"# Disk DescriptorFile"
_NO_PARENT = "ffffffff"
_EXTENT = re.compile(
    r'(?:RW|RDONLY|NOACCESS)\s+(\d{1,18})\s+([A-Z0-9_]{1,16})(?:\s+"([^"]{1,1024})")?(?:\s+(\d{1,18}))?'
)
_SETTING = re.compile(r'([A-Za-z][\w.]{0,60})\s*=\s*"?([^"]{0,1024})"?\s*$')
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of the disk. `sectors` of 512 bytes; `type`: FLAT, SPARSE, ZERO, VMFS …; `file`: where it is."""

    sectors: int
    type: str
    file: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a descriptor says. `type`: the word createType; `parent`: the disk this one is a difference to, None for
    one that stands alone, empty when it is not named."""

    type: str
    extents: tuple[Extent, ...]
    parent: str | None

    def files(self) -> str:
        """Names of the files that hold the disk, for a sentence."""
        names = [one.file for one in self.extents if one.file]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(name[:120] for name in names[:_SHOWN]) + more


def parse(data: bytes) -> Descriptor:
    """The descriptor in `data`. Lines that mean nothing here are passed over, as every reader of the format does."""
    settings: dict[str, str] = {}
    extents = []
    for line in data.split(b"\0", 1)[0].decode("utf-8", "replace").splitlines():
        extent = _EXTENT.match(line.strip())
        if extent:
            sectors, kind, file, offset = extent.groups()
            extents.append(Extent(int(sectors), kind, file, int(offset or 0)))
            continue
        setting = _SETTING.match(line.strip())
        if setting:
            settings.setdefault(setting[1].lower(), setting[2])
    parent = None
    if settings.get("parentcid", _NO_PARENT).strip().lower() != _NO_PARENT:
        parent = settings.get("parentfilenamehint", "")
    return Descriptor(settings.get("createtype", "of no stated type"), tuple(extents), parent)
