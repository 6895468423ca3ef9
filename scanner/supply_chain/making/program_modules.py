"""Modules that were linked into programs: those of Go, and of Rust where `cargo auditable` noted them.

A module is no file of its own: it belongs to the package that brought the program, else to the program's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner.model.canonical import printable
from scanner.model.errors import ParseError, TargetError
from scanner.parsers import cargo_audit, elf_sections, go_buildinfo
from scanner.parsers.elf_sections import ElfFile, Reader
from scanner.parsers.go_buildinfo import GoBuild, GoModule
from scanner.supply_chain.making.holders import Holders
from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.making.names import purl
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.walking import Walked

__all__ = ["CRATES_UNSEEN", "Programs", "program_items"]

CRATES_UNSEEN = "crates can be seen only in programs that cargo auditable built"
_KINDS = frozenset({"program", "script", "library"})
"""Kinds of files that may be machine code (what a script is, its content decides)."""
_MOST_AUDIT = 64 * 1024 * 1024
"""Bytes of audit data of all programs together."""
_DEVEL = "(devel)"
_REVISION = ("vcs.revision", "vcs.time", "vcs.modified")


@dataclass(slots=True)
class Programs:
    """What the programs say. `go`: how many Go made; `silent`: those of them that do not name their modules;
    `audit`: bytes of audit data of Rust programs that were read."""

    items: list[Item] = field(default_factory=list)
    go: int = 0
    audit: int = 0
    silent: list[str] = field(default_factory=list)

    @property
    def go_state(self) -> str:
        """Why Go modules that are not found here may be here all the same; empty when they are not."""
        if not self.go:
            return "no program that Go built was found"
        if self.silent:
            return f"{len(self.silent)} Go programs do not name their modules: {printable(self.silent[0])}"
        return ""


def program_items(site: Site, walked: Walked, holders: Holders) -> Programs:
    """The modules of every program and library among the files that run."""
    found = Programs()
    for path, kind in sorted(walked.kinds.items()):
        if kind not in _KINDS:
            continue

        def read(offset: int, length: int, path: str = path) -> bytes:
            return site.tree.pread(path, offset, length)

        try:
            elf = elf_sections.parse(read)
        except ParseError:
            continue  # a script, or something that no system would load
        except TargetError as error:
            site.gap("programs", error, path)
            continue
        _take(site, path, read, elf, holders, found)
    return found


def _take(site: Site, path: str, read: Reader, elf: ElfFile, holders: Holders, found: Programs) -> None:
    try:
        build = go_buildinfo.parse(read, elf)
    except (ParseError, TargetError) as error:
        site.gap("Go programs", error, path)
        found.go += 1
        found.silent.append(path)
        build = None
    if build is not None:
        found.go += 1
        if build.main is None and not build.modules:
            found.silent.append(path)
        found.items.extend(_go_items(build, path, holders.of(path)))
    section = elf.section(cargo_audit.SECTION)
    if section is not None:
        try:
            if section.size > cargo_audit.MOST_JSON or section.is_compressed or found.audit > _MOST_AUDIT:
                raise ParseError(f"limit: audit data of {section.size} bytes, after {found.audit} of other programs")
            text = cargo_audit.unpack(read(section.offset, section.size))
            found.audit += len(text)
            found.items.extend(_crates(text, path, holders.of(path)))
        except (ParseError, TargetError) as error:
            site.gap("Rust programs", error, path)


def _go_items(build: GoBuild, path: str, owner: str) -> Iterator[Item]:
    toolchain = build.go.split(" ")[0].removeprefix("go")
    yield _module(GoModule("stdlib", toolchain), path, owner)
    if build.main is not None and build.main.path:
        made = {f"assay:go:{name}": build.settings[name] for name in _REVISION if name in build.settings}
        yield _module(build.main, path, owner, "application", {"assay:go:package": build.package, **made})
    for one in build.modules:
        yield _module(one, path, owner)


def _module(
    one: GoModule, path: str, owner: str, kind: str = "library", properties: dict[str, str] | None = None
) -> Item:
    """`(devel)` is no version: the module was built from a tree, whose revision stands in the properties."""
    version = "" if one.version == _DEVEL else one.version
    said = {"assay:go:sum": one.digest, "assay:go:replaces": one.replaces, **(properties or {})}
    namespace, _, name = one.path.rpartition("/")
    return Item(
        ecosystem="golang",
        name=printable(one.path),
        version=printable(version),
        type=kind,
        purl=purl("golang", namespace, name, version),
        owner=owner,
        place=path,
        properties={key: printable(value) for key, value in said.items() if value},
        inside=(path,),
    )


def _crates(text: bytes, path: str, owner: str) -> Iterator[Item]:
    """What runs in the program; crates that only took part in building it are left out."""
    crates = cargo_audit.parse(text)
    for one in crates:
        if one.kind != "runtime":
            continue
        needs = {(f"{need.name}@{need.version}",) for need in (crates[place] for place in one.needs)}
        yield Item(
            ecosystem="cargo",
            name=printable(one.name),
            version=printable(one.version),
            type="application" if one.is_root else "library",
            purl=purl("cargo", "", one.name, one.version),
            requires=tuple(sorted(needs)),
            provides=(f"{one.name}@{one.version}",),
            owner=owner,
            place=path,
            properties={"assay:cargo:source": printable(one.source)} if one.source else {},
            inside=(path,),
        )
