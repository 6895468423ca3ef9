"""The published lists of fields, each with its edition.

NTIA, The Minimum Elements For a Software Bill of Materials, July 2021, data fields. CISA, NSA, FBI and partners, 2026
Minimum Elements for a Software Bill of Materials, version 2.1, July 2026, data fields of appendix A (it replaces the
former; the draft of August 2025 was a step to it). BSI TR-03183-2, version 2.1.0, August 2025, sections 4, 5.2.1 and
5.2.2 (required), 5.2.3 and 5.2.4 (where it exists). Ids and titles are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanner.supply_chain.checking import fields
from scanner.supply_chain.checking.fields import Related
from scanner.supply_chain.model import Bom, Component

__all__ = ["LISTS", "ComponentField", "DocumentField", "FieldList"]


@dataclass(frozen=True, slots=True)
class ComponentField:
    """What every component must have. `level`: required or if_it_exists. `only`: document format whose loader keeps
    what the test needs; for others the field is not checked. `element`: name of the element under which a document may
    say that it does not know it; empty where the list has no such clause."""

    id: str
    title: str
    has: Callable[[Component, Related], bool]
    level: str = "required"
    only: str = ""
    element: str = ""


@dataclass(frozen=True, slots=True)
class DocumentField:
    """What the document must have. `has` is None for what stands beside a document and not in it (level beside);
    `only` and `level` as above; `reason`: why a field is not checked."""

    id: str
    title: str
    has: Callable[[Bom], bool] | None
    level: str = "required"
    only: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FieldList:
    """One published list. `edition`: which text of it is checked, and what became of it."""

    id: str
    title: str
    edition: str
    document: tuple[DocumentField, ...]
    components: tuple[ComponentField, ...]


_NAME = ComponentField("name", "name of the component", fields.name)
_VERSION = ComponentField("version", "version of the component", fields.version)
_IDENTIFIER = ComponentField("identifier", "another unique identifier (purl, CPE, SWID …)", fields.identifier)
_RELATION = ComponentField("dependencies", "relation to other components", fields.relation)
_AUTHOR = DocumentField("author", "author of the SBOM", fields.authors)
_TIMESTAMP = DocumentField("timestamp", "date and time of the SBOM", fields.timestamp)

NTIA = FieldList(
    "ntia-2021",
    "NTIA minimum elements (2021)",
    "report of July 2021, data fields; replaced by the CISA minimum elements of July 2026",
    (_AUTHOR, _TIMESTAMP),
    (ComponentField("supplier", "supplier", fields.supplier), _NAME, _VERSION, _IDENTIFIER, _RELATION),
)

CISA = FieldList(
    "cisa-2026",
    "CISA minimum elements (2026)",
    "version 2.1 of 29 July 2026 (CISA, NSA, FBI and partners), data fields",
    (
        _AUTHOR,
        DocumentField(
            "author-signature",
            "signature of the author",
            None,
            "beside",
            reason="signatures stand beside a document: assay verify checks them",
        ),
        DocumentField("format", "name of the data format", fields.format_name),
        DocumentField("format-version", "version of the data format", fields.format_version),
        DocumentField(
            "context",
            "generation context (when in the life of the software it was made)",
            fields.lifecycle,
            only="cyclonedx",
            reason="this format has a comment for it, which is not looked at",
        ),
        _TIMESTAMP,
        DocumentField("tool", "tool that made the SBOM", fields.tools),
        DocumentField("tool-version", "version of that tool", fields.tool_version),
        DocumentField("sbom-version", "version of the SBOM (serial number or namespace)", fields.serial),
    ),
    (
        ComponentField("producer", "producer of the component", fields.supplier, element="Component Producer"),
        _NAME,
        ComponentField("version", "version of the component", fields.version, element="Component Version"),
        ComponentField(
            "identifier", "identifier (purl, CPE, SWHID …)", fields.identifier, element="Component Identifiers"
        ),
        ComponentField("hash", "digest of the component", fields.any_digest, element="Component Hash Value"),
        ComponentField(
            "hash-algorithm",
            "algorithm of the digest, of SHA-2 or SHA-3",
            fields.digest,
            element="Component Hash Value",
        ),
        ComponentField("licence", "licence", fields.license, element="Component License"),
        _RELATION,
    ),
)

BSI = FieldList(
    "bsi-tr-03183-2",
    "BSI TR-03183-2",
    "version 2.1.0 of 20 August 2025, sections 4 and 5.2",
    (
        DocumentField("format", "CycloneDX 1.6 or SPDX 3.0.1 or later, JSON or XML", fields.bsi_format),
        DocumentField("creator", "mail address or URL of the creator of the SBOM", fields.author_contact),
        _TIMESTAMP,
        DocumentField("uri", "URI of the SBOM", fields.serial, "if_it_exists"),
        DocumentField("no-vulnerabilities", "no vulnerability information inside", fields.no_vulnerabilities),
    ),
    (
        ComponentField("creator", "mail address or URL of the creator", fields.creator_contact),
        _NAME,
        _VERSION,
        ComponentField("filename", "file name", fields.held("bsi:component:filename"), only="cyclonedx"),
        _RELATION,
        ComponentField("dependencies-complete", "whether its dependencies are all told", fields.completeness),
        ComponentField("distribution-licence", "distribution licence (concluded, SPDX)", fields.concluded),
        ComponentField("hash", "SHA-512 of the deployable component", fields.deployable_digest, only="cyclonedx"),
        ComponentField(
            "executable",
            "executable property",
            fields.held("bsi:component:executable", frozenset({"executable", "non-executable"})),
            only="cyclonedx",
        ),
        ComponentField(
            "archive",
            "archive property",
            fields.held("bsi:component:archive", frozenset({"archive", "no archive"})),
            only="cyclonedx",
        ),
        ComponentField(
            "structured",
            "structured property",
            fields.held("bsi:component:structured", frozenset({"structured", "unstructured"})),
            only="cyclonedx",
        ),
        ComponentField(
            "source-uri", "URI of the source code", fields.held("assay:reference:source-distribution"), "if_it_exists"
        ),
        ComponentField(
            "deployable-uri", "URI of the deployable form", fields.held("assay:reference:distribution"), "if_it_exists"
        ),
        ComponentField("identifier", "another unique identifier", fields.identifier, "if_it_exists"),
        ComponentField("original-licence", "original licence (declared)", fields.declared, "if_it_exists"),
    ),
)

LISTS = (CISA, NTIA, BSI)
