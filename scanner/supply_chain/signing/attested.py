"""The bills of materials that an image was attested with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner.supply_chain.signing.intoto import TYPES, is_type
from scanner.supply_chain.signing.result import Verification

if TYPE_CHECKING:
    from scanner.supply_chain.model import Bom

__all__ = ["attested_boms"]


def attested_boms(found: Verification) -> list[Bom]:
    """The SBOMs among the attestations that a verdict rests on, each once. Raises InputError for an unreadable one."""
    from scanner.supply_chain.loading import from_predicate

    boms = {
        one.statement: from_predicate(one.predicate_type, one.predicate, one.place)
        for one in found.attested()
        if is_type(one.predicate_type, TYPES["sbom"])
    }
    return list(boms.values())
