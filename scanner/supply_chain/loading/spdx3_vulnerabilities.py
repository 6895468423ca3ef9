"""Vulnerabilities of SPDX 3.0: VEX statements, CVSS assessments, and what a package is said to be associated with.

Source: SPDX 3.0.1 Security profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.loading.spdx3_terms import VEX
from scanner.supply_chain.loading.spdx_values import Words
from scanner.supply_chain.model import Vulnerability

__all__ = ["Vulnerabilities"]

_CVSS = {
    "security_CvssV2VulnAssessmentRelationship": 2,
    "security_CvssV3VulnAssessmentRelationship": 3,
    "security_CvssV4VulnAssessmentRelationship": 4,
}
_SEVERITIES = frozenset({"critical", "high", "medium", "low", "none"})


class Vulnerabilities:
    """The security elements of one document."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._words = Words(drops)
        self._named: dict[str, tuple[str, str]] = {}
        self._vex: list[tuple[str, tuple[str, ...], str, str, str, str]] = []
        self._scores: dict[str, tuple[int, str, str]] = {}
        self._linked: dict[str, dict[str, str]] = {}

    def add(self, name: str, value: Mapping[str, Any], place: str) -> None:
        """A security_Vulnerability; `name`: its id."""
        found = {
            self._words.text(one.get("externalIdentifierType"), "identifier", place): self._words.text(
                one.get("identifier"), "identifier", place
            )
            for one in self._words.objects(value.get("externalIdentifier"), "identifier", place)
        }
        given = self._words.text(value.get("name"), "name", place)
        self._named[name] = found.get("cve") or given or found.get("securityOther") or name, place

    def link(self, component: str, vulnerability: str, place: str) -> None:
        """A component is associated with a vulnerability (hasAssociatedVulnerability): nobody says whether affected."""
        self._linked.setdefault(vulnerability, {}).setdefault(component, place)

    def assess(self, kind: str, source: str, targets: list[str], value: Mapping[str, Any], place: str) -> None:
        """An assessment of the vulnerability `source` for the elements `targets`."""
        if value.get("security_withdrawnTime"):
            self._drops.add("assessment", "is withdrawn", place)
        elif kind in VEX:
            assessed = value.get("security_assessedElement")
            affects = dict.fromkeys(([assessed] if isinstance(assessed, str) else []) + targets)
            why = self._words.text(value.get("security_justificationType"), "justification", place)
            supplier = value.get("suppliedBy")
            self._vex.append(
                (source, tuple(affects), VEX[kind], why, supplier if isinstance(supplier, str) else "", place)
            )
        elif kind in _CVSS:
            self._score(_CVSS[kind], source, value, place)
            for target in targets:
                self.link(target, source, place)
        else:
            self._drops.add("assessment", "is neither VEX nor CVSS", place)

    def _score(self, version: int, source: str, value: Mapping[str, Any], place: str) -> None:
        """The newest version of CVSS counts."""
        score = self._words.text(value.get("security_score"), "score", place)
        severity = self._words.text(value.get("security_severity"), "severity", place).lower()
        if self._scores.get(source, (0, "", ""))[0] < version:
            self._scores[source] = version, score, severity if severity in _SEVERITIES else ""

    def result(self, known: Callable[[str], bool], agent: Callable[[str], str]) -> tuple[Vulnerability, ...]:
        """All statements. `known`: whether an id is a component; `agent`: the name of an agent's id."""
        found: list[Vulnerability] = []
        said: dict[str, set[str]] = {}
        for name, affects, state, why, supplier, place in self._vex:
            said.setdefault(name, set()).update(affects)
            found.append(self._made(name, affects, known, state, why, agent(supplier), place))
        for name, components in self._linked.items():
            left = tuple(one for one in components if one not in said.get(name, ()))
            if left:
                said.setdefault(name, set()).update(left)
                found.append(self._made(name, left, known, place=components[left[0]]))
        found.extend(
            self._made(name, (), known, place=place) for name, (_, place) in self._named.items() if name not in said
        )
        return tuple(found)

    def _made(
        self,
        name: str,
        affects: tuple[str, ...],
        known: Callable[[str], bool],
        state: str = "unknown",
        why: str = "",
        source: str = "",
        place: str = "",
    ) -> Vulnerability:
        there = tuple(one for one in affects if known(one))
        if len(there) != len(affects):
            self._drops.add(
                "affected element", "is no package or file of the document", place, len(affects) - len(there)
            )
        _, score, severity = self._scores.get(name, (0, "", ""))
        identifier = self._named[name][0] if name in self._named else name.rpartition("/")[2]
        return Vulnerability(identifier, there, state, why, severity, score, source, place)
