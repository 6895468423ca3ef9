"""The published lists of fields.

NTIA, The Minimum Elements For a Software Bill of Materials, July 2021, data fields. CISA, 2025 Minimum Elements for a
Software Bill of Materials, draft for comment, August 2025, data fields. BSI TR-03183-2, version 2.1.0, August 2025,
sections 5.2.1 (document), 5.2.2 (component) and 5.2.4 (component, where it exists). Ids and titles are ours.
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
    """What every component must have. `only`: document format whose loader keeps what the test needs; for others the
    field is not checked."""

    id: str
    title: str
    has: Callable[[Component, Related], bool]
    level: str = "required"
    only: str = ""


@dataclass(frozen=True, slots=True)
class DocumentField:
    """What the document must have."""

    id: str
    title: str
    has: Callable[[Bom], bool]


@dataclass(frozen=True, slots=True)
class FieldList:
    """One published list."""

    id: str
    title: str
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
    (_AUTHOR, _TIMESTAMP),
    (ComponentField("supplier", "supplier", fields.supplier), _NAME, _VERSION, _IDENTIFIER, _RELATION),
)

CISA = FieldList(
    "cisa-2025",
    "CISA minimum elements (draft of August 2025)",
    (
        _AUTHOR,
        DocumentField("tool", "tool that made the SBOM", fields.tools),
        _TIMESTAMP,
        DocumentField("context", "generation context (before, during or after the build)", fields.lifecycle),
    ),
    (
        ComponentField("producer", "producer of the software", fields.supplier),
        _NAME,
        _VERSION,
        _IDENTIFIER,
        ComponentField("hash", "cryptographic digest, SHA-256 or better", fields.digest),
        ComponentField("licence", "licence", fields.license),
        _RELATION,
    ),
)

BSI = FieldList(
    "bsi-tr-03183-2",
    "BSI TR-03183-2, version 2.1.0 (August 2025)",
    (
        DocumentField("format", "CycloneDX 1.6 or SPDX 3.0.1 or later, JSON or XML", fields.bsi_format),
        DocumentField("creator", "mail address or URL of the creator of the SBOM", fields.author_contact),
        _TIMESTAMP,
        DocumentField("uri", "URI of the SBOM", fields.serial),
        DocumentField("no-vulnerabilities", "no vulnerability information inside", fields.no_vulnerabilities),
    ),
    (
        ComponentField("creator", "mail address or URL of the creator", fields.creator_contact),
        _NAME,
        _VERSION,
        ComponentField("filename", "file name", fields.held("bsi:component:filename"), only="cyclonedx"),
        _RELATION,
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

LISTS = (NTIA, CISA, BSI)
