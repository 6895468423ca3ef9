"""What goes into a bundle, as it was handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanner.bundle.manifest import ENVELOPE
from scanner.model.errors import UsageError
from scanner.model.snapshot import Snapshot

if TYPE_CHECKING:
    from scanner.outputs.pack.model import Brand

__all__ = ["Attachment", "Parts", "Previous", "Subject", "safe_name"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One assessed target: its snapshot, the assessment of it (JSON), and, where values were hidden, the results
    (instances) that rest on them."""

    snapshot: Snapshot
    assessment: Mapping[str, Any]
    taken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document of people for a control: a policy, a certificate, the evidence of an answer."""

    framework: str
    control: str
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Previous:
    """The bundle before this one in the chain: digest of its manifest (hexadecimal), when it was made, its chain."""

    manifest: str
    created_at: str
    chain: str


@dataclass(frozen=True, slots=True)
class Parts:
    """All of a bundle but content and signature. Documents are (name, bytes); `reports`: formats for each target;
    `redaction`: the level at which values were hidden; `texts`: official texts by framework, for the reports;
    `companions`: what will be made over the manifest (envelope, sigstore bundle, timestamp); `brand`: how the
    report of the whole bundle looks, None for no such report; `key`: id of the key that will sign, as that report
    names it."""

    subjects: tuple[Subject, ...]
    chain: str
    created_at: str
    clock: str
    reports: tuple[str, ...] = ("html", "pdf")
    sboms: tuple[tuple[str, bytes], ...] = ()
    diffs: tuple[tuple[str, bytes], ...] = ()
    signatures: tuple[tuple[str, bytes], ...] = ()
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    previous: Previous | None = None
    redaction: str = ""
    companions: tuple[str, ...] = (ENVELOPE,)
    brand: Brand | None = None
    key: str = ""

    def __post_init__(self) -> None:
        if not self.subjects:
            raise UsageError("a bundle needs an assessment", hint="assay scan TARGET -o json=… -o snapshot=…")
        for one in self.attachments:
            if not any(self._has(subject, one) for subject in self.subjects):
                raise UsageError(
                    f"no assessment here has a control {one.control} of {one.framework}",
                    hint="write --attach FRAMEWORK:CONTROL=FILE, as assay controls list names them",
                )

    @staticmethod
    def _has(subject: Subject, one: Attachment) -> bool:
        return any(
            (control["framework"], control["id"]) == (one.framework, one.control)
            for control in subject.assessment["controls"]
        )


def safe_name(name: str) -> str:
    """A file name as a bundle may hold it: ASCII letters, digits and a few marks, not longer than 80 characters."""
    plain = re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).strip(".-") or "file"
    return plain if len(plain) <= 80 else plain[:40] + "-" + plain[-39:]
