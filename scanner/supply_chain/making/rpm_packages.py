"""Packages of an rpm database, with everything a bill of materials says of them.

Source: rpm, include/rpm/rpmtag.h (numbers of the tags), docs on dependencies (rpmlib(), rich dependencies).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

from scanner.model.canonical import printable
from scanner.model.errors import ParseError
from scanner.parsers import rpm_files
from scanner.parsers.rpm_header import Header, Tag
from scanner.parsers.rpmdb import PUBLIC_KEY
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import declared, distro, purl
from scanner.supply_chain.making.site import Site

__all__ = ["rpm_items"]

_MOST_RPM = 256 * 1024 * 1024
_MOST_LOG = 64 * 1024 * 1024
_LICENSE, _URL, _PROVIDES, _REQUIRES = 1014, 1020, 1047, 1049
_SHA1_HEADER, _SHA256_HEADER = 269, 273
_WHAT = "rpm packages"


def rpm_items(site: Site, path: str, system: Mapping[str, str | None] | None) -> Iterator[Item]:
    """Every package but the trusted keys that rpm files among them. Raises ParseError for a damaged database."""
    data = site.data(path, _MOST_RPM, _WHAT)
    if data is None:
        raise ParseError(f"{path} cannot be read")
    log = site.data(f"{path}-wal", _MOST_LOG, _WHAT) or b"" if path.endswith(".sqlite") else b""
    for header in rpm_files.headers(data, log):
        item = _item(site, header, path, system)
        if item is not None:
            yield item


def _item(site: Site, header: Header, path: str, system: Mapping[str, str | None] | None) -> Item | None:
    name, version, release = (header.text(tag) for tag in (Tag.NAME, Tag.VERSION, Tag.RELEASE))
    if not name or version is None or release is None:
        raise ParseError("a header without name, version or release")
    if name == PUBLIC_KEY:
        return None
    epoch = next(iter(header.numbers(Tag.EPOCH) or ()), None)
    arch = header.text(Tag.ARCH) or ""
    label = f"{version}-{release}"
    origin, origin_version = _source(header.text(Tag.SOURCE_RPM))
    return Item(
        ecosystem="rpm",
        name=printable(name),
        version=printable(label if epoch is None else f"{epoch}:{label}"),
        arch=printable(arch),
        purl=purl(
            "rpm",
            (system or {}).get("id") or "",
            name,
            label,
            arch=arch,
            distro=distro(system),
            epoch="" if epoch is None else str(epoch),
        ),
        supplier=printable(header.text(Tag.VENDOR) or ""),
        licenses=declared(header.text(_LICENSE)),
        description=printable(header.text(Tag.SUMMARY) or ""),
        origin=origin,
        origin_version=origin_version,
        requires=tuple((one,) for one in sorted(set(header.texts(_REQUIRES) or ())) if not _is_internal(one)),
        provides=tuple(sorted(set(header.texts(_PROVIDES) or ()))),
        place=path,
        properties=_properties(header),
        files=tuple(_files(site, header)),
    )


def _is_internal(requirement: str) -> bool:
    """What rpm itself must be able to do. Conditions such as `(a if b)` stay: nothing has that name, so that the
    dependencies of the package are known to be incomplete."""
    return requirement.startswith("rpmlib(")


def _source(source_rpm: str | None) -> tuple[str, str]:
    """Name and version-release of `bash-5.2.26-6.el10.src.rpm`."""
    stem = printable(source_rpm or "")
    for end in (".src.rpm", ".nosrc.rpm"):
        stem = stem.removesuffix(end)
    parts = stem.rsplit("-", 2)
    return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else ("", "")


def _properties(header: Header) -> dict[str, str]:
    """Digests of the header: they name the build, but are no digest of a file that anybody has."""
    found = {
        "assay:rpm:header-sha256": header.text(_SHA256_HEADER),
        "assay:rpm:header-sha1": header.text(_SHA1_HEADER),
        "assay:homepage": header.text(_URL),
    }
    return {name: printable(value) for name, value in found.items() if value}


def _files(site: Site, header: Header) -> Iterator[OwnedFile]:
    for file in rpm_files.files(header):
        if stat.S_ISDIR(file.mode):
            continue
        place = site.canonical(file.path)
        if place is not None:
            compared = stat.S_ISREG(file.mode) and not file.ghost and "digest" in file.verified
            digest = file.digest if compared else ""
            yield OwnedFile(place, file.algorithm if digest else "", digest, file.config)
