"""What languages install beside the packages of the system, and what their compilers put into programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scanner.supply_chain.making.composer_packages import COMPOSER, composer_items
from scanner.supply_chain.making.gem_packages import GEMS, gem_items
from scanner.supply_chain.making.holders import Holders
from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.making.java_archives import PROJECTS_UNSEEN, java_items
from scanner.supply_chain.making.npm_packages import npm_items
from scanner.supply_chain.making.program_modules import CRATES_UNSEEN, program_items
from scanner.supply_chain.making.python_packages import python_items
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.walking import Walked

__all__ = ["language_items"]

_WHATS = {"pypi": "Python packages", "npm": "npm packages", "gem": GEMS, "composer": COMPOSER}
"""Ecosystem to the word under which `Site` notes what of it could not be read."""


def language_items(
    site: Site, walked: Walked, system: Sequence[Item], managers: dict[str, str], whole: str
) -> list[Item]:
    """All of them; `managers` gets what is known of each ecosystem (`whole`, or why something may be missing)."""
    owners = {file.path: item.key for item in system for file in item.files}
    installed = list(_installed(site, walked, owners))
    holders = Holders(system, installed)
    programs = program_items(site, walked, holders)
    archives = list(java_items(site, walked.java, holders))
    for ecosystem, what in _WHATS.items():
        managers[ecosystem] = next((gap.why for gap in site.gaps if gap.what == what), whole)
    managers["golang"] = programs.go_state or whole
    managers["cargo"] = CRATES_UNSEEN
    managers["maven"] = PROJECTS_UNSEEN
    return [*installed, *programs.items, *archives]


def _installed(site: Site, walked: Walked, owners: Mapping[str, str]) -> Iterator[Item]:
    """Packages that their managers noted, with the key of the package of the system that brought them.

    A distribution can come with another one of its kind: pip vendors some.
    """
    for items in (
        list(python_items(site, walked.python)),
        list(npm_items(site, walked.npm)),
        list(gem_items(site, walked.gems)),
        list(composer_items(site, walked.composer)),
    ):
        mine = {file.path: item.key for item in items for file in item.files if file.path != item.place}
        for item in items:
            owner = owners.get(item.place) or mine.get(item.place, "")
            yield replace(item, owner=owner) if owner and owner != item.key else item
