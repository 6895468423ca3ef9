"""LUKS1 and LUKS2 volumes that a key of the user opens: what is inside becomes a part below the volume.

Keys stay here: what is said about them is which keyslot they opened.
Sources: see scanner.boot.luks_material, scanner.boot.luks_unlock and scanner.boot.sector_cipher.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.boot.luks_material import Lock, read_lock
from scanner.boot.luks_unlock import Opened, Work, unlock
from scanner.boot.sector_cipher import sector_cipher
from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.target.contents import Part, explore
from scanner.target.mapped._crypt import CryptDevice
from scanner.target.mapped.base import Mapper

__all__ = ["MAPPER", "NOT_OPENED", "NO_KEY"]

NO_KEY = "encrypted: no key was given (--luks-key)"
"""Note of a volume that nobody brought a key for."""

NOT_OPENED = "no key given opens it"
"""Note of a volume that stays closed though keys were given; further notes say why, where it is not the key."""

_KINDS = ("luks1", "luks2")
_MAX_VOLUMES = 64
"""Volumes of an image that keys are tried on."""


def _map(contents: Part, keys: Sequence[bytes]) -> bool:
    work = Work()
    todo = [part for part in contents.walk() if part.kind in _KINDS and part.state == "encrypted" and _is_new(part)]
    added = False
    for number, part in enumerate(todo):
        if not keys:
            part.notes.append(NO_KEY)
        elif number >= _MAX_VOLUMES:
            part.notes += [NOT_OPENED, f"limit: keys are tried on {_MAX_VOLUMES} volumes"]
        else:
            added = _open(part, keys, work) or added
    return added


def _is_new(part: Part) -> bool:
    """Whether no round before this one looked at the volume: whatever came of that is noted."""
    return NO_KEY not in part.notes and NOT_OPENED not in part.notes


def _open(part: Part, keys: Sequence[bytes], work: Work) -> bool:
    """Try every key on one volume; what came of it stands in the part."""
    try:
        lock = read_lock(part.device.pread)
        problems = list(lock.problems)
        opened = _first(part, lock, keys, work, problems)
        if opened is None:
            part.notes += [NOT_OPENED, *problems]
            return False
        device = _decrypted(part, lock, opened)
    except NotCollectedError as error:
        part.notes += [NOT_OPENED, str(error)]
        return False
    except (ParseError, TargetError) as error:
        part.state = "damaged"
        part.notes.append(str(error))
        return False
    given = "volume key given" if opened.by == "volume key" else f"key given, {opened.by}"
    part.state = "read"
    part.notes.append(f"opened with the {given}")
    part.children.append(_inside(part, device))
    return True


def _first(part: Part, lock: Lock, keys: Sequence[bytes], work: Work, problems: list[str]) -> Opened | None:
    for key in keys:
        opened = unlock(lock, part.device.pread, key, work, problems)
        if opened is not None:
            return opened
    return None


def _decrypted(part: Part, lock: Lock, opened: Opened) -> CryptDevice:
    data = lock.data
    room = part.device.size - data.offset
    if room <= 0:
        # cryptsetup makes such a header for a volume whose data lies elsewhere; a cut image looks the same.
        raise NotCollectedError(f"its data, from byte {data.offset}, is not in the image")
    if data.size is not None and data.size > room:
        part.notes.append(f"cut off: {data.size - room} bytes are missing at the end")
    return CryptDevice(
        part.device,
        f"{part.name}-luks",
        offset=data.offset,
        size=room if data.size is None else min(data.size, room),
        sector=data.sector_size,
        tweak=data.tweak,
        decrypt=sector_cipher(data.encryption, opened.key),
    )


def _inside(part: Part, device: CryptDevice) -> Part:
    child = explore(device, device.name)
    if child.tree is not None:
        child.type = part.type  # what the partition is for, its file system is for
    return child


MAPPER = Mapper("luks", _map)
