"""Ruby gems: a folder of gems, and beside it their specifications.

Source: RubyGems, layout of a gem home (specifications/, specifications/default/, gems/NAME-VERSION[-PLATFORM]).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from scanner.model.canonical import printable
from scanner.model.errors import ParseError
from scanner.parsers import gemspec
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import declared, purl
from scanner.supply_chain.making.site import Site

__all__ = ["GEMS", "gem_items"]

GEMS = "Ruby gems"
_MOST_TEXT = 1024 * 1024


def gem_items(site: Site, paths: Iterable[str]) -> Iterator[Item]:
    """A gem for each specification."""
    for path in sorted(paths):
        text = site.text(path, _MOST_TEXT, GEMS)
        if text is None:
            continue
        try:
            gem = gemspec.parse(printable(text))
        except ParseError as error:
            site.parsed_badly(GEMS, path, error)
            continue
        platform = "" if gem.platform == "ruby" else gem.platform
        folder = posixpath.join(
            path.partition("/specifications/")[0], "gems", posixpath.basename(path).removesuffix(".gemspec")
        )
        yield Item(
            ecosystem="gem",
            name=gem.name,
            version=gem.version,
            purl=purl("gem", "", gem.name, gem.version, platform=platform),
            supplier=", ".join(gem.authors)[:500],
            licenses=declared(" AND ".join(gem.licenses)),
            description=gem.summary[:500],
            requires=tuple((name,) for name in gem.needs),
            provides=(gem.name,),
            place=path,
            properties={"assay:homepage": gem.homepage} if gem.homepage else {},
            files=(OwnedFile(path),),
            folders=(folder,),
        )
