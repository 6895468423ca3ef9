"""One small model of a software bill of materials, whatever format it was written in.

Sources: CycloneDX 1.2 to 1.7, SPDX 2.2, 2.3 and 3.0. Only what a buyer, a gate or the truth check uses is kept; what a
loader had to leave out is counted in `Bom.dropped`, never silently lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Bom", "Component", "Dropped", "License", "Relation", "Vulnerability"]


@dataclass(frozen=True, slots=True)
class License:
    """One stated licence. `expression`: an SPDX expression in canonical form, or None when the text is none (a name, a
    URL, a LicenseRef without meaning); `text`: as written. `acknowledgement`: declared, concluded, or empty."""

    text: str
    expression: str | None = None
    acknowledgement: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a document.

    `ref`: how the document names it (bom-ref, SPDXID, spdxId); made unique by the loader where a document repeats one.
    `type`: a CycloneDX word (application, framework, library, container, operating-system, device-driver, firmware,
    file, data, …). `purl`: canonical form of the package URL, None when there is none or it is not one (then it is in
    `Bom.dropped`). `supplier`: name of who supplied it, else of its manufacturer or author-organisation. `hashes`:
    algorithm (lower case: sha1, sha256, sha512, md5, sha3-256, blake2b-256 …) to lower-case hexadecimal digest.
    `scope`: required, optional, excluded or empty. `end_of_support`: ISO day, where the document says one.
    `properties`: name to value, the first of each name. `parent`: ref of the component it is nested in. `place`: where
    it stands in the document (a JSON pointer, an element path, or a line number `line 12`).
    """

    ref: str
    name: str
    version: str = ""
    type: str = "library"
    group: str = ""
    purl: str | None = None
    supplier: str = ""
    licenses: tuple[License, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    cpes: tuple[str, ...] = ()
    scope: str = ""
    copyright: str = ""
    description: str = ""
    end_of_support: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """`source` stands in `kind` to `target` (refs). Kinds: depends_on, contains, generated_from, variant_of, provides;
    any other SPDX word in lower case."""

    source: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One statement on a vulnerability, from the document itself or from a VEX document beside it.

    `id`: CVE or another id; `affects`: refs of components (or purls, in a VEX document); `state`: affected,
    not_affected, fixed, under_investigation, or unknown; `justification`: the word given; `severity`: critical, high,
    medium, low, none or empty; `score`: CVSS base score as text; `source`: who says so.
    """

    id: str
    affects: tuple[str, ...] = ()
    state: str = "unknown"
    justification: str = ""
    severity: str = ""
    score: str = ""
    source: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something that the loader could not take over: what it was, where, why. `count` of the same kind."""

    what: str
    why: str
    place: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Bom:
    """A loaded document.

    `format`: cyclonedx or spdx; `spec`: its version (1.6, 2.3); `encoding`: json, xml, tag-value, yaml, rdf, json-ld;
    `sha256`: of the bytes read; `serial`: serial number or document namespace; `created`: RFC 3339 instant as written;
    `authors` and `tools`: who made it; `subject`: ref of the component that the document describes, with the component
    itself among `components`. `components` are in document order. `lifecycle`: build, pre-build, operations … or empty.
    `licenses`: of the document itself (data licence).
    """

    format: str
    spec: str
    encoding: str
    sha256: str
    components: tuple[Component, ...]
    relations: tuple[Relation, ...] = ()
    vulnerabilities: tuple[Vulnerability, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    name: str = ""
    serial: str = ""
    created: str = ""
    authors: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    subject: str | None = None
    lifecycle: str = ""
    licenses: tuple[str, ...] = ()
    source: str = ""
