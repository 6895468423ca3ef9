"""The command lines that a unified kernel image can start its kernel with: one for each profile and set of add-ons.

With Secure Boot on, a command line inside the image is the only one: what a menu or the firmware gives is dropped.
Without one inside, or with Secure Boot off, the one that is given counts. Add-ons append theirs; one whose signature
the firmware does not accept is passed over, so a line counts with and without each of them.

Source: systemd src/boot/stub.c (`settle_command_line`, `load_addons`), UAPI specification "Unified Kernel Image".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import product

from scanner.boot import pe, uki
from scanner.collectors.base import Look, reason_of
from scanner.collectors.cmdline_secrets import public_text
from scanner.collectors.efi_files import EfiFile, add_ons
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Evidence
from scanner.model.records import dataclass
from scanner.parsers import os_release

__all__ = ["UkiLine", "os_values", "profile_values", "uki_lines"]

_MAX_CHOICES = 3
"""Add-ons with a command line whose every combination is a line of its own."""


@dataclass(frozen=True, slots=True)
class UkiLine:
    """One command line of one profile. `embedded`: it lies inside the image, so Secure Boot makes it the only one.

    `title`, `version`, `sort_key` as a boot menu takes them from `.osrel`; `id`: of the profile, None for the first.
    """

    profile: int
    id: str | None
    title: str | None
    version: str | None
    sort_key: str
    text: str
    embedded: bool
    add_ons: tuple[str, ...]
    offset: int | None


def uki_lines(look: Look, file: EfiFile, *, given: str | None = None, profile: int | None = None) -> list[UkiLine]:
    """The lines of `file`; what cannot be known is a gap of the fact under construction.

    `given`: what a boot entry passes on (None: no entry is known to start it); `profile`: the one it chooses, else
    every one.
    """
    if file.image is None:
        return []
    try:
        found = uki.profiles(file.image)
        extras = _extras(look, file, add_ons(look, file))
    except (TargetError, ParseError) as error:
        look.gap(file.path, reason_of(error))
        return []
    if profile is not None:
        found = tuple(one for one in found if one.number == profile)
        if not found:
            look.gap(file.path, f"malformed: no profile {profile}")
    lines: list[UkiLine] = []
    for one in found:
        try:
            lines += _profile_lines(look, file, one, given, extras)
        except (TargetError, ParseError) as error:
            look.gap(file.path, reason_of(error))
    return lines


def os_values(read: pe.Reader, profile: uki.Profile) -> dict[str, str]:
    """The assignments of `.osrel`, empty without it. Raises ParseError."""
    return _assignments(read, profile.sections.get(".osrel"))


def profile_values(read: pe.Reader, profile: uki.Profile) -> dict[str, str]:
    """The assignments of `.profile`, empty without it. Raises ParseError."""
    return _assignments(read, profile.sections.get(".profile"))


def _assignments(read: pe.Reader, section: pe.Section | None) -> dict[str, str]:
    if section is None:
        return {}
    return {key: one.value for key, one in os_release.parse(uki.section_text(read, section)).items()}


def _profile_lines(
    look: Look, file: EfiFile, profile: uki.Profile, given: str | None, extras: Sequence[tuple[EfiFile, str]]
) -> Iterator[UkiLine]:
    if ".linux" not in profile.sections:
        look.gap(file.path, f"malformed: profile {profile.number} has no kernel")
        return
    section = profile.sections.get(".cmdline")
    bases: list[tuple[str, bool]] = []
    if section is not None:
        text = uki.section_text(file.read, section)
        shown = public_text(text) == text
        raw = text.encode("utf-8", "surrogateescape")
        digest = hashlib.sha256(raw).hexdigest() if shown else None
        look.saw(Evidence(file.path, offset=section.offset, sha256=digest))
        bases.append((uki.command_line(text), True))
    if given or section is None:
        bases.append((uki.command_line(given or ""), False))
    if section is None and given is None:
        look.gap(file.path, "unsupported: no command line is inside, so whoever starts it gives one that is not known")
    names = _menu(look, file, profile)
    fitting = [(one.path, text) for one, text in extras if _fits(look, file, profile, one)]
    for (base, embedded), chosen in product(bases, _choices(look, file, fitting)):
        text = " ".join(part for part in (base, *(text for _, text in chosen)) if part)
        paths = tuple(path for path, _ in chosen)
        yield UkiLine(profile.number, *names, text, embedded, paths, section.offset if section else None)


def _menu(look: Look, file: EfiFile, profile: uki.Profile) -> tuple[str | None, str | None, str | None, str]:
    """Id of the profile, and title, version and sort key of its menu entry."""
    try:
        system = os_values(file.read, profile)
        meta = profile_values(file.read, profile)
    except ParseError as error:
        look.gap(file.path, reason_of(error))
        return None, None, None, ""

    def first(*keys: str) -> str | None:
        return next((system[key] for key in keys if system.get(key)), None)

    title = first("PRETTY_NAME", "IMAGE_ID", "NAME", "ID")
    suffix = meta.get("TITLE") or (meta.get("ID") or f"profile {profile.number}" if profile.number else None)
    if suffix is not None:
        title = f"{title} ({suffix})" if title else suffix
    version = first("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID")
    return meta.get("ID"), title, version, first("IMAGE_ID", "ID") or ""


def _extras(look: Look, file: EfiFile, found: Sequence[EfiFile]) -> list[tuple[EfiFile, str]]:
    """Add-ons with a command line, and that."""
    extras = []
    for one in found:
        if one.image is None:
            # Nothing that the firmware would load; a file that cannot be read may be.
            if isinstance(one.error, TargetError):
                look.gap(one.path, reason_of(one.error))
            continue
        section = one.image.named(".cmdline")
        if section is None or not section.virtual_size or one.image.machine != (file.image and file.image.machine):
            continue
        text = uki.command_line(uki.section_text(one.read, section))
        look.saw(Evidence(one.path, offset=section.offset))
        extras.append((one, text))
    return extras


def _fits(look: Look, file: EfiFile, profile: uki.Profile, extra: EfiFile) -> bool:
    """Whether the add-on is for this kernel: `.uname`, where both have one."""
    own = profile.sections.get(".uname")
    wanted = extra.image.named(".uname") if extra.image is not None else None
    if own is None or wanted is None or not wanted.virtual_size:
        return True
    try:
        return uki.section_text(file.read, own) == uki.section_text(extra.read, wanted)
    except ParseError as error:
        look.gap(extra.path, reason_of(error))
        return True


def _choices(look: Look, file: EfiFile, extras: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], ...]]:
    """Every set of add-ons that may be taken, all of them first."""
    if len(extras) > _MAX_CHOICES:
        look.gap(file.path, f"limit: more than {_MAX_CHOICES} add-ons with a command line")
        return [tuple(extras), ()]
    picks = product((True, False), repeat=len(extras))
    return [tuple(one for one, taken in zip(extras, pick, strict=True) if taken) for pick in picks]
