"""How much a change matters: rules in YAML (`schema: sbom-policy/v1`), the first that fits decides.

    schema: sbom-policy/v1
    id: my-company
    licenses: {LicenseRef-Acme: proprietary}       # classes of licences, by identifier; optional
    default: low                                    # for a change that no rule fits
    rules:
      - id: new-agpl
        kinds: [component_added, license_changed]   # result.KINDS
        when: {license_class: [network_copyleft], name: ["*-server"]}
        materiality: critical
        says: "{name} is under a network copyleft licence."

Every condition of `when` must hold; of a list one value must fit. A fact that a change does not have is `unstated`.
`name`, `identity`, `target` and `supplier` are patterns (`*`, `?`) without regard to case; `points_at_least` is
a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import Any

from scanner import files
from scanner.engine import yaml_text
from scanner.model.canonical import digest
from scanner.model.errors import ContentError
from scanner.supply_chain.comparing.result import KINDS, LEVELS, Change
from scanner.supply_chain.licenses import CLASSES
from scanner.supply_chain.versions import STEPS
from scanner.supply_chain.vex.applying import APPLIED_BY
from scanner.supply_chain.vex.model import STATES

__all__ = ["FACTS", "POLICY_SCHEMA", "Policy", "load_policy", "shipped_policy"]

POLICY_SCHEMA = "sbom-policy/v1"
UNSTATED = "unstated"

FACTS: Mapping[str, tuple[str, ...]] = {
    "agreement": ("partial",),
    "applied_by": tuple(APPLIED_BY),
    "component": ("same", "other_version", "added", "removed", "unlisted"),
    "ecosystem": (),
    "field": (),
    "license_class": CLASSES,
    "license_class_before": CLASSES,
    "license_move": ("stricter", "looser", "same", "to_unknown", "from_unknown"),
    "loss": ("lost", "gained"),
    "order": ("same", "none"),
    "reach": ("subject", "direct", "transitive", "unknown"),
    "relation": (),
    "same_content": ("yes",),
    "scope": ("required", "optional", "excluded"),
    "scope_before": ("required", "optional", "excluded"),
    "severity": ("critical", "high", "medium", "low", "none"),
    "state": STATES,
    "state_before": STATES,
    "step": STEPS,
    "support": ("sooner", "later"),
    "type": (),
}
"""What a rule can ask of a change, and the words there are; none listed: any text."""

PATTERNS = ("name", "identity", "target", "supplier")
_WORDS = ("name", "identity", "before", "after", "vulnerability", "target", "points", *FACTS)
_HOLE = re.compile(r"\{([a-z_]*)\}")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    materiality: str
    says: str
    facts: tuple[tuple[str, frozenset[str]], ...]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    points: int


class Policy:
    """A policy that was read and found in order. `id`, `digest` (of its meaning), `classes`: of licences, by id."""

    def __init__(self, id_: str, meaning: Mapping[str, Any], classes: Mapping[str, str], default: str) -> None:
        self.id = id_
        self.digest = digest(dict(meaning))
        self.classes = classes
        self._default = default
        self._rules: dict[str, list[_Rule]] = {kind: [] for kind in KINDS}

    def add(self, kinds: Sequence[str], rule: _Rule) -> None:
        """A further rule, after those there are."""
        for kind in kinds:
            self._rules[kind].append(rule)

    def judge(self, change: Change) -> Change:
        """The change with its materiality, the reason and the id of the rule."""
        for rule in self._rules[change.kind]:
            if _fits(rule, change):
                reason = _HOLE.sub(lambda hole: _word(change, hole[1]), rule.says)
                return replace(change, materiality=rule.materiality, reason=reason, rule=rule.id)
        return replace(change, materiality=self._default, reason=f"No rule of the policy fits: {KINDS[change.kind]}.")


def _fits(rule: _Rule, change: Change) -> bool:
    facts = change.facts
    return (
        all((facts.get(name) or UNSTATED) in values for name, values in rule.facts)
        and all(pattern.fullmatch(_word(change, name)[:1000]) for name, pattern in rule.patterns)
        and (not rule.points or int(facts.get("points", "0")) >= rule.points)
    )


def _word(change: Change, name: str) -> str:
    if name in ("name", "identity", "before", "after"):
        return str(getattr(change, name))
    return change.facts.get(name, "")


@cache
def shipped_policy() -> Policy:
    """The policy that comes with the product."""
    path = Path(__file__).parents[1] / "data" / "materiality.yaml"
    return load_policy(files.read_bytes(path), path.name)


def load_policy(data: bytes, where: str) -> Policy:
    """Read and check a policy. Raises ContentError with `where`:line."""
    document = yaml_text.load(data, where)
    check = _Check(data, where)
    top = check.mapping(document, (), {"schema", "id", "rules"}, {"title", "licenses", "default"})
    if top["schema"] != POLICY_SCHEMA:
        check.fail(f"the schema is {POLICY_SCHEMA}, not {top['schema']!r}", ("schema",))
    id_ = check.identifier(top["id"], ("id",))
    check.text(top.get("title", ""), ("title",))
    default = check.one_of(top.get("default", "low"), LEVELS, ("default",))
    classes = check.mapping(top.get("licenses", {}), ("licenses",), set(), None)
    for name, value in classes.items():
        check.one_of(value, CLASSES, ("licenses", name))
    policy = Policy(id_, top, classes, default)
    seen: set[str] = set()
    for number, given in enumerate(check.listed(top["rules"], ("rules",))):
        place = ("rules", number)
        kinds, rule = _rule(given, place, check)
        if rule.id in seen:
            check.fail(f"the rule {rule.id} stands twice", (*place, "id"))
        seen.add(rule.id)
        policy.add(kinds, rule)
    return policy


def _rule(given: Any, place: tuple[str | int, ...], check: _Check) -> tuple[Sequence[str], _Rule]:
    body = check.mapping(given, place, {"id", "kinds", "materiality", "says"}, {"when"})
    kinds = [check.one_of(kind, KINDS, (*place, "kinds")) for kind in check.listed(body["kinds"], (*place, "kinds"))]
    says = check.text(body["says"], (*place, "says"))
    for hole in _HOLE.findall(says):
        if hole not in _WORDS:
            check.fail(f"{{{hole}}} is nothing a sentence can name; known: {', '.join(_WORDS)}", (*place, "says"))
    when = check.mapping(body.get("when", {}), (*place, "when"), set(), {*FACTS, *PATTERNS, "points_at_least"})
    facts, patterns, points = [], [], 0
    for name, value in when.items():
        inside = (*place, "when", name)
        if name == "points_at_least":
            points = check.number(value, inside)
            continue
        texts = [check.text(one, inside) for one in check.listed(value, inside)]
        if name in PATTERNS:
            joined = "|".join(f"(?:{translate(text)})" for text in texts)
            patterns.append((name, re.compile(joined, re.IGNORECASE)))
            continue
        for text in texts if FACTS[name] else ():
            check.one_of(text, (*FACTS[name], UNSTATED), inside)
        facts.append((name, frozenset(texts)))
    return kinds, _Rule(
        check.identifier(body["id"], (*place, "id")),
        check.one_of(body["materiality"], LEVELS, (*place, "materiality")),
        says,
        tuple(facts),
        tuple(patterns),
        points,
    )


class _Check:
    """Looks at values of a policy; what is wrong is said with file and line."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._where = where

    def fail(self, message: str, place: tuple[str | int, ...]) -> None:
        """Raise the error."""
        raise ContentError(message, where=f"{self._where}:{yaml_text.place(self._data, place)}")

    def mapping(
        self, value: Any, place: tuple[str | int, ...], required: set[str], optional: set[str] | None
    ) -> dict[str, Any]:
        """A mapping with these keys; `optional` None allows any."""
        if not isinstance(value, dict):
            self.fail(f"{self._named(place)} is a mapping", place)
        assert isinstance(value, dict)
        for key in required - value.keys():
            self.fail(f"{self._named(place)} lacks the key {key}", place)
        for key in value if optional is not None else ():
            if key not in required and optional is not None and key not in optional:
                known = ", ".join(sorted(required | optional))
                self.fail(f"{self._named(place)} has no key {key!r}; known: {known}", (*place, key))
        return value

    def listed(self, value: Any, place: tuple[str | int, ...]) -> list[Any]:
        """A list that is not empty."""
        if not isinstance(value, list) or not value:
            self.fail(f"{self._named(place)} is a list with something in it", place)
        return list(value)

    def text(self, value: Any, place: tuple[str | int, ...]) -> str:
        """A text."""
        if not isinstance(value, str):
            self.fail(f"{self._named(place)} is a text, not {value!r}", place)
        return str(value)

    def number(self, value: Any, place: tuple[str | int, ...]) -> int:
        """A whole number from 1 to 100."""
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100:
            self.fail(f"{self._named(place)} is a number from 1 to 100", place)
        return int(value)

    def one_of(self, value: Any, known: Sequence[str] | Mapping[str, str], place: tuple[str | int, ...]) -> str:
        """One of the words."""
        if not isinstance(value, str) or value not in known:
            self.fail(f"{self._named(place)} knows no {value!r}; known: {', '.join(known)}", place)
        return str(value)

    def identifier(self, value: Any, place: tuple[str | int, ...]) -> str:
        """A short name."""
        if not isinstance(value, str) or not _ID.fullmatch(value):
            self.fail(f"{self._named(place)} is words of lower-case letters and digits joined by hyphens", place)
        return str(value)

    def _named(self, place: tuple[str | int, ...]) -> str:
        return ".".join(str(step) for step in place) or "the policy"
