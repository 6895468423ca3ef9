"""What the report of a bundle is made of: plain data, all of which lies in the bundle, so that it can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Attachment", "Brand", "File", "Logo", "Pack", "Sbom", "Subject"]

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was checked: `kind` is png or svg."""

    kind: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Brand:
    """How the report looks and in which language it speaks.

    `colour`: `#rrggbb`, dark enough for text on white. `signer`, `role`: who signs the statement by hand, if stated.
    `texts`: the reader's own language, checked against ours; None for one of ours.
    """

    name: str = ""
    colour: str = "#16325c"
    logo: Logo | None = None
    language: str = "en"
    texts: Document | None = None
    paper: str = "A4"
    signer: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """One target: its assessment, and of its snapshot when and how it was collected and which limits were reached."""

    assessment: Document
    run: Document
    limits: Document


@dataclass(frozen=True, slots=True)
class Sbom:
    """A bill of materials as it was packed; `check`: the result of `assay sbom check`, or None with the `reason`."""

    path: str
    size: int
    sha256: str
    check: Document | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document of people for a control. `size` in bytes, `sha256` in hexadecimal digits."""

    path: str
    size: int
    sha256: str
    framework: str
    control: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of the bundle that was there before the report; `role` as in the manifest."""

    path: str
    size: int
    sha256: str
    role: str


@dataclass(frozen=True, slots=True)
class Pack:
    """All of it. `diffs`, `signatures`: results of `assay sbom diff` and `assay verify` (JSON), by path.

    `previous` has `manifest` and `created_at`, `redaction` has `level` and `hidden`, as in the manifest; `key`: id of
    the key that signs, empty when the bundle is signed otherwise; `texts`: official texts by framework, where imported.
    """

    created_at: str
    clock: str
    tool: Document
    content: Document
    subjects: tuple[Subject, ...]
    chain: str = ""
    key: str = ""
    brand: Brand = Brand()
    sboms: tuple[Sbom, ...] = ()
    diffs: tuple[tuple[str, Document], ...] = ()
    signatures: tuple[tuple[str, Document], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    previous: Document | None = None
    redaction: Document | None = None
    texts: Mapping[str, Document] = field(default_factory=dict)
    files: tuple[File, ...] = ()
