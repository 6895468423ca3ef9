"""npm packages: a folder of node_modules with its package.json.

Source: npm, package.json (name, version, license, author, dependencies).
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

__all__ = ["npm_items"]

_MOST_TEXT = 4 * 1024 * 1024
_WHAT = "npm packages"


def npm_items(site: Site, paths: Iterable[str]) -> Iterator[Item]:
    """A package for each package.json that stands directly in a folder of node_modules."""
    for path in sorted(paths):
        text = site.text(path, _MOST_TEXT, _WHAT)
        if text is None:
            continue
        try:
            data = json.loads(text.removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            site.gap(_WHAT, "malformed: package.json is no JSON", path)
            continue
        name, version = (_text(data, key) for key in ("name", "version"))
        if not name or not version:
            continue  # folders of one package that carry a package.json only to say `type: module`
        scope, _, short = name.rpartition("/")
        folder = posixpath.dirname(path)
        needs = data.get("dependencies")
        yield Item(
            ecosystem="npm",
            name=name,
            version=version,
            purl=purl("npm", scope, short, version),
            supplier=_person(data.get("author")),
            licenses=declared(_license(data)),
            description=_text(data, "description")[:500],
            requires=tuple((printable(str(one)),) for one in sorted(needs)) if isinstance(needs, dict) else (),
            provides=(name,),
            place=path,
            folders=(folder,),
        )


def _text(data: Any, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    return printable(value).strip() if isinstance(value, str) else ""


def _person(value: Any) -> str:
    """`Name <mail> (site)` or an object: the name."""
    if isinstance(value, dict):
        return _text(value, "name")
    return printable(value).partition("<")[0].partition("(")[0].strip() if isinstance(value, str) else ""


def _license(data: dict[str, Any]) -> str:
    value = data.get("license", data.get("licenses"))
    if isinstance(value, list):
        words = [one if isinstance(one, str) else _text(one, "type") for one in value]
        return " OR ".join(word for word in words if word)
    return value if isinstance(value, str) else _text(value, "type")
