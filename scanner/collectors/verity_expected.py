"""The root hashes that a system is told to expect: kernel command lines of all boot entries, and /etc/veritytab.

Not a collector itself. Sources: systemd, systemd-veritysetup-generator(8), veritytab(5), kernel-command-line(7); Linux,
Documentation/admin-guide/device-mapper/dm-init.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Look, reason_of
from scanner.collectors.boot_entries import BootEntry, boot_entries
from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import kernel_cmdline, veritytab
from scanner.parsers.mount_options import split
from scanner.parsers.veritytab import Target

__all__ = ["Expectations", "Expected", "expectations"]

_HASH = re.compile(r"[0-9a-f]{32,128}\Z")
_TAB = "/etc/veritytab"
_NO = ("no", "n", "false", "f", "off", "0")
_WORDS = (("root", "roothash"), ("usr", "usrhash"))


@dataclass(frozen=True, slots=True)
class Expected:
    """One root hash that something expects. `kind`: root, usr, or the name of the volume it is for.

    `data` and `hashes`: the devices as written, None when they are found by their UUIDs. `enforced`: False when the
    same place switches the check off or lets damage pass. `target`: parameters of a tree without a superblock.
    """

    kind: str
    root_hash: str
    by: str
    source: str
    line: int | None
    data: str | None = None
    hashes: str | None = None
    options: tuple[str, ...] = ()
    enforced: bool = True
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Expectations:
    """`unknown`: why there may be more than `found`; None when every command line and veritytab were read."""

    found: tuple[Expected, ...]
    unknown: str | None


def expectations(look: Look) -> Expectations:
    """All of them, each once, those of the command lines first, in the order of the boot menu."""
    unknown: str | None = None
    entries: list[BootEntry] = []
    try:
        entries = look.shared(boot_entries)
        if not entries and not look.names("/boot"):
            unknown = "no boot entry, and /boot is empty or not part of this target"
    except NotCollectedError as error:
        unknown = str(error)
    found = [one for entry in entries for one in _of_entry(look, entry)]
    try:
        found += _of_table(look)
    except NotCollectedError as error:
        unknown = unknown or str(error)
    except (ParseError, TargetError) as error:
        look.gap(_TAB, reason_of(error))
    distinct = {(one.kind, one.root_hash, one.data, one.hashes, one.options, one.enforced): one for one in found[::-1]}
    return Expectations(tuple(one for one in found if one in distinct.values()), unknown)


def _of_entry(look: Look, entry: BootEntry) -> Iterator[Expected]:
    try:
        parameters = kernel_cmdline.parse(entry.options).parameters
    except ParseError as error:
        look.gap(entry.source, reason_of(error))
        return
    # systemd takes the last word of a name; the kernel has turned no name of these into another.
    words = {one.name: one.value or "" for one in parameters}
    on = not any(
        words.get(name, "").lower() in _NO for name in ("systemd.verity", "rd.systemd.verity") if name in words
    )
    for kind, word in _WORDS:
        if word not in words:
            continue
        options = tuple(_split(look, entry, words.get(f"systemd.verity_{kind}_options", "")))
        yield Expected(
            kind,
            _hash(look, words[word], entry.source, entry.line),
            "command line",
            entry.source,
            entry.line,
            words.get(f"systemd.verity_{kind}_data") or None,
            words.get(f"systemd.verity_{kind}_hash") or None,
            options,
            on and "ignore-corruption" not in options,
        )
    if "dm_mod.create" in words:
        yield from _created(look, entry, words["dm_mod.create"])


def _created(look: Look, entry: BootEntry, value: str) -> Iterator[Expected]:
    try:
        targets = veritytab.created(value)
    except ParseError as error:
        look.gap(entry.source, reason_of(error))
        return
    for target in targets:
        yield Expected(
            target.name,
            _hash(look, target.root_hash, entry.source, entry.line),
            "command line",
            entry.source,
            entry.line,
            target.data,
            target.hashes,
            target.options,
            "ignore_corruption" not in target.options,
            target,
        )


def _of_table(look: Look) -> Iterator[Expected]:
    text = look.text(_TAB)
    for line in veritytab.parse(text or ""):
        root = _hash(look, line.root_hash, _TAB, line.line)
        enforced = "ignore-corruption" not in line.options
        where = (line.data, line.hashes, line.options, enforced)
        yield Expected(line.name, root, "veritytab", _TAB, line.line, *where)


def _hash(look: Look, text: str, source: str, line: int | None) -> str:
    """The root hash in lower case; what is none stays as it is, and agrees with nothing."""
    if not _HASH.match(text.lower()):
        look.gap(source, f"malformed: {'' if line is None else f'line {line}: '}a root hash that is none")
    return text.lower()


def _split(look: Look, entry: BootEntry, text: str) -> list[str]:
    try:
        return split(text) if text else []
    except ParseError as error:
        look.gap(entry.source, reason_of(error))
        return []
