"""Where the SBOM of one side of a comparison came from, and who vouches for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["KINDS", "SIGNATURES", "Origin"]

_LONG = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52,}\b")

KINDS = ("document", "attested", "made")
SIGNATURES = ("verified", "not_verified", "unsigned", "none")


@dataclass(frozen=True, slots=True)
class Origin:
    """`argument`: as the user wrote it; `kind`: document (a file with an SBOM), attested (attached to an image) or made
    (from what is installed there); `why`: how the argument was understood.

    `signature`: verified (by a signer that the user named), not_verified (attached with a signature that nobody
    checked; or the user named signers, and this is nothing that they could have signed), unsigned (attached, and nobody
    signed it), none (nobody asked for a signature here); `image`: digest of the image;
    `signers`: who is proven to have signed; `statement`: digest of what was signed; `place`: where it lies;
    `others`: SBOMs of the same image that were not used; `rule`: how this one was chosen among them.
    """

    argument: str
    kind: str
    why: str
    signature: str = "none"
    image: str = ""
    statement: str = ""
    place: str = ""
    signers: tuple[str, ...] = ()
    others: tuple[Mapping[str, str | int], ...] = ()
    rule: str = ""

    @property
    def says(self) -> str:
        """One sentence for people, with shortened digests."""
        if self.kind == "document":
            return "a document that was handed in"
        image = f"the image {self.image}" if self.image else "the target"
        by = f"signed by {', '.join(self.signers)}"
        if self.kind == "made":
            return _short(f"made from what is in {image}" + (f", {by}" if self.signature == "verified" else ""))
        words = {"verified": by, "not_verified": "its signature was NOT verified", "unsigned": "NOBODY signed it"}
        return _short(f"{self.statement}, attached to {image}; {words[self.signature]}")

    @property
    def warning(self) -> str:
        """What nobody may overlook, or empty."""
        if self.signature in ("verified", "none"):
            return ""
        if self.kind != "attested":
            return "nobody checked who made it: only images and SBOMs attested to them are verified here"
        if self.signature == "unsigned":
            return "the SBOM lies beside the image and nobody signed it: it proves nothing"
        return "the signature of the SBOM was not verified: name who is trusted with --key, or --identity and --issuer"

    def to_json(self) -> dict[str, Any]:
        """As in the published schemas."""
        return {
            "argument": self.argument,
            "kind": self.kind,
            "why": self.why,
            "signature": self.signature,
            "image": self.image,
            "statement": self.statement,
            "place": self.place,
            "signers": list(self.signers),
            "others": [dict(one) for one in self.others],
            "rule": self.rule,
            "says": self.says,
            "warning": self.warning,
        }


def _short(text: str) -> str:
    return _LONG.sub(r"\1…", text)
