"""/etc/veritytab, and verity targets that the kernel itself sets up for `dm-mod.create=`.

Sources: systemd, veritytab(5); Linux, Documentation/admin-guide/device-mapper/dm-init.rst and verity.rst.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.mount_options import split

__all__ = ["Target", "Veritytab", "created", "option_of", "parse"]

MAX_LINES = 10_000
_HEX = re.compile(r"[0-9a-fA-F]+\Z")


@dataclass(frozen=True, slots=True)
class Veritytab:
    """One line: `name` below /dev/mapper, data and hash device, the root hash as written, options."""

    name: str
    data: str
    hashes: str
    root_hash: str
    options: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Target:
    """A verity target of a kernel table: the hash tree begins at block `start` of `hashes`, without a superblock."""

    name: str
    format: int
    data: str
    hashes: str
    data_block: int
    hash_block: int
    blocks: int
    start: int
    algorithm: str
    root_hash: str
    salt: bytes
    options: tuple[str, ...]


def option_of(options: tuple[str, ...], name: str) -> str | None:
    """The value of the last option of that name (empty for one without a value), or None."""
    found = [text for key, _, text in (option.partition("=") for option in options) if key == name]
    return found[-1] if found else None


def parse(text: str) -> list[Veritytab]:
    """Entries in order. Raises ParseError for a line without a root hash."""
    found: list[Veritytab] = []
    for number, raw in enumerate(text.split("\n"), 1):
        fields = raw.split()
        if not fields or fields[0].startswith("#"):
            continue
        if not 4 <= len(fields) <= 5:
            raise ParseError("veritytab entry must have four or five fields", line=number)
        if len(found) >= MAX_LINES:
            raise ParseError(f"more than {MAX_LINES} entries", line=number)
        options = tuple(split(fields[4], line=number)) if len(fields) > 4 and fields[4] != "-" else ()
        found.append(Veritytab(fields[0], fields[1], fields[2], fields[3], options, number))
    return found


def created(value: str) -> list[Target]:
    """Verity targets of the value of `dm-mod.create=`. Raises ParseError for one that the kernel would refuse."""
    found = []
    for device in value.split(";"):
        fields = [field.strip() for field in device.split(",")]
        # name, uuid, minor, flags, then one table line a field
        for line in fields[4:]:
            words = line.split()
            if len(words) > 2 and words[2] == "verity":
                found.append(_target(fields[0], words[3:]))
    return found


def _target(name: str, words: list[str]) -> Target:
    if len(words) < 10:
        raise ParseError(f"dm-mod.create: the verity target of {name[:40]} has {len(words)} words")
    version, data, hashes, data_block, hash_block, blocks, start, algorithm, root, salt = words[:10]
    numbers = (version, data_block, hash_block, blocks, start)
    if not all(re.match(r"[0-9]{1,18}\Z", one) for one in numbers) or int(version) > 1:
        raise ParseError(f"dm-mod.create: the verity target of {name[:40]} has no numbers where they belong")
    if not _HEX.match(root) or (salt != "-" and (not _HEX.match(salt) or len(salt) % 2)):
        raise ParseError(f"dm-mod.create: the verity target of {name[:40]} has no root hash or salt")
    return Target(
        name,
        int(version),
        data,
        hashes,
        int(data_block),
        int(hash_block),
        int(blocks),
        int(start),
        algorithm.lower(),
        root.lower(),
        bytes.fromhex(salt) if salt != "-" else b"",
        tuple(words[11:]),
    )
