"""Python distributions: what pip and its like wrote beside the modules.

Source: core metadata specification, PEP 376 and PEP 627 (RECORD), PEP 639 (License-Expression); setuptools (egg-info).
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import posixpath
import re
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser

from scanner.model.canonical import printable
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import declared, purl, pypi_name
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.model import License

__all__ = ["python_items"]

_MOST_TEXT = 4 * 1024 * 1024
_MOST_LINES = 200_000
_WHAT = "Python packages"
_EXTRA = re.compile(r"\bextra\s*==")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
}
_CLASSIFIER = "License :: OSI Approved :: "
_VAGUE = frozenset({"BSD License"})
"""Classifiers that stand for several licences: they are a text, no expression."""


def python_items(site: Site, paths: Iterable[str]) -> Iterator[Item]:
    """A distribution for each metadata file."""
    for path in sorted(paths):
        text = site.text(path, _MOST_TEXT, _WHAT)
        if text is None:
            continue
        fields = HeaderParser().parsestr(printable(text).partition("\n\n")[0] + "\n\n")
        name, version = (printable(str(fields.get(key) or "")).strip() for key in ("Name", "Version"))
        if not name or not version:
            site.gap(_WHAT, "malformed: metadata without name or version", path)
            continue
        folder = posixpath.dirname(path)
        yield Item(
            ecosystem="pypi",
            name=name,
            version=version,
            purl=purl("pypi", "", pypi_name(name), version),
            supplier=_author(fields.get("Author"), fields.get("Author-email")),
            licenses=_licenses(
                fields.get("License-Expression"), fields.get("License"), fields.get_all("Classifier") or []
            ),
            description=printable(str(fields.get("Summary") or ""))[:500],
            requires=tuple(_requires(fields.get_all("Requires-Dist") or [])),
            provides=(pypi_name(name),),
            place=path,
            files=tuple(_files(site, path)),
            folders=() if path.endswith(".egg-info") else (folder,),
        )


def _author(name: object, mail: object) -> str:
    """The author's name, else what stands before the address."""
    given = printable(str(name or "")).strip()
    return given if given and given != "UNKNOWN" else printable(str(mail or "")).partition("<")[0].strip(' "')


def _licenses(expression: object, text: object, classifiers: list[str]) -> tuple[License, ...]:
    if expression:
        return declared(str(expression))
    named = [one.removeprefix(_CLASSIFIER).strip() for one in classifiers if one.startswith(_CLASSIFIER)]
    if len(named) == 1 and named[0] in _CLASSIFIERS and named[0] not in _VAGUE:
        return declared(_CLASSIFIERS[named[0]])
    short = str(text or "").strip()
    if short and short != "UNKNOWN" and "\n" not in short and len(short) < 200:
        return declared(short)
    return declared(named[0]) if named else ()


def _requires(lines: list[str]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        found = _REQUIREMENT.match(line.strip())
        if found is not None and not _EXTRA.search(line):
            yield (pypi_name(found[0]),)


def _files(site: Site, path: str) -> Iterator[OwnedFile]:
    """What RECORD or installed-files.txt lists, and the metadata itself."""
    folder = posixpath.dirname(path)
    yield OwnedFile(path)
    if folder.endswith(".dist-info"):
        top, listed = posixpath.dirname(folder), _record(site, f"{folder}/RECORD")
    else:
        top, listed = folder, _lines(site, f"{folder}/installed-files.txt")
    for name, algorithm, digest in listed:
        place = site.canonical(posixpath.normpath(posixpath.join(top, name)))
        if place is not None and place != path:
            yield OwnedFile(place, algorithm, digest)


def _record(site: Site, path: str) -> Iterator[tuple[str, str, str]]:
    text = site.text(path, _MOST_TEXT, _WHAT)
    try:
        for number, row in enumerate(csv.reader(io.StringIO(printable(text or "")))):
            if number == _MOST_LINES:
                site.gap(_WHAT, f"limit: more than {_MOST_LINES} lines", path)
                return
            if row and row[0]:
                yield row[0], *_digest(row[1] if len(row) > 1 else "")
    except csv.Error as error:
        site.gap(_WHAT, f"malformed: {error}", path)


def _lines(site: Site, path: str) -> Iterator[tuple[str, str, str]]:
    for line in (site.text(path, _MOST_TEXT, _WHAT) or "").split("\n")[:_MOST_LINES]:
        if line:
            yield line, "", ""


def _digest(text: str) -> tuple[str, str]:
    """`sha256=…` in URL-safe base64 without padding (PEP 376) as algorithm and hexadecimal digest."""
    algorithm, _, value = text.partition("=")
    if algorithm != "sha256":
        return "", ""
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return "", ""
    return (algorithm, raw.hex()) if len(raw) == 32 else ("", "")
