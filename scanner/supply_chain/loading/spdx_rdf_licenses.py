"""Licences in SPDX RDF: nodes for sets, exceptions and single licences, written as expressions.

Source: SPDX 2.3 annex C (AnyLicenseInfo and its kinds).
"""

from __future__ import annotations

from collections.abc import Mapping

from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.loading.rdf_graph import TYPE, Node, Resource

__all__ = ["LICENSE_MEMBERS", "Expressions", "said_nothing"]

LICENSE_MEMBERS = frozenset(
    {"dataLicense", "licenseConcluded", "licenseDeclared", "licenseInfoFromFiles", "licenseInfoInFiles"}
)
"""Members of packages, files and documents whose value is a licence."""

_TERMS = "http://spdx.org/rdf/terms#"
_SETS = {"ConjunctiveLicenseSet": " AND ", "DisjunctiveLicenseSet": " OR "}
MAX_DEPTH = 50
MAX_EXPRESSION = 10_000
"""Characters; sets that share members could else describe expressions without end."""


def said_nothing(name: str) -> str:
    """NOASSERTION or NONE for the nodes that stand for them; empty for others."""
    return {f"{_TERMS}noassertion": "NOASSERTION", f"{_TERMS}none": "NONE"}.get(name, "")


class Expressions:
    """Writes the licence nodes of one graph."""

    def __init__(self, nodes: Mapping[str, Node], drops: Drops) -> None:
        self._nodes = nodes
        self._drops = drops
        self._known: dict[str, str | None] = {}

    def text(self, value: str) -> str:
        """The expression of a licence node, or the literal that stands instead of one."""
        if not isinstance(value, Resource):
            return value
        written = self._written(value, 0)
        if written is None:
            self._drops.add("licence", "is nested too deeply, in a circle, or too long", value[-100:])
            return ""
        return written

    def _written(self, name: str, depth: int) -> str | None:
        """The expression, in parentheses when it is a set inside a set; None beyond the limits."""
        if name in self._known:
            return self._known[name]
        self._known[name] = None  # as long as it is open, and for good when it fails: every node is walked once
        if depth > MAX_DEPTH:
            return None
        node = self._nodes.get(name)
        made = self._of_node(name, node, depth) if node is not None else said_nothing(name) or _tail(name)
        if made is None or len(made) > MAX_EXPRESSION:
            return None
        self._known[name] = made
        return made

    def _of_node(self, name: str, node: Node, depth: int) -> str | None:
        kinds = {value.removeprefix(_TERMS) for value in node.values.get(TYPE, ())}
        members = [self._written(value, depth + 1) for value in node.values.get(f"{_TERMS}member", ())]
        if any(member is None for member in members):
            return None
        inner = [f"({member})" if " " in member else member for member in members if member]
        for kind, word in _SETS.items():
            if kind in kinds:
                return word.join(sorted(inner))
        if "OrLaterOperator" in kinds and inner:
            return f"{inner[0]}+"
        if "WithExceptionOperator" in kinds and inner:
            exceptions = node.values.get(f"{_TERMS}licenseException", [])
            return f"{inner[0]} WITH {self._id(exceptions[0], 'licenseExceptionId')}" if exceptions else inner[0]
        return said_nothing(name) or self._id(name, "licenseId")

    def _id(self, name: str, predicate: str) -> str:
        node = self._nodes.get(name)
        stated = node.values.get(_TERMS + predicate) if node is not None else None
        return stated[0].strip() if stated else _tail(name)


def _tail(name: str) -> str:
    """The last part of an IRI: `http://spdx.org/licenses/MIT` is MIT."""
    return name.rpartition("#")[2].rpartition("/")[2]
