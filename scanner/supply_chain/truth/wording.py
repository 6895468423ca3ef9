"""One sentence for each difference."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.supply_chain.making.inventory import Item, StrayFile
from scanner.supply_chain.truth.claims import Claim
from scanner.supply_chain.truth.result import Difference

__all__ = ["absent", "changed", "omitted", "other_hash", "unclaimed", "wrong"]

_SHOWN = 3


def absent(claim: Claim, others: Sequence[Item]) -> Difference:
    """A component that is not there; `others`: items of its name that other components account for."""
    there = ", ".join(sorted({one.version for one in others})[:_SHOWN])
    kind = claim.ecosystem or claim.component.type
    says = f"The document lists the {kind} component {claim.shown}, which is not installed" + (
        f": there is only {there}." if there else "."
    )
    return Difference(
        "component_absent",
        claim.ecosystem,
        claim.component.name,
        says,
        listed=claim.version,
        found=there,
        ref=claim.component.ref,
        place=claim.component.place,
    )


def wrong(claim: Claim, item: Item, kind: str) -> Difference:
    """Another version, or the same version for another architecture."""
    by_source = claim.name not in (item.name.lower(), item.name)
    version = item.origin_version if by_source else item.version
    what = f"{item.origin} (source of {item.name})" if by_source else item.name
    if kind == "architecture_differs":
        listed, found = claim.arch, item.arch
        says = f"The document lists {what} {item.version} for {listed}; it is installed for {found}."
    else:
        listed, found = claim.version, version
        says = f"The document lists {what} {listed}; {found} is installed."
    return Difference(
        kind,
        item.ecosystem,
        item.name,
        says,
        listed=listed,
        found=found,
        ref=claim.component.ref,
        place=claim.component.place,
        source=item.place,
    )


def omitted(item: Item) -> Difference:
    """Something installed that the document does not list."""
    label = f"{item.name} {item.version}".strip()
    kind = f"{item.ecosystem}, {item.arch}" if item.arch else item.ecosystem
    says = f"{label} ({kind}) is installed, and the document does not list it."
    if item.inside:
        says = (
            f"The {item.ecosystem} component {label} is a part of {item.inside[0]}, and the document does not list it."
        )
    if item.ecosystem in ("efi", "firmware", "kernel"):
        says = f"The {item.ecosystem} component {label} lies at {item.place}, and the document does not list it."
    return Difference("component_omitted", item.ecosystem, item.name, says, found=item.version, source=item.place)


def other_hash(claim: Claim, item: Item, algorithm: str, listed: str, found: str) -> Difference:
    """Other content than the document says."""
    where = item.properties.get("assay:path", item.place)
    return Difference(
        "hash_differs",
        item.ecosystem,
        item.name,
        f"The content of {item.name} ({where}) is not the one that the document lists ({algorithm}).",
        listed=listed,
        found=found,
        ref=claim.component.ref,
        place=claim.component.place,
        source=where,
    )


def changed(stray: StrayFile, owner: Item) -> Difference:
    """A program or library that is not what its package brought."""
    return Difference(
        "file_changed",
        "file",
        stray.path,
        f"The {stray.kind} {stray.path} is not the one that {owner.name} {owner.version} brought, and the document "
        "does not list it.",
        found=stray.sha256,
        source=stray.path,
    )


def unclaimed(stray: StrayFile) -> Difference:
    """A program or library of nobody."""
    return Difference(
        "file_unclaimed",
        "file",
        stray.path,
        f"The {stray.kind} {stray.path} belongs to no installed package, and no component of the document claims it.",
        found=stray.sha256,
        source=stray.path,
    )
