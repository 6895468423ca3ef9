"""From an inventory to a bill of materials.

The same target and the same `created` always give the same document: components stand in the order of their package
URLs, the serial number is a digest of the content (shaped as a UUID of version 8, RFC 9562), nothing comes from a clock
or a random source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace

from scanner import __version__
from scanner.model.canonical import canonical, plain, printable
from scanner.supply_chain.making.dependencies import COMPLETENESS, dependencies
from scanner.supply_chain.making.inventory import Inventory, Item, StrayFile, file_key
from scanner.supply_chain.making.names import purl, swhid
from scanner.supply_chain.making.owned_files import CHANGED, file_components
from scanner.supply_chain.making.parties import Parties, Party
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.survey import survey
from scanner.supply_chain.making.unknowns import with_unknowns
from scanner.supply_chain.model import Bom, Component, Relation
from scanner.target.base import Target

__all__ = ["make", "of_inventory"]


def make(
    target: Target,
    created: str,
    *,
    files: bool = False,
    parties: Parties | None = None,
    progress: Callable[[str], None] | None = None,
) -> Bom:
    """The bill of materials of `target`. `created`: RFC 3339 instant to be stated; `files`: list every regular file of
    every package, with its digests, too; `parties`: who makes it and who supplies the system. What could not be read
    stands in `dropped`."""
    inventory = survey(target, progress)
    made = of_inventory(inventory, created, parties or Parties(), Site(target) if files else None)
    return made if target.kind == "live" else replace(made, lifecycle="post-build")


def of_inventory(inventory: Inventory, created: str, parties: Parties, site: Site | None = None) -> Bom:
    """The document of what a survey found; with `site`, packages are listed with their files."""
    subject = _subject(inventory, parties.supplier)
    refs = {item.key: f"item:{item.key}" for item in inventory.items}
    refs.update((key, key) for key in (file_key(stray.path) for stray in inventory.strays))
    components = [subject, *(_component(item, refs) for item in inventory.items)]
    needs, completeness = dependencies(inventory.items, refs)
    relations = [*_owned(inventory, refs, subject.ref), *needs]
    for stray in inventory.strays:
        made = _file(stray, refs)
        components.append(made)
        relations.append(Relation(refs.get(stray.owner, subject.ref), "contains", made.ref))
    gaps = inventory.gaps
    if site is not None:
        more, edges = file_components(site, inventory.items, refs, {stray.path for stray in inventory.strays})
        components += more
        relations += edges
        gaps = (*gaps, *site.gaps)
    components = [with_unknowns(_with_completeness(one, completeness)) for one in components]
    author = str(parties.author) if parties.author else ""
    body = plain([[asdict(one) for one in components], [asdict(one) for one in relations], created, author])
    digest = hashlib.sha256(canonical(body)).hexdigest()
    return Bom(
        format="cyclonedx",
        spec="1.6",
        encoding="json",
        sha256="",
        components=tuple(components),
        relations=tuple(relations),
        dropped=gaps,
        name=" ".join(part for part in (subject.name, subject.version) if part),
        serial=f"urn:uuid:{_uuid(digest)}",
        created=created,
        authors=(author,) if author else (),
        tools=(f"assay {__version__}",),
        subject=subject.ref,
        lifecycle="operations",
    )


def _uuid(digest: str) -> str:
    """The digest in the shape of a UUID: version 8 (own meaning), the variant of RFC 9562."""
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _with_completeness(one: Component, known: Mapping[str, str]) -> Component:
    """The component with what is known of its dependencies; files have none that anybody could tell."""
    if one.type == "file":
        return one
    return replace(one, properties={**one.properties, COMPLETENESS: known.get(one.ref, "unknown")})


def _subject(inventory: Inventory, supplier: Party | None) -> Component:
    """The operating system (or the image that os-release names) is what the document describes."""
    system: Mapping[str, str | None] = inventory.system or {}
    name = system.get("image_id") or system.get("id") or "linux"
    version = (system.get("image_version") if system.get("image_id") else None) or system.get("version_id") or ""
    properties = {
        "assay:os:id": system.get("id") or "",
        "assay:os:version": system.get("version_id") or "",
        "assay:arch": inventory.arch,
        "assay:contact:manufacturer": supplier.contact if supplier else "",
    }
    return Component(
        ref="subject",
        name=name,
        version=version,
        type="operating-system",
        purl=purl("generic", "", name, version),
        supplier=supplier.name if supplier else "",
        cpes=(cpe,) if (cpe := system.get("cpe_name")) else (),
        description=system.get("pretty_name") or "",
        end_of_support=system.get("support_end") or "",
        properties={key: value for key, value in properties.items() if value},
    )


def _component(item: Item, refs: Mapping[str, str]) -> Component:
    properties = dict(item.properties)
    properties["assay:source"] = item.place
    if item.origin:
        properties["assay:source-package"] = f"{item.origin} {item.origin_version}".strip()
    return Component(
        ref=refs[item.key],
        name=item.name,
        version=item.version,
        type=item.type,
        purl=item.purl,
        supplier=item.supplier,
        licenses=item.licenses,
        hashes=item.hashes,
        cpes=item.cpes,
        description=item.description,
        properties=properties,
    )


def _file(stray: StrayFile, refs: Mapping[str, str]) -> Component:
    """A file that no package vouches for stands in the document by itself."""
    path = printable(stray.path)
    properties = {"assay:path": path, "assay:file": stray.kind}
    if stray.owner in refs:
        properties[CHANGED] = "yes"
    else:
        properties["assay:claimed-by"] = "nothing"
    properties.update(swhid(stray.git))
    hashes = {name: value for name, value in (("sha256", stray.sha256), ("sha1", stray.sha1)) if value}
    return Component(file_key(stray.path), path, "", "file", hashes=hashes, properties=properties)


def _owned(inventory: Inventory, refs: Mapping[str, str], subject: str) -> Iterator[Relation]:
    for item in inventory.items:
        yield Relation(refs.get(item.owner, subject), "contains", refs[item.key])
