"""Kernels and their modules, EFI programs, and firmware that no package brought."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from scanner.model.fact import Fact
from scanner.supply_chain.making.inventory import Item, OwnedFile
from scanner.supply_chain.making.names import purl, swhid
from scanner.supply_chain.making.site import Site
from scanner.target.base import Entry

__all__ = ["efi_items", "firmware_items", "kernel_items"]

_MOST_FIRMWARE = 20_000


def kernel_items(site: Site, modules: Mapping[str, list[str]], owners: Mapping[str, str], arch: str) -> Iterator[Item]:
    """One item for each folder of modules, with the digest of the kernel image beside it or in /boot.

    `owners`: path to the key of the package that brought it. Modules of a kernel of which a package owns any belong
    to packages; those of a kernel that nobody packed belong to the kernel.
    """
    for release, paths in sorted(modules.items()):
        image = _image(site, release)
        packed = {owners[path] for path in [*paths, *([image.path] if image else [])] if path in owners}
        digest = site.digests(image.path, image.size, ("sha256",)) if image is not None else None
        names = hashlib.sha256("\n".join(sorted(path.rpartition("/")[2] for path in paths)).encode("utf-8", "replace"))
        mine = [] if packed else paths
        yield Item(
            ecosystem="kernel",
            name="linux",
            version=release,
            type="operating-system",
            arch=arch,
            purl=purl("generic", "", "linux", release, arch=arch),
            hashes=digest or {},
            description="Linux kernel and its modules",
            owner=min(packed, default=""),
            place=f"/lib/modules/{release}",
            properties={
                "assay:kernel:modules": str(len(paths)),
                "assay:kernel:module-names-sha256": names.hexdigest(),
                **({"assay:path": image.path} if image else {}),
            },
            files=tuple(OwnedFile(path) for path in mine),
        )


def _image(site: Site, release: str) -> Entry | None:
    for path in (
        f"/usr/lib/modules/{release}/vmlinuz",
        f"/lib/modules/{release}/vmlinuz",
        f"/boot/vmlinuz-{release}",
    ):
        entry = site.entry(path)
        if entry is not None and entry.type == "file":
            return entry
    return None


def efi_items(site: Site, facts: Iterable[Fact], owners: Mapping[str, str]) -> Iterator[Item]:
    """EFI programs (facts boot.loaders and boot.uki), named and dated by their SBAT lines where they have any.

    A program that equals one which a package brought belongs to that package: installers copy them to the partition.
    """
    seen: set[str] = set()
    packed = {path: owner for path, owner in owners.items() if ".efi" in path.rpartition("/")[2].lower()}
    originals: dict[str, str] | None = None
    for fact in facts:
        for one in fact.value or ():
            path = str(one["path"])
            if path in seen:
                continue
            seen.add(path)
            owner = owners.get(path, "")
            if not owner:
                originals = _digests(site, packed) if originals is None else originals
                owner = originals.get(str(one["sha256"]), "")
            yield _program(site, one, path, owner)


def _digests(site: Site, packed: Mapping[str, str]) -> dict[str, str]:
    """Digest to owner of the EFI programs that packages brought."""
    found: dict[str, str] = {}
    for path, owner in sorted(packed.items()):
        entry = site.entry(path)
        if entry is not None and entry.type == "file":
            digest = site.digests(entry.path, entry.size, ("sha256",))
            found.setdefault(digest["sha256"] if digest else "", owner)
    return found


def _program(site: Site, record: Mapping[str, object], path: str, owner: str) -> Item:
    table = record["sbat"]
    lines = [line for line in table if isinstance(line, dict)] if isinstance(table, list) else []
    lines = [line for line in lines if line["component"] != "sbat"]
    first = lines[0] if lines else None
    # What a distribution made of it stands in a line of its own (`shim.debian`), with the true version.
    own = [line for line in lines if first and str(line["component"]).startswith(f"{first['component']}.")]
    said = own[-1] if own else first
    digest = record["sha256"]
    entry = site.entry(path)
    git = site.digests(entry.path, entry.size, ("git",)) if entry is not None and entry.type == "file" else None
    properties = {
        **{f"assay:sbat:{line['component']}": str(line["generation"]) for line in lines},
        **swhid((git or {}).get("git", "")),
    }
    return Item(
        ecosystem="efi",
        name=str(first["component"]) if first else path.rpartition("/")[2],
        version=str(said["version"] or "") if said else "",
        type="firmware",
        arch=str(record["machine"] or ""),
        supplier=str(said["vendor"] or "") if said else "",
        hashes={"sha256": digest} if isinstance(digest, str) else {},
        description="EFI program",
        owner=owner,
        place=path,
        properties={"assay:path": path, **properties},
        files=(OwnedFile(path),),
    )


def firmware_items(site: Site, files: Mapping[str, Entry], owners: Mapping[str, str]) -> Iterator[Item]:
    """Firmware files that no package claims, each with its digest."""
    loose = [path for path in sorted(files) if path not in owners]
    for path in loose[:_MOST_FIRMWARE]:
        made = site.digests(path, files[path].size, ("sha256", "git")) or {}
        yield Item(
            ecosystem="firmware",
            name=path.partition("/firmware/")[2],
            version="",
            type="firmware",
            hashes={"sha256": made["sha256"]} if made else {},
            description="Firmware file that no package claims",
            place=path,
            properties={"assay:path": path, **swhid(made.get("git", ""))},
            files=(OwnedFile(path),),
        )
    if len(loose) > _MOST_FIRMWARE:
        site.gap("firmware", f"limit: more than {_MOST_FIRMWARE} files that no package claims", loose[_MOST_FIRMWARE])
