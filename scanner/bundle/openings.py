"""Openings: what stays with the vendor and proves, later and one by one, the values that a bundle hides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from scanner.model.canonical import canonical
from scanner.schemas.reading import read_document

__all__ = ["OPENINGS_SCHEMA", "PREFIX", "SALT_BYTES", "Opening", "openings_file", "read_openings"]

PREFIX = "redacted-"
OPENINGS_SCHEMA = "assay/openings/v1"
SALT_BYTES = 32
"""A salt of another length could move bytes between salt and value, and open a digest to another value."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What proves a hidden value: `digest` (hexadecimal) is SHA-256 over salt and value."""

    digest: str
    salt: str
    value: str

    @property
    def token(self) -> str:
        """What stands in the place of the value."""
        return PREFIX + self.digest

    def holds(self) -> bool:
        """Whether salt (of the right length) and value give the digest."""
        try:
            salt = bytes.fromhex(self.salt)
        except ValueError:
            return False
        made = hashlib.sha256(salt + self.value.encode("utf-8", "surrogatepass")).hexdigest()
        return len(salt) == SALT_BYTES and made == self.digest

    def to_json(self) -> dict[str, str]:
        """The entry of `openings`."""
        return {"digest": self.digest, "salt": self.salt, "value": self.value}


def openings_file(openings: Iterable[Opening], manifest: bytes) -> bytes:
    """The file that stays with the vendor: every opening, and the manifest (SHA-256) it belongs to."""
    listed = sorted({one.digest: one for one in openings}.items())
    return canonical(
        {
            "schema": OPENINGS_SCHEMA,
            "manifest": hashlib.sha256(manifest).hexdigest(),
            "openings": [one.to_json() for _, one in listed],
        }
    ) + b"\n"  # fmt: skip


def read_openings(data: bytes, where: str) -> tuple[Opening, ...]:
    """The openings of such a file, or of a part of it. Raises InputError."""
    document = read_document(data, "openings", OPENINGS_SCHEMA, where, "assay bundle create --redact")
    return tuple(Opening(one["digest"], one["salt"], one["value"]) for one in document["openings"])
