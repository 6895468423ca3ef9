"""Packages of a dpkg database, with everything a bill of materials says of them.

Source: dpkg(1), FILES; deb-control(5) (relations); deb-md5sums(5); dpkg-divert(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scanner.model.canonical import printable
from scanner.model.errors import ParseError
from scanner.parsers import dpkg
from scanner.supply_chain.making.deb822 import paragraphs
from scanner.supply_chain.making.debian_copyright import license_from
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import distro, purl
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.model import License

__all__ = ["deb_items"]

_DPKG = "/var/lib/dpkg"
_MOST_TEXT = 64 * 1024 * 1024
_MOST_LIST = 16 * 1024 * 1024
_MOST_COPYRIGHT = 2 * 1024 * 1024
_GONE = frozenset({"not-installed", "config-files"})
_WORKING = frozenset({"installed", "triggers-awaited", "triggers-pending"})
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_WHAT = "dpkg packages"

_Stanza = tuple[dpkg.DpkgPackage, Mapping[str, str]]


def deb_items(site: Site, path: str, system: Mapping[str, str | None] | None) -> Iterator[Item]:
    """Every package whose files are on the disk, of `status` or `status.d`. Raises ParseError for damage."""
    stanzas = _of_folder(site, path) if path.endswith(".d") else _of_status(site, path)
    lists = _Lists(site)
    for package, fields in stanzas:
        if package.state not in _GONE:
            yield _item(site, package, fields, lists, path, system)


def _of_status(site: Site, path: str) -> list[_Stanza]:
    text = site.text(path, _MOST_TEXT, _WHAT)
    if text is None:
        raise ParseError(f"{path} cannot be read")
    found = {(package.name, package.arch): (package, fields) for package, fields in _stanzas(text)}
    folder = f"{_DPKG}/updates"
    for name in site.names(folder, _WHAT):
        if name.isdigit():  # the journal of an interrupted dpkg: each file replaces the stanzas it holds
            update = site.text(f"{folder}/{name}", _MOST_TEXT, _WHAT) or ""
            found.update({(package.name, package.arch): (package, fields) for package, fields in _stanzas(update)})
    return list(found.values())


def _of_folder(site: Site, folder: str) -> list[_Stanza]:
    found: list[_Stanza] = []
    for name in site.names(folder, _WHAT):
        if not name.endswith(".md5sums"):
            text = site.text(f"{folder}/{name}", _MOST_LIST, _WHAT) or ""
            found.extend(_stanzas(text, listed_means_installed=True))
    return found


def _stanzas(text: str, *, listed_means_installed: bool = False) -> Iterator[_Stanza]:
    packages = dpkg.packages(text, listed_means_installed=listed_means_installed)
    yield from zip(packages, paragraphs(text), strict=True)


def _item(
    site: Site,
    package: dpkg.DpkgPackage,
    fields: Mapping[str, str],
    lists: _Lists,
    path: str,
    system: Mapping[str, str | None] | None,
) -> Item:
    version, arch = package.version or "", package.arch or ""
    origin, _, rest = fields.get("source", "").partition(" ")
    properties = {"assay:homepage": printable(fields["homepage"])} if fields.get("homepage") else {}
    if package.state not in _WORKING:
        properties["assay:dpkg:state"] = package.state
    return Item(
        ecosystem="deb",
        name=printable(package.name),
        version=printable(version),
        arch=printable(arch),
        purl=purl("deb", (system or {}).get("id") or "debian", package.name, version, arch=arch, distro=distro(system)),
        supplier=printable(package.maintainer or ""),
        licenses=_license(site, package.name),
        description=printable(fields.get("description", "").partition("\n")[0]),
        origin=printable(origin or package.name),
        origin_version=printable(rest.strip("() ") or version),
        requires=tuple(_relations(f"{fields.get('pre-depends', '')},{fields.get('depends', '')}")),
        provides=(package.name, *(one[0] for one in _relations(fields.get("provides", "")))),
        place=path,
        properties=properties,
        files=tuple(lists.files(package.name, arch, fields.get("conffiles", ""))),
    )


def _relations(text: str) -> Iterator[tuple[str, ...]]:
    """The names of `a (>= 1), b:any | c`: one tuple of alternatives for each relation."""
    for clause in text.replace("\n", " ").split(","):
        names = [found[0] for one in clause.split("|") if (found := _NAME.match(one.strip()))]
        if names:
            yield tuple(names)


def _license(site: Site, name: str) -> tuple[License, ...]:
    if not _NAME.fullmatch(name):
        return ()
    text = site.text(f"/usr/share/doc/{name}/copyright", _MOST_COPYRIGHT, "copyright files")
    found = license_from(printable(text)) if text is not None else None
    return (found,) if found is not None else ()


class _Lists:
    """The lists of files that dpkg keeps beside its status."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._names = {
            folder: frozenset(site.names(folder, _WHAT)) for folder in (f"{_DPKG}/info", f"{_DPKG}/status.d")
        }
        self._diverted = self._diversions()

    def files(self, package: str, arch: str, conffiles: str) -> Iterator[OwnedFile]:
        """What the package claims, with digests where a list has them (links and folders have none)."""
        settings = {line.split(" ")[0]: line.split(" ") for line in conffiles.split("\n") if line.startswith("/")}
        digests = {path: digest for digest, path in self._digests(package, arch)}
        listed = [line for line in self._text(package, arch, "list").split("\n") if line.startswith("/")]
        folders = {path.rpartition("/")[0] for path in listed}
        for path in dict.fromkeys([*listed, *digests]):
            if path in folders or path == "/.":
                continue
            owner, elsewhere = self._diverted.get(path, (package, path))
            place = self._site.canonical(path if owner == package else elsewhere)
            if place is None:
                continue
            setting = settings.get(path)
            digest = setting[1] if setting and len(setting) > 1 and len(setting[1]) == 32 else digests.get(path, "")
            yield OwnedFile(place, "md5" if digest else "", digest, setting is not None or path.startswith("/etc/"))

    def _text(self, package: str, arch: str, suffix: str) -> str:
        for folder, names in self._names.items():
            for name in (f"{package}:{arch}.{suffix}", f"{package}.{suffix}"):
                if name in names:
                    return self._site.text(f"{folder}/{name}", _MOST_LIST, "lists of files") or ""
        return ""

    def _digests(self, package: str, arch: str) -> list[tuple[str, str]]:
        try:
            return dpkg.md5sums(self._text(package, arch, "md5sums"))
        except ParseError as error:
            self._site.parsed_badly("lists of files", f"{package}.md5sums", error)
            return []

    def _diversions(self) -> dict[str, tuple[str, str]]:
        """Path to (the package whose own file stays there, where everybody else's file went)."""
        lines = (self._site.text(f"{_DPKG}/diversions", _MOST_LIST, _WHAT) or "").split("\n")
        return {lines[at]: (lines[at + 2], lines[at + 1]) for at in range(0, len(lines) - 2, 3)}
