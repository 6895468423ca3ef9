"""CSAF documents.

Source: OASIS CSAF 2.0, sections 3.2.2 (product tree), 3.2.3 (vulnerabilities) and 4.5 (VEX profile).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.model import Vulnerability
from scanner.supply_chain.vex.model import Named, Statement

__all__ = ["read"]

_STATES: Mapping[str, str] = {
    "known_affected": "affected",
    "first_affected": "affected",
    "last_affected": "affected",
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "under_investigation": "under_investigation",
}
MAX_DEPTH = 100
"""Levels of branches of a product tree."""


@dataclass(frozen=True, slots=True)
class _Product:
    """What a product id stands for: its names, those of what it is part of, and what its branches call it."""

    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()


def read(top: dict[str, Any], where: str, drops: Drops) -> tuple[list[Statement], str, str]:
    """Statements, publisher and date of the current release."""
    document = _object(top.get("document"))
    author = _text(_object(document.get("publisher")).get("name"))
    issued = _text(_object(document.get("tracking")).get("current_release_date"))
    products = _products(_object(top.get("product_tree")), drops)
    found: list[Statement] = []
    for number, flaw in enumerate(_list(top.get("vulnerabilities"))):
        place = f"/vulnerabilities/{number}"
        found += _flaw(_object(flaw), products, author or where, place, drops)
    return found, author, issued


def _products(tree: Mapping[str, Any], drops: Drops) -> dict[str, _Product]:
    found: dict[str, _Product] = {}
    waiting: list[tuple[Any, int, Mapping[str, str]]] = [(one, 0, {}) for one in _list(tree.get("branches"))]
    listed: list[tuple[Any, Mapping[str, str]]] = [(one, {}) for one in _list(tree.get("full_product_names"))]
    while waiting:
        branch, depth, above = waiting.pop()
        if depth > MAX_DEPTH:
            drops.add("branch", "the product tree is too deep")
            continue
        branch = _object(branch)
        below = {**above, _text(branch.get("category")): _text(branch.get("name"))}
        if "product" in branch:
            listed.append((branch["product"], below))
        waiting += [(one, depth + 1, below) for one in _list(branch.get("branches"))]
    for one, path in listed:
        product = _object(one)
        known = _names(product, named=False)
        named = () if known else _named(path)
        found[_text(product.get("product_id"))] = _Product(known or _names(product), named=named)
    _relate(_list(tree.get("relationships")), found, drops)
    return found


def _relate(relationships: list[Any], found: dict[str, _Product], drops: Drops) -> None:
    """Products that are a component of, installed on, or with another one. They may rest on each other in any order."""
    waiting = [_object(one) for one in relationships]
    while waiting:
        later = []
        for one in waiting:
            part = found.get(_text(one.get("product_reference")))
            whole = found.get(_text(one.get("relates_to_product_reference")))
            if part is None or whole is None:
                later.append(one)
                continue
            made = _object(one.get("full_product_name"))
            own = _names(made, named=False)
            inside, named = part.inside or whole.names, () if own else part.named
            found[_text(made.get("product_id"))] = _Product(own or part.names, inside, named)
        if len(later) == len(waiting):
            drops.add("relationship", "names a product that is not in the tree", count=len(later))
            return
        waiting = later


def _names(product: Mapping[str, Any], *, named: bool = True) -> tuple[str, ...]:
    """Package URL and hashes, else the CPE name: it says less, and must not hold where they do not. Else, when `named`,
    the text that names the product."""
    helper = _object(product.get("product_identification_helper"))
    hashes = [
        f"hash:{_text(_object(one).get('value')).lower()}"
        for group in _list(helper.get("hashes"))
        for one in _list(_object(group).get("file_hashes"))
    ]
    purl = _text(helper.get("purl"))
    found = (purl, *hashes) if purl or hashes else (_text(helper.get("cpe")),)
    known = tuple(name for name in found if name and name != "hash:")
    return known or ((_text(product.get("name")),) if named and _text(product.get("name")) else ())


def _named(path: Mapping[str, str]) -> tuple[Named, ...]:
    """The product that branches name one after the other: vendor, product, version."""
    name, version = path.get("product_name", ""), path.get("product_version", "")
    return (Named(name, version, path.get("vendor", "")),) if name and version else ()


def _flaw(
    flaw: Mapping[str, Any], products: Mapping[str, _Product], source: str, place: str, drops: Drops
) -> Iterator[Statement]:
    name = _text(flaw.get("cve")) or next(
        (_text(_object(one).get("text")) for one in _list(flaw.get("ids")) if _text(_object(one).get("text"))), ""
    )
    if not name:
        drops.add("vulnerability", "has no id", place)
        return
    flags = _flags(_list(flaw.get("flags")))
    scores = _scores(_list(flaw.get("scores")))
    statuses = _object(flaw.get("product_status"))
    for word, state in _STATES.items():
        for product_id in _list(statuses.get(word)):
            product = products.get(_text(product_id))
            if product is None or not product.names:
                drops.add("product", "is not in the product tree", f"{place}/product_status/{word}")
                continue
            severity, score = scores.get(_text(product_id), ("", ""))
            justification = flags.get(_text(product_id), "") if state == "not_affected" else ""
            yield Statement(
                Vulnerability(name, product.names, state, justification, severity, score, source, place),
                product.inside,
                product.named,
            )


def _flags(given: list[Any]) -> dict[str, str]:
    """Justification by product id."""
    return {
        _text(one): _text(_object(flag).get("label"))
        for flag in given
        for one in _list(_object(flag).get("product_ids"))
    }


def _scores(given: list[Any]) -> dict[str, tuple[str, str]]:
    """Severity and base score by product id."""
    found: dict[str, tuple[str, str]] = {}
    for entry in given:
        score = _object(entry)
        cvss = _object(score.get("cvss_v3")) or _object(score.get("cvss_v4")) or _object(score.get("cvss_v2"))
        value = cvss.get("baseScore")
        told = _text(cvss.get("baseSeverity")).lower(), "" if value is None else str(value)[:10]
        found.update({_text(one): told for one in _list(score.get("products"))})
    return found


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
