"""Has a component, has a document, a field? One small function each; the lists put them together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scanner.supply_chain.licenses import stated
from scanner.supply_chain.model import Bom, Component

__all__ = [
    "FORGEABLE",
    "Related",
    "any_digest",
    "author_contact",
    "authors",
    "bsi_format",
    "completeness",
    "concluded",
    "creator_contact",
    "declared",
    "deployable_digest",
    "digest",
    "format_name",
    "format_version",
    "held",
    "identifier",
    "license",
    "lifecycle",
    "name",
    "no_vulnerabilities",
    "related",
    "relation",
    "said",
    "serial",
    "stated_unknown",
    "supplier",
    "timestamp",
    "tool_version",
    "tools",
    "version",
]

_NOTHING = frozenset({"", "noassertion", "none", "unknown", "n/a", "null"})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_REACH = re.compile(r"[^@\s]+@[^@\s]+|https?://\S+", re.IGNORECASE)
_TOOL_VERSION = re.compile(r"[\s-]v?\d")
FORGEABLE = frozenset({"adler32", "md2", "md4", "md5", "sha1"})
"""Algorithms for which another file with the same digest can be made."""
_APPROVED = frozenset({"sha256", "sha384", "sha512", "sha512-256", "sha3-256", "sha3-384", "sha3-512"})
"""FIPS 180-4 and FIPS 202."""


def said(value: str) -> bool:
    """Whether a text says something: NOASSERTION, unknown and the like do not."""
    return value.strip().lower() not in _NOTHING


@dataclass(frozen=True, slots=True)
class Related:
    """The refs that take part in a relation, are nested, hold others, or have a statement on their dependencies."""

    refs: frozenset[str]


def related(bom: Bom) -> Related:
    """Worked out once for all components."""
    refs = {ref for one in bom.relations for ref in (one.source, one.target)}
    for one in bom.components:
        if one.parent is not None:
            refs.update((one.ref, one.parent))
        if "assay:composition:dependencies" in one.properties:
            refs.add(one.ref)
    return Related(frozenset(refs))


# --- components: (component, relations) -> has it -------------------------------------------------------------------


def supplier(one: Component, _: Related) -> bool:
    """Who supplied, made or published it."""
    return said(one.supplier)


def name(one: Component, _: Related) -> bool:
    """Its name."""
    return said(one.name)


def version(one: Component, _: Related) -> bool:
    """Its version, in the field for it: a purl that holds one does not count."""
    return said(one.version)


def identifier(one: Component, _: Related) -> bool:
    """At least one of purl, CPE, SWID, SWHID, OmniBOR."""
    kept = ("assay:swid", "assay:swhid", "assay:omnibor")
    return one.purl is not None or bool(one.cpes) or any(key in one.properties for key in kept)


def relation(one: Component, known: Related) -> bool:
    """It stands in a relation to another component."""
    return one.ref in known.refs


def digest(one: Component, _: Related) -> bool:
    """A digest of SHA-2 or SHA-3, at least 256 bits long."""
    return not _APPROVED.isdisjoint(one.hashes)


def any_digest(one: Component, _: Related) -> bool:
    """A digest of any kind."""
    return bool(one.hashes)


def completeness(one: Component, _: Related) -> bool:
    """A statement on whether its parts or its dependencies are all listed."""
    kinds = (one.properties.get(name, "") for name in ("assay:composition", "assay:composition:dependencies"))
    return any(word.startswith(("complete", "incomplete")) or word in ("unknown", "noassertion") for word in kinds)


def stated_unknown(one: Component, element: str) -> bool:
    """Whether the document says that it does not know this element of the component: among the names of the property
    assay:unknown (or of cdx:cisa:unknown-information, a proposal of 2026), or by the word `unknown` in its place."""
    said_so = {name.strip() for key in ("assay:unknown", "cdx:cisa:unknown-information") for name in _parts(one, key)}
    placed = {
        "Component Version": one.version,
        "Component Producer": one.supplier,
        "Component License": one.licenses[0].text if one.licenses else "",
    }
    return element in said_so or placed.get(element, "").strip().lower() in ("unknown", "noassertion")


def _parts(one: Component, key: str) -> list[str]:
    return one.properties.get(key, "").split(";")


def license(one: Component, _: Related) -> bool:
    """A stated licence of any kind."""
    return bool(stated(one.licenses))


def creator_contact(one: Component, _: Related) -> bool:
    """Mail address or URL of who created it."""
    kinds = ("manufacturer", "author", "originator")
    return any(_REACH.fullmatch(one.properties.get(f"assay:contact:{kind}", "")) for kind in kinds)


def concluded(one: Component, _: Related) -> bool:
    """A concluded licence as an SPDX expression."""
    return any(item.expression and item.acknowledgement == "concluded" for item in stated(one.licenses))


def declared(one: Component, _: Related) -> bool:
    """A declared licence."""
    return any(item.acknowledgement == "declared" for item in stated(one.licenses))


def deployable_digest(one: Component, _: Related) -> bool:
    """SHA-512 of the deployable form."""
    return "assay:reference:distribution:sha512" in one.properties


def held(property_name: str, values: frozenset[str] = frozenset()) -> Callable[[Component, Related], bool]:
    """A test for a property that says something (one of `values`, where there is a fixed set)."""

    def has(one: Component, _: Related) -> bool:
        value = one.properties.get(property_name, "")
        return value in values if values else said(value)

    return has


# --- documents: bom -> has it --------------------------------------------------------------------------------------


def authors(bom: Bom) -> bool:
    """Who made the document."""
    return any(said(one) for one in bom.authors)


def author_contact(bom: Bom) -> bool:
    """Mail address or URL of who made the document."""
    return any(_REACH.fullmatch(part) for one in bom.authors for part in re.split(r"[<>()\s]+", one))


def timestamp(bom: Bom) -> bool:
    """An instant with its offset (RFC 3339, ISO 8601)."""
    return _INSTANT.fullmatch(bom.created) is not None


def tools(bom: Bom) -> bool:
    """The tool that made it."""
    return any(said(one) for one in bom.tools)


def tool_version(bom: Bom) -> bool:
    """The tool with its version: `name 1.2`, or `name-1.2` as SPDX has it."""
    return any(_TOOL_VERSION.search(one) for one in bom.tools)


def format_name(bom: Bom) -> bool:
    """The format: it is known once the document could be read."""
    return said(bom.format)


def format_version(bom: Bom) -> bool:
    """The version of the format."""
    return said(bom.spec)


def lifecycle(bom: Bom) -> bool:
    """When in the life of the software it was made."""
    return said(bom.lifecycle)


def serial(bom: Bom) -> bool:
    """A URI of the document."""
    return said(bom.serial)


def no_vulnerabilities(bom: Bom) -> bool:
    """It holds no statements on vulnerabilities."""
    return not bom.vulnerabilities


_BSI_FROM: Mapping[str, tuple[int, ...]] = {"cyclonedx": (1, 6), "spdx": (3, 0, 1)}


def bsi_format(bom: Bom) -> bool:
    """CycloneDX from 1.6 or SPDX from 3.0.1, as JSON or XML."""
    numbers = tuple(int(part) for part in re.findall(r"\d{1,4}", bom.spec)[:3])
    least = _BSI_FROM.get(bom.format)
    return least is not None and numbers >= least and bom.encoding in ("json", "xml", "json-ld")
