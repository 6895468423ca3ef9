"""The manifest: every file of a bundle by path, size and digest, and of which target, tool and content it speaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.model.canonical import canonical
from scanner.model.snapshot import Snapshot

__all__ = [
    "BESIDE",
    "CHECKSUMS",
    "ENVELOPE",
    "FOLDERS",
    "INSTRUCTIONS",
    "KEYLESS",
    "MANIFEST",
    "MANIFEST_SCHEMA",
    "PREDICATE_TYPE",
    "TIMESTAMP",
    "Entry",
    "checksums",
    "entry",
    "sha256",
    "statement",
    "target_json",
]

MANIFEST_SCHEMA = "assay/bundle/v1"
MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
KEYLESS = "manifest.sigstore.json"
TIMESTAMP = "manifest.tsr"
CHECKSUMS = "SHA256SUMS"
INSTRUCTIONS = "VERIFY.md"
BESIDE = (MANIFEST, ENVELOPE, KEYLESS, TIMESTAMP)
"""Files that the manifest cannot name: itself, and what was made over it."""

PREDICATE_TYPE = "https://assay.invalid/predicates/bundle/v1"
FOLDERS: Mapping[str, str] = {
    "assessment": "targets/",
    "attachment": "attachments/",
    "brand": "brand/",
    "checksums": CHECKSUMS,
    "content": "content/",
    "instructions": INSTRUCTIONS,
    "report": "reports/",
    "sbom": "sbom/",
    "sbom-diff": "sbom-diff/",
    "signatures": "signatures/",
    "snapshot": "targets/",
    "texts": "texts/",
}
"""Roles of files, and where files of each lie."""

_MEDIA_TYPES = {
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".xml": "application/xml",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `size` in bytes, `sha256` in hexadecimal digits, `role` one of ROLES."""

    path: str
    size: int
    sha256: str
    media_type: str
    role: str

    def to_json(self) -> dict[str, Any]:
        """The entry of `files`."""
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "media_type": self.media_type,
            "role": self.role,
        }


def entry(path: str, data: bytes, role: str) -> Entry:
    """The entry of a file."""
    suffix = path[path.rfind(".") :] if "." in path else ""
    return Entry(path, len(data), sha256(data), _MEDIA_TYPES.get(suffix, "application/octet-stream"), role)


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def target_json(number: int, snapshot: Snapshot, assessment: Mapping[str, Any], taken: Sequence[str]) -> dict[str, Any]:
    """What the manifest says of a target (numbered from 1). All is in its snapshot or assessment, but `taken`: the
    results (instances) that rest on hidden values."""
    target, run = assessment["target"], snapshot.run
    return {
        "kind": target["kind"],
        "identity": target["identity"],
        "digest": target["digest"],
        "facts_digest": assessment["facts_digest"],
        "snapshot": f"targets/{number:02}/snapshot.json",
        "assessment": f"targets/{number:02}/assessment.json",
        "collected_at": run.get("collected_at"),
        "clock": run.get("clock"),
        "limits": dict(snapshot.limits),
        "taken": list(taken),
    }


def checksums(entries: Iterable[Entry]) -> bytes:
    """What `sha256sum --check` reads: the files that the manifest names, but for this list itself."""
    return "".join(f"{one.sha256}  {one.path}\n" for one in entries if one.path != CHECKSUMS).encode()


def statement(manifest: bytes) -> bytes:
    """The in-toto statement (attestation framework, spec v1, `statement.md`) about a manifest, as it is signed."""
    document: Mapping[str, Any] = json.loads(manifest)
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": MANIFEST, "digest": {"sha256": sha256(manifest)}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "schema": MANIFEST_SCHEMA,
                "createdAt": document["created_at"],
                "contentDigest": document["content"]["digest"],
                "targets": [
                    {"digest": one["digest"], "factsDigest": one["facts_digest"]} for one in document["targets"]
                ],
            },
        }
    )
