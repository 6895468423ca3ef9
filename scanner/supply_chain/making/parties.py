"""Who makes a document, and who supplies the system that it describes: facts that no target holds.

Nobody is guessed: without `author` the tool is the only creator that is named, and the document says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanner.model.errors import UsageError

__all__ = ["Parties", "Party", "party"]

_PARTY = re.compile(r"\s*([^<>]*?)\s*(?:<\s*([^<>\s]+)\s*>)?\s*")
_REACH = re.compile(r"[^@\s]+@[^@\s]+|https?://[^\s]+", re.IGNORECASE)
_MOST = 500


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation. `contact`: mail address or URL, empty without one."""

    name: str
    contact: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.contact}>" if self.contact else self.name

    @property
    def mail(self) -> str:
        """The contact, if it is a mail address."""
        return self.contact if "@" in self.contact and "://" not in self.contact else ""


@dataclass(frozen=True, slots=True)
class Parties:
    """`author` of the document and `supplier` of the system; None: nobody said."""

    author: Party | None = None
    supplier: Party | None = None


def party(text: str) -> Party | None:
    """`Example Ltd` or `Example Ltd <sbom@example.com>`, also with a URL; None for an empty text.

    Raises UsageError for anything else.
    """
    if not text:
        return None
    found = _PARTY.fullmatch(text)
    if found is None or not found[1] or len(text) > _MOST or not text.isprintable():
        raise UsageError(f"{text[:80]!r} is not a name", hint="write NAME, or NAME <mail address or URL>")
    contact = found[2] or ""
    if contact and not _REACH.fullmatch(contact):
        raise UsageError(f"{contact[:80]!r} is neither a mail address nor a URL", hint="write NAME <sbom@example.com>")
    return Party(found[1], contact)
