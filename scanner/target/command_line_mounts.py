"""Mounts that the kernel command line of the first boot entry asks for, takes away, or makes anew at each boot.

Sources: kernel-command-line(7), systemd-fstab-generator(8) (`fstab=`, `mount.usr=`, `systemd.mount-extra=`),
systemd-volatile-root.service(8) (`systemd.volatile=`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import kernel_cmdline
from scanner.parsers.mount_options import split
from scanner.target.contents import Part
from scanner.target.loader import choices
from scanner.target.mount_wishes import Wish

__all__ = ["BootMounts", "boot_mounts"]

_YES = ("", "1", "yes", "y", "true", "t", "on")
_NO = ("0", "no", "n", "false", "f", "off")
_MADE_ANEW = ("/etc", "/var", "/root", "/home", "/opt", "/srv")


@dataclass(frozen=True, slots=True)
class BootMounts:
    """`wishes` beside those of the tree; `forgotten`: places that no medium holds, with the reason; `no_fstab`: its
    lines are not mounted."""

    wishes: tuple[Wish, ...] = ()
    forgotten: tuple[tuple[str, str], ...] = ()
    no_fstab: bool = False


def boot_mounts(parts: Sequence[Part]) -> BootMounts:
    """What the command line of the first boot entry says of mounts; nothing where there is none that can be read."""
    found = choices(parts)
    if not found or not found[0].options:
        return BootMounts()
    where = found[0].where
    try:
        parameters = kernel_cmdline.parse(found[0].options).parameters
    except ParseError:
        return BootMounts()
    words = {one.name.replace("-", "_"): one.value or "" for one in parameters}
    extra = [one.value or "" for one in parameters if one.name.replace("-", "_") == "systemd.mount_extra"]
    wishes = [wish for text in extra if (wish := _extra(text, where)) is not None]
    if words.get("mount.usr"):
        options = _split(words.get("mount.usrflags", ""))
        wishes.append(Wish(words["mount.usr"], "/usr", words.get("mount.usrfstype") or "auto", options, where))
    no_fstab = words.get("fstab", "").lower() in _NO if "fstab" in words else False
    return BootMounts(tuple(wishes), _forgotten(words.get("systemd.volatile"), where), no_fstab)


def _extra(text: str, where: str) -> Wish | None:
    """`WHAT:WHERE[:FSTYPE[:OPTIONS]]`; None for what is no mount."""
    what, _, rest = text.partition(":")
    place, _, rest = rest.partition(":")
    kind, _, options = rest.partition(":")
    place = posixpath.normpath(place) if place.startswith("/") else ""
    if not what or not place.strip("/"):
        return None
    return Wish(what, f"/{place.lstrip('/')}", kind or "auto", _split(options), where)


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(split(text))
    except ParseError:
        return ()


def _forgotten(value: str | None, where: str) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    places = ("/var",) if value == "state" else _MADE_ANEW if value.lower() in _YES else ()
    return tuple((place, f"systemd.volatile={value} ({where}): made anew at each boot") for place in places)
