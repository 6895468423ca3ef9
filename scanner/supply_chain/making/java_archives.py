"""Java archives: what Maven noted in them, and the archives and projects that were put inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scanner.model.canonical import printable
from scanner.model.errors import ParseError, TargetError
from scanner.parsers.java_archive import Budget, JavaArchive, MavenProject, parse
from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.making.holders import Holders
from scanner.supply_chain.making.inventory import Item, file_key
from scanner.supply_chain.making.names import purl
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.model import License
from scanner.target.base import Entry

__all__ = ["PROJECTS_UNSEEN", "java_items"]

PROJECTS_UNSEEN = "archives of Java may hold projects without naming them"
_WHAT = "Java archives"
_MOST = 20_000
_NAMED = re.compile(r"(.+?)-(\d[0-9A-Za-z.+_-]*)")
_VERSIONS = ("Implementation-Version", "Bundle-Version", "Specification-Version")
_VENDORS = ("Implementation-Vendor", "Bundle-Vendor")


def java_items(site: Site, archives: Mapping[str, Entry], holders: Holders) -> Iterator[Item]:
    """An item for each archive, and those for what is inside it, which belongs to the archive."""
    budget = Budget()
    for number, (path, entry) in enumerate(sorted(archives.items())):
        if number == _MOST:
            site.gap(_WHAT, f"limit: more than {_MOST} archives", path)
            return

        def read(offset: int, length: int, path: str = path) -> bytes:
            return site.tree.pread(path, offset, length)

        try:
            archive = parse(read, entry.size, path.rpartition("/")[2], budget)
        except (ParseError, TargetError) as error:
            site.gap(_WHAT, error, path)
            continue
        holder = holders.of(path)
        yield from _items(site, archive, entry, "" if holder == file_key(path) else holder)


def _items(site: Site, archive: JavaArchive, entry: Entry, owner: str) -> Iterator[Item]:
    path = entry.path
    # Of a file that a package brought, the package says the digest; the bytes that may be read of a target can run out.
    hashes = {} if owner else site.digests(path, entry.size, ("sha256", "sha1")) or {}
    outer = _archive(archive, path, owner, hashes, {"assay:path": printable(path)})
    yield outer
    for place, one in _inner(archive, path):
        yield (
            _project(one, place, outer.key, path)
            if isinstance(one, MavenProject)
            else _archive(one, place, outer.key, {}, {}, path)
        )


def _inner(archive: JavaArchive, place: str) -> Iterator[tuple[str, JavaArchive | MavenProject]]:
    """Everything inside, with where it lies: `app.war!lib.jar`."""
    for project in archive.projects:
        if project != archive.own:
            yield place, project
    for one in archive.inner:
        below = f"{place}!{one.name}"
        yield below, one
        yield from _inner(one, below)


def _archive(
    archive: JavaArchive,
    place: str,
    owner: str,
    hashes: Mapping[str, str],
    properties: Mapping[str, str],
    inside: str = "",
) -> Item:
    """An archive with its coordinates; one without is named for its file, and has no package URL: its group would have
    to be guessed."""
    own, manifest = archive.own, archive.manifest
    stem = archive.name.rpartition(".")[0]
    named = _NAMED.fullmatch(stem)
    said = next((manifest[key] for key in _VERSIONS if manifest.get(key)), "")
    if own is not None:
        name, version = own.artifact, own.version
    else:
        name, version = (named[1], named[2]) if named else (stem, said)
    return Item(
        ecosystem="maven",
        name=printable(name),
        version=printable(version),
        purl=purl("maven", own.group, own.artifact, own.version) if own is not None else None,
        supplier=printable(next((manifest[key] for key in _VENDORS if manifest.get(key)), "")),
        licenses=_license(manifest.get("Bundle-License", "")),
        hashes=hashes,
        owner=owner,
        place=printable(place),
        properties=properties,
        inside=(inside,) if inside else (),
    )


def _project(one: MavenProject, place: str, owner: str, inside: str) -> Item:
    return Item(
        ecosystem="maven",
        name=printable(one.artifact),
        version=printable(one.version),
        purl=purl("maven", one.group, one.artifact, one.version),
        owner=owner,
        place=printable(place),
        inside=(inside,),
    )


def _license(text: str) -> tuple[License, ...]:
    """Bundle-License is an identifier, an address, or several with parameters: only a plain identifier is a licence."""
    made = license_of(text.partition(";")[0].strip().strip('"'), "declared")
    return (made,) if made.expression is not None else ()
