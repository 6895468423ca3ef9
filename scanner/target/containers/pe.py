"""PE files as containers: what a unified kernel image brings along (initrd, microcode, kernel), per profile.

Other PE files (boot loaders, plain kernels) have nothing inside that is looked at as a medium.
Source: UAPI specification "Unified Kernel Image".
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.boot import pe, uki
from scanner.model.errors import DamagedError, ParseError
from scanner.target.base import BlockDevice
from scanner.target.containers.base import Container
from scanner.target.devices import SliceDevice

__all__ = ["CONTAINERS"]

_MEDIA = (".initrd", ".ucode", ".linux")


def _open(device: BlockDevice) -> Sequence[BlockDevice]:
    """The sections by name; those that only one profile of several has carry its number, `.initrd@1`."""
    try:
        image = pe.parse(device.pread, device.size)
        found = uki.profiles(image) if uki.is_uki(image) else ()
    except ParseError as error:
        raise DamagedError(f"{device.name}: {error}") from None
    inside: dict[int, BlockDevice] = {}
    for name in _MEDIA:
        for profile in found:
            section = profile.sections.get(name)
            if section is None or section.offset in inside or not section.size:
                continue
            alone = len(found) > 1 and name in profile.own
            shown = f"{name}@{profile.number}" if alone else name
            inside[section.offset] = SliceDevice(device, section.offset, section.size, shown)
    return list(inside.values())


CONTAINERS = (Container("pe", pe.looks_like_pe, _open),)
