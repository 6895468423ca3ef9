"""OpenVEX documents. Source: OpenVEX specification 0.2.0 (and 0.0.1, where products and vulnerabilities are texts)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.model import Vulnerability
from scanner.supply_chain.vex.model import STATES, Statement

__all__ = ["read"]


def read(top: dict[str, Any], where: str, drops: Drops) -> tuple[list[Statement], str, str]:
    """Statements, author and time of issue."""
    author = _text(top.get("author"))
    issued = _text(top.get("last_updated")) or _text(top.get("timestamp"))
    listed = top.get("statements")
    if not isinstance(listed, list):
        drops.add("statements", "there is no list of statements", "/statements")
        return [], author, issued
    found = [
        statement
        for number, one in enumerate(listed)
        for statement in _statement(one, author or where, f"/statements/{number}", drops)
    ]
    return found, author, issued


def _statement(given: Any, source: str, place: str, drops: Drops) -> Iterator[Statement]:
    if not isinstance(given, dict):
        drops.add("statement", "is no object", place)
        return
    flaw = given.get("vulnerability")
    name = _text(flaw.get("name")) or _text(flaw.get("@id")) if isinstance(flaw, dict) else _text(flaw)
    state = _text(given.get("status"))
    if not name or state not in STATES:
        drops.add("statement", "names no vulnerability" if not name else "has no status of OpenVEX", place)
        return
    justification = _text(given.get("justification")) or _text(given.get("impact_statement"))
    products = given.get("products")
    if not isinstance(products, list) or not products:
        # The product may be meant to come from what encloses the document: nothing says it is this one.
        drops.add("statement", "names no product", place)
        return
    for product in products:
        names = _names(product)
        if not names:
            drops.add("product", "has no identifier", place)
            continue
        inner = product.get("subcomponents") if isinstance(product, dict) else None
        parts = tuple(name for part in inner for name in _names(part)) if isinstance(inner, list) else ()
        if inner and not parts:
            drops.add("subcomponents", "have no identifier", place)
            continue
        flaw_said = Vulnerability(name, parts or names, state, justification, source=source, place=place)
        yield Statement(flaw_said, names if parts else ())


def _names(given: Any) -> tuple[str, ...]:
    """The identifiers of a product or component: its package URL before a CPE name before its IRI."""
    if isinstance(given, str):
        return (given,) if given else ()
    if not isinstance(given, dict):
        return ()
    identifiers = given.get("identifiers")
    named = identifiers if isinstance(identifiers, dict) else {}
    purl, iri = _text(named.get("purl")), _text(given.get("@id"))
    cpe = "" if iri.startswith("pkg:") else _text(named.get("cpe23")) or _text(named.get("cpe22"))
    hashes = given.get("hashes")
    digests = hashes.values() if isinstance(hashes, dict) else ()
    found = (purl or cpe or iri, *(f"hash:{_text(one).lower()}" for one in digests if _text(one)))
    return tuple(name for name in found if name)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
