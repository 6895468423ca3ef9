"""The verdict on a bundle: one entry for each link that was checked, and what the bundle says once all of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BUNDLE_VERIFY_SCHEMA", "LINKS", "LINK_STATES", "Link", "Verified"]

BUNDLE_VERIFY_SCHEMA = "assay/bundle-verify/v1"
LINKS = (
    *("signature", "timestamp", "manifest", "files", "schemas", "chain"),
    *("content", "judgement", "reports", "openings"),
)
"""In the order in which they are checked."""

LINK_STATES = ("ok", "failed", "not_checked")

_SHOWN = ("tool", "created_at", "clock", "chain", "previous", "redaction", "targets")


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that was checked. `state`: a word of LINK_STATES; `detail`: what it rests on, or why not."""

    link: str
    state: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """The entry of `links`."""
        return {"link": self.link, "state": self.state, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict. What the bundle says (`manifest`, `summaries`) is shown only when every link holds; `content` is how
    the packed rules differ from the released ones, known once the signature holds."""

    links: tuple[Link, ...]
    manifest: Mapping[str, Any] | None = None
    content: Mapping[str, Any] | None = None
    summaries: tuple[Mapping[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no link failed."""
        return all(one.state != "failed" for one in self.links)

    def to_json(self) -> dict[str, Any]:
        """As in `assay/bundle-verify/v1`."""
        manifest = self.manifest if self.ok else None
        return {
            "schema": BUNDLE_VERIFY_SCHEMA,
            "decision": "verified" if self.ok else "failed",
            "links": [one.to_json() for one in self.links],
            "content": dict(self.content) if self.content else None,
            "manifest": None if manifest is None else {key: manifest[key] for key in _SHOWN},
            "assessments": [dict(one) for one in self.summaries] if self.ok else [],
        }
