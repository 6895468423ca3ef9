"""What a document does not know of a component, said in so many words.

The CISA minimum elements of 2026 ask that information which the author does not have is marked as unknown ("Explicitly
Identifying Unknown Information"). Their names of the elements (appendix A) are used. What is not known is never filled
in: an installed package is many files, so it has no digest; a file says neither who made it nor under which licence.
"""

from __future__ import annotations

from dataclasses import replace

from scanner.supply_chain.model import Component

__all__ = ["SWHID", "UNKNOWN", "with_unknowns"]

UNKNOWN = "assay:unknown"
"""Property: names of the elements that are not known, between semicolons."""
SWHID = "assay:swhid"
"""Property under which loaders keep the identifier `swh:1:cnt:…` of a file's content (ISO/IEC 18670)."""
_STRONG = frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-512"})


def with_unknowns(one: Component) -> Component:
    """The component with the names of the elements that it lacks."""
    elements = (
        ("Component Producer", bool(one.supplier)),
        ("Component Version", bool(one.version)),
        ("Component Identifiers", one.purl is not None or bool(one.cpes) or SWHID in one.properties),
        ("Component Hash Value", not _STRONG.isdisjoint(one.hashes)),
        ("Component License", bool(one.licenses)),
    )
    lacking = [name for name, known in elements if not known]
    return replace(one, properties={**one.properties, UNKNOWN: "; ".join(lacking)}) if lacking else one
