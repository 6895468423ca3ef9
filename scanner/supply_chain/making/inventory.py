"""What a survey of a target finds: installed items, their files, programs that belong to none, and what nobody could
read. `documents` makes a bill of materials of it, the truth check compares one with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.model.canonical import printable
from scanner.supply_chain.model import Dropped, License

__all__ = ["Inventory", "Item", "OwnedFile", "StrayFile", "file_key"]


def file_key(path: str) -> str:
    """The key under which a file that no package brought can own items, which is its ref in a document, too."""
    return f"file:{printable(path)}"


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """A file that an item claims. `path`: canonical (links of its folders resolved); `digest`: hexadecimal, as the
    database has it, empty where it has none; `algorithm` as hashlib names it; `config`: meant to be changed."""

    path: str
    algorithm: str = ""
    digest: str = ""
    config: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """Something installed.

    `ecosystem`: rpm, deb, apk, pypi, npm, gem, composer, golang, cargo, maven (types of package URLs), or kernel, efi,
    firmware, container, flatpak.
    `type`, `version`, `supplier`, `licenses`, `hashes`, `cpes`: as in `model.Component`; `version` is whole, with epoch
    and release as the manager writes them. `origin`, `origin_version`: the source package. `requires`, `provides`:
    names by which items of one ecosystem depend on one another; an entry of `requires` lists alternatives.
    `owner`: key of the item whose files these are (a Python distribution that a deb brought), or of the file that it is
    a part of (`file_key`). `place`: database, or folder. `files`: what it claims; `folders`: everything below them is
    its own. `inside`: programs and archives that it was built into.
    """

    ecosystem: str
    name: str
    version: str
    type: str = "library"
    arch: str = ""
    purl: str | None = None
    supplier: str = ""
    licenses: tuple[License, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    cpes: tuple[str, ...] = ()
    description: str = ""
    origin: str = ""
    origin_version: str = ""
    requires: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()
    owner: str = ""
    place: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    files: tuple[OwnedFile, ...] = ()
    folders: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from every other item of the target."""
        return self.purl or f"{self.ecosystem}:{self.name}@{self.version}:{self.place}"


@dataclass(frozen=True, slots=True)
class StrayFile:
    """A file that runs, or that something loads, and that no item vouches for. `kind`: program, script, library, kernel
    module, unit. `sha256`, `sha1`, `git`: digests of its content; empty when it could not be read. `owner`: key of the
    item that brought it, where its content is not what that item brought; empty when no item claims it."""

    path: str
    kind: str
    sha256: str = ""
    sha1: str = ""
    owner: str = ""
    git: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of it. `items` by key; `system`: the os-release record, None without one; `managers`: ecosystem to what could
    be read of it (`whole`, or the reason why nothing or not all is known); `strays`: by path."""

    items: tuple[Item, ...]
    system: Mapping[str, str | None] | None
    arch: str
    managers: Mapping[str, str]
    strays: tuple[StrayFile, ...]
    gaps: tuple[Dropped, ...]
