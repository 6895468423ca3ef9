"""Packages of an apk database, with everything a bill of materials says of them.

Source: apk-tools 2.14 and 3.0, doc/apk-v2.5.scd and src/database.c: blocks of `X:value` lines; F names a folder, R a
file in it, Z the checksum of the file before it (`Q1` and the SHA-1 in base64; with S among the flags in f, which apk 3
sets for packages of its own format, the first 160 bits of a SHA-256); C is the checksum of the package's control data.
apk 3 writes the same text to the same place: lib/apk/db/installed, which is below /usr where /lib is a link.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from scanner.model.canonical import printable
from scanner.model.errors import ParseError
from scanner.parsers import apk_db
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import declared, distro, purl
from scanner.supply_chain.making.site import Site

__all__ = ["apk_items"]

_MOST_TEXT = 64 * 1024 * 1024
_NAME = re.compile(r"[^<>=~\s]+")
_DIGEST_BYTES = {20: "sha1", 32: "sha256"}
_CUT = "sha256-160"
_CUT_FLAG = "S"


def apk_items(site: Site, path: str, system: Mapping[str, str | None] | None) -> Iterator[Item]:
    """Every package of the database. Raises ParseError for damage."""
    text = site.text(path, _MOST_TEXT, "apk packages")
    if text is None:
        raise ParseError(f"{path} cannot be read")
    blocks = (block.split("\n") for block in text.split("\n\n") if block.strip("\n"))
    for package, lines in zip(apk_db.packages(text), blocks, strict=True):
        yield _item(site, package, [line for line in lines if line], path, system)


def _item(
    site: Site, package: apk_db.ApkPackage, lines: list[str], path: str, system: Mapping[str, str | None] | None
) -> Item:
    fields = {line[0]: line[2:] for line in lines if line[0] not in "FRZaM"}
    arch = package.arch or ""
    properties = {"assay:apk:checksum": fields.get("C", ""), "assay:homepage": fields.get("U", "")}
    return Item(
        ecosystem="apk",
        name=printable(package.name),
        version=printable(package.version),
        arch=printable(arch),
        purl=purl(
            "apk",
            (system or {}).get("id") or "alpine",
            package.name,
            package.version,
            arch=arch,
            distro=distro(system),
        ),
        supplier=printable(package.maintainer or ""),
        licenses=declared(fields.get("L")),
        description=printable(fields.get("T", "")),
        origin=printable(package.origin or package.name),
        origin_version=printable(package.version),
        requires=tuple(_names(fields.get("D", ""))),
        provides=(package.name, *(one[0] for one in _names(fields.get("p", "")))),
        place=path,
        properties={name: printable(value) for name, value in properties.items() if value},
        files=tuple(_files(site, lines)),
    )


def _names(text: str) -> Iterator[tuple[str, ...]]:
    """The names of `so:libc.musl-x86_64.so.1 busybox>=1.36`; what begins with `!` must not be there."""
    for word in text.split():
        found = _NAME.match(word)
        if found is not None and not word.startswith("!"):
            yield (found[0],)


def _files(site: Site, lines: list[str]) -> Iterator[OwnedFile]:
    folder, name, digest = "", "", ("", "")
    is_cut = any(line.startswith("f:") and _CUT_FLAG in line for line in lines)
    for line in [*lines, "F:"]:
        letter, value = line[0], line[2:]
        if letter in "FR" and name:
            path = f"/{folder}/{name}" if folder else f"/{name}"
            place = site.canonical(path)
            if place is not None:
                yield OwnedFile(place, *digest, path.startswith("/etc/"))
            name, digest = "", ("", "")
        if letter == "F":
            folder = value.strip("/")
        elif letter == "R":
            name = value
        elif letter == "Z":
            digest = _digest(value)
            if is_cut and digest[0] == "sha1":
                digest = (_CUT, digest[1])


def _digest(text: str) -> tuple[str, str]:
    """Algorithm and hexadecimal digest of `Q1…=`; empty for what is none."""
    if not text.startswith(("Q1", "Q2")):
        return "", ""
    try:
        raw = base64.b64decode(text[2:], validate=True)
    except (binascii.Error, ValueError):
        return "", ""
    algorithm = _DIGEST_BYTES.get(len(raw), "")
    return (algorithm, raw.hex()) if algorithm else ("", "")
