"""Media types of what is attached to an image, as manifests name them.

Sources: sigstore/cosign `specs/SIGNATURE_SPEC.md` and `specs/BUNDLE_SPEC.md`; in-toto/attestation
`spec/v1/envelope.md`.
"""

from __future__ import annotations

__all__ = ["BOMS", "BUNDLE", "ENVELOPE", "NOTATION", "STATEMENT"]

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
"""How the types of sigstore bundles begin."""
STATEMENT = "application/vnd.in-toto+json"
NOTATION = ("application/jose+json", "application/cose")
BOMS = ("cyclonedx", "spdx")
"""Words in the types of bare SBOMs."""
