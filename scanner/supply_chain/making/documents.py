"""From an inventory to a bill of materials.

The same target and the same `created` always give the same document: components stand in the order of their package
URLs, the serial number is a digest of the content (shaped as a UUID of version 8, RFC 9562), nothing comes from a clock
or a random source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

from scanner import __version__
from scanner.model.canonical import canonical, plain, printable
from scanner.supply_chain.making.inventory import Inventory, Item, StrayFile
from scanner.supply_chain.making.owned_files import CHANGED, file_components
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.survey import survey
from scanner.supply_chain.model import Bom, Component, Relation
from scanner.target.base import Target

__all__ = ["make", "of_inventory"]


def make(target: Target, created: str, *, files: bool = False, progress: Callable[[str], None] | None = None) -> Bom:
    """The bill of materials of `target`. `created`: RFC 3339 instant to be stated; `files`: list every regular file of
    every package, with its digests, too. What could not be read stands in `dropped`."""
    inventory = survey(target, progress)
    return of_inventory(inventory, created, Site(target) if files else None)


def of_inventory(inventory: Inventory, created: str, site: Site | None = None) -> Bom:
    """The document of what a survey found; with `site`, packages are listed with their files."""
    subject = _subject(inventory)
    refs = {item.key: f"item:{item.key}" for item in inventory.items}
    components = [subject, *(_component(item, refs) for item in inventory.items)]
    relations = [*_owned(inventory, refs, subject.ref), *_needs(inventory.items, refs)]
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
    body = plain([[asdict(one) for one in components], [asdict(one) for one in relations], created])
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
        tools=(f"assay {__version__}",),
        subject=subject.ref,
        lifecycle="operations",
    )


def _uuid(digest: str) -> str:
    """The digest in the shape of a UUID: version 8 (own meaning), the variant of RFC 9562."""
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _subject(inventory: Inventory) -> Component:
    """The operating system (or the image that os-release names) is what the document describes."""
    system: Mapping[str, str | None] = inventory.system or {}
    name = system.get("image_id") or system.get("id") or "linux"
    version = (system.get("image_version") if system.get("image_id") else None) or system.get("version_id") or ""
    properties = {
        "assay:os:id": system.get("id") or "",
        "assay:os:version": system.get("version_id") or "",
        "assay:arch": inventory.arch,
    }
    return Component(
        ref="subject",
        name=name,
        version=version,
        type="operating-system",
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
    hashes = {name: value for name, value in (("sha256", stray.sha256), ("sha1", stray.sha1)) if value}
    return Component(f"file:{path}", path, "", "file", hashes=hashes, properties=properties)


def _owned(inventory: Inventory, refs: Mapping[str, str], subject: str) -> Iterator[Relation]:
    for item in inventory.items:
        yield Relation(refs.get(item.owner, subject), "contains", refs[item.key])


def _needs(items: Sequence[Item], refs: Mapping[str, str]) -> Iterator[Relation]:
    """Dependencies by name within one ecosystem: the first alternative that is installed, all of its providers of a
    fitting architecture; a file name leads to the package that owns the file."""
    providers: dict[tuple[str, str], list[Item]] = {}
    wanted = {name for item in items for group in item.requires for name in group if name.startswith("/")}
    for item in items:
        for name in {*item.provides, *(file.path for file in item.files if file.path in wanted)}:
            providers.setdefault((item.ecosystem, name), []).append(item)
    for item in items:
        targets: set[str] = set()
        for group in item.requires:
            found = next((got for name in group if (got := providers.get((item.ecosystem, name)))), [])
            same = [one for one in found if one.arch in (item.arch, "all", "noarch") or item.arch in ("all", "noarch")]
            targets.update(refs[one.key] for one in same or found if one is not item)
        for target in sorted(targets):
            yield Relation(refs[item.key], "depends_on", target)
