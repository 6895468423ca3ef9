"""Looking at a target: every surveyor in turn, then the files that none of them claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from scanner.collectors.registry import collect
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact
from scanner.supply_chain.making.apk_packages import apk_items
from scanner.supply_chain.making.deb_packages import deb_items
from scanner.supply_chain.making.inventory import Inventory, Item
from scanner.supply_chain.making.kernels import efi_items, firmware_items, kernel_items
from scanner.supply_chain.making.language_packages import language_items
from scanner.supply_chain.making.merging import merged
from scanner.supply_chain.making.rpm_packages import rpm_items
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.stored_applications import container_items, flatpak_items
from scanner.supply_chain.making.strays import stray_files
from scanner.supply_chain.making.walking import VOLATILE, walk
from scanner.target.base import Target

__all__ = ["WHOLE", "survey"]

WHOLE = "whole"
"""In `Inventory.managers`: everything of this ecosystem that lies in the usual places was read."""

_FACTS = ("os.release", "os.arch", "packages.databases", "containers.quadlets", "boot.loaders", "boot.uki")
_SYSTEM = ("id", "version_id", "name", "pretty_name", "cpe_name", "support_end", "image_id", "image_version")
_READERS: Mapping[str, tuple[str, Callable[[Site, str, Mapping[str, str | None] | None], Iterator[Item]]]] = {
    "rpm": ("rpm", rpm_items),
    "dpkg": ("deb", deb_items),
    "apk": ("apk", apk_items),
}
"""Manager as fact packages.databases names it, to ecosystem and reader."""
_OTHERS = {
    "/var/lib/pacman/local": "pacman",
    "/var/db/pkg": "portage",
    "/nix/store": "nix",
    "/var/db/xbps": "xbps",
    "/var/lib/opkg/status": "opkg",
    "/usr/lib/opkg/status": "opkg",
    "/var/lib/snapd/snaps": "snap",
}
"""Where managers keep their books that are not read here."""


def survey(target: Target, progress: Callable[[str], None] | None = None) -> Inventory:
    """Everything that is installed on the target. Nothing of it is executed; what cannot be read becomes a gap."""
    site = Site(target)
    facts, _ = collect(target, _FACTS, progress=progress)
    system = _system(site, facts["os.release"])
    arch = str(facts["os.arch"].value or "") if facts["os.arch"].state == "present" else ""
    managers: dict[str, str] = {}
    items = list(_packages(site, facts["packages.databases"], system, managers))
    if progress is not None:
        progress("files of the target")
    walked = walk(site, VOLATILE if target.kind == "live" else ())
    owners = {file.path: item.key for item in items for file in item.files}
    efi = [facts[name] for name in ("boot.loaders", "boot.uki")]
    others = [
        *language_items(site, walked, items, managers, WHOLE),
        *kernel_items(site, walked.modules, owners, arch),
        *efi_items(site, efi, owners),
        *firmware_items(site, walked.firmware, owners),
        *container_items(site, facts["containers.quadlets"]),
        *flatpak_items(site),
    ]
    items = merged([*items, *others])
    _also(site, efi, managers)
    strays = tuple(stray_files(site, walked, items))
    return Inventory(tuple(items), system, arch, managers, strays, site.gaps)


def _system(site: Site, fact: Fact) -> Mapping[str, str | None] | None:
    if fact.state == "present":
        return {name: fact.value.get(name) for name in _SYSTEM}
    if fact.state != "absent":
        site.gap("operating system", fact.reason or "cannot be read", "/etc/os-release")
    return None


def _packages(
    site: Site, fact: Fact, system: Mapping[str, str | None] | None, managers: dict[str, str]
) -> Iterator[Item]:
    """The packages of every database. A database that cannot be read whole gives none: half a list would be taken for
    a whole one."""
    for gap in fact.gaps:
        site.gap("package database", gap)
    if fact.state not in ("present", "absent"):
        why = fact.reason or "the package databases cannot be read"
        site.gap("package database", why)
        managers.update(dict.fromkeys(("rpm", "deb", "apk"), why))
        return
    found = fact.value or []
    if not found:
        site.gap("package database", "there is none that is known here (rpm, dpkg, apk)")
    for record in found:
        ecosystem, read = _READERS[record["manager"]]
        try:
            items = list(read(site, record["path"], system))
        except (ParseError, TargetError) as error:
            site.gap("package database", error, record["path"])
            managers[ecosystem] = str(error)
            continue
        if len(items) != record["count"] and ecosystem != "rpm":
            site.gap("package database", f"{record['count'] - len(items)} packages were not taken over", record["path"])
        managers.setdefault(ecosystem, WHOLE)
        yield from items


def _also(site: Site, efi: Iterable[Fact], managers: dict[str, str]) -> None:
    """What else was looked at, and what is there but not understood."""
    for ecosystem in ("kernel", "firmware", "flatpak"):
        managers[ecosystem] = WHOLE
    managers["efi"] = WHOLE
    for fact in efi:
        if fact.state in ("error", "not_collected"):
            managers["efi"] = fact.reason or "cannot be read"
        if fact.state == "error":
            site.gap("EFI programs", fact.reason or "cannot be read")
        for gap in fact.gaps:
            site.gap("EFI programs", gap)
    for path, manager in _OTHERS.items():
        if site.entry(path) is not None:
            managers[manager] = f"packages of {manager} are not supported"
            site.gap("package database", f"unsupported: packages of {manager}", path)
    managers["container"] = next((gap.why for gap in site.gaps if gap.what == "container images"), WHOLE)
