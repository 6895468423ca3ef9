"""PHP packages that Composer installed: `vendor/composer/installed.json`.

Source: Composer, src/Composer/Repository/FilesystemRepository.php (version 2: an object with `packages`, each with
`install-path` relative to the file; version 1: the list alone) and doc/04-schema.md.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from scanner.model.canonical import printable
from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.making.names import declared, purl
from scanner.supply_chain.making.site import Site

__all__ = ["COMPOSER", "composer_items"]

COMPOSER = "Composer packages"
_MOST_TEXT = 32 * 1024 * 1024
_MOST = 20_000


def composer_items(site: Site, paths: Iterable[str]) -> Iterator[Item]:
    """The packages of every installed.json."""
    for path in sorted(paths):
        text = site.text(path, _MOST_TEXT, COMPOSER)
        if text is None:
            continue
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            site.gap(COMPOSER, "malformed: installed.json is no JSON", path)
            continue
        listed = document.get("packages") if isinstance(document, dict) else document
        if not isinstance(listed, list) or len(listed) > _MOST:
            site.gap(COMPOSER, "malformed: no list of packages", path)
            continue
        for one in listed:
            name, version = _text(one, "name"), _text(one, "version")
            if name and version:
                yield _item(site, one, name, version, path)
            else:
                site.gap(COMPOSER, "malformed: a package without name or version", path)


def _item(site: Site, one: dict[str, Any], name: str, version: str, path: str) -> Item:
    vendor, _, short = name.rpartition("/")
    licenses, people, needs = (one.get(key) for key in ("license", "authors", "require"))
    words = [word for word in licenses if isinstance(word, str)] if isinstance(licenses, list) else []
    authors = [_text(person, "name") for person in people] if isinstance(people, list) else []
    where = _text(one, "install-path") or f"../{name}"
    folder = site.canonical(posixpath.normpath(posixpath.join(posixpath.dirname(path), where)))
    return Item(
        ecosystem="composer",
        name=name,
        version=version,
        purl=purl("composer", vendor, short, version),
        supplier=next((author for author in authors if author), ""),
        licenses=declared(" OR ".join(words)),
        description=_text(one, "description")[:500],
        requires=tuple((printable(str(need)),) for need in sorted(needs)) if isinstance(needs, dict) else (),
        provides=(name,),
        place=path,
        properties={"assay:homepage": _text(one, "homepage")} if _text(one, "homepage") else {},
        folders=(folder,) if folder is not None else (),
    )


def _text(data: Any, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    return printable(value).strip() if isinstance(value, str) else ""
