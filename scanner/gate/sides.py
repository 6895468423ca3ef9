"""What is compared: of each assessed target its results and controls, as small records. A recorded baseline gives the
same records as a whole assessment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.frameworks.answers import VERDICTS
from scanner.model.canonical import digest
from scanner.model.control import FITS
from scanner.model.errors import InputError
from scanner.model.records import dataclass
from scanner.model.result import CONTROL_STATUSES, STATUSES
from scanner.model.rule import SEVERITIES

__all__ = ["Control", "Record", "Side", "roles", "side_of"]


@dataclass(frozen=True, slots=True)
class Record:
    """One rule instance on one target.

    `rule_digest`: of what decides the rule, empty where it is not known; `controls`: those it serves, as
    `framework:id`; `places`: evidence as `path:line`.
    """

    instance: str
    rule: str
    title: str
    status: str
    half: str
    severity: str
    params: Mapping[str, Any]
    rule_digest: str
    expected: str
    found: str
    places: tuple[str, ...]
    upstream: tuple[str, ...]
    facts: tuple[str, ...]
    controls: tuple[str, ...]
    waiver: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """One control rolled up. `answered`: whether a person's answer to it holds; None when nobody answered. `verdict`:
    what the answer says (`met`, `not_met`, `not_applicable`); empty where it is not known."""

    framework: str
    id: str
    title: str
    status: str
    coverage: str
    results: tuple[str, ...]
    answered: bool | None = None
    verdict: str = ""

    @property
    def name(self) -> str:
        """`framework:id`."""
        return f"{self.framework}:{self.id}"

    @property
    def holding(self) -> str:
        """What the answer says that holds; empty without one. An older baseline tells no verdict: then `met`, of which
        most can be lost."""
        return (self.verdict or "met") if self.answered else ""


@dataclass(frozen=True, slots=True)
class Side:
    """One assessed target.

    `assessment`: digest of the assessment; `fits`: of profiles and frameworks; `collected`: instant of the evidence,
    empty where it is not known; `asked`: facts that its rules ask for; `unread`: those that were not read, and why.
    """

    kind: str
    identity: Mapping[str, Any]
    target_digest: str
    assessment: str
    facts_digest: str
    content_digest: str
    tool: str
    evaluated_at: str
    collected: str
    profiles: tuple[str, ...]
    fits: Mapping[str, str]
    complete: bool
    reasons: tuple[str, ...]
    records: tuple[Record, ...]
    controls: tuple[Control, ...]
    asked: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, names in (
            ("result", [one.instance for one in self.records]),
            ("control", [one.name for one in self.controls]),
        ):
            if len(set(names)) < len(names):
                # Of two, the later one would hide the other.
                twice = next(name for name in names if names.count(name) > 1)
                raise InputError(f"the {what} {twice[:80]} stands there twice", hint="use the file as it was written")

    @property
    def name(self) -> str:
        """What the target calls itself: host name or system with version."""
        host = str(self.identity.get("host_name") or "")
        if host and not host.startswith("localhost"):
            return host
        words = [self.identity.get("os_name") or self.identity.get("os_id"), self.identity.get("image_version")]
        return " ".join(str(word) for word in words if word) or f"{self.kind or 'target'} without a name"


def side_of(assessment: Mapping[str, Any], collected: str = "") -> Side:
    """The side of an assessment (its checked JSON). A word that is not ours is read as the worse: `unknown`, `high`."""
    target = assessment["target"]
    serves: dict[str, list[str]] = {}
    for control in assessment["controls"]:
        for instance in control["results"]:
            serves.setdefault(instance, []).append(f"{control['framework']}:{control['id']}")
    rules = assessment["rules"]
    fits = {f"profile {one['id']}": _fit(one["fit"]) for one in assessment["profiles"]}
    fits |= {f"framework {name}": _fit(one["fit"]) for name, one in assessment["summary"].items()}
    return Side(
        kind=str(target["kind"]),
        identity=target["identity"] or {},
        target_digest=target["digest"] or "",
        assessment=digest(assessment),
        facts_digest=assessment["facts_digest"],
        content_digest=assessment["content_digest"],
        tool=str(assessment["tool"].get("version", "")),
        evaluated_at=assessment["evaluated_at"],
        collected=collected,
        profiles=tuple(one["id"] for one in assessment["profiles"]),
        fits=fits,
        complete=assessment["completeness"]["complete"],
        reasons=tuple(assessment["completeness"]["reasons"]),
        records=tuple(
            _record(raw, rules.get(raw["rule"], {}), serves.get(raw["instance"], ())) for raw in assessment["results"]
        ),
        controls=tuple(_control(raw) for raw in assessment["controls"]),
        asked=tuple(sorted({fact for raw in assessment["results"] for fact in raw["facts"]})),
        unread={
            one["fact"]: f"{one['state'].replace('_', ' ')}: {one['reason']}"
            for one in assessment["unread"]
            if one["state"] in ("error", "not_collected") and one["rules"]
        },
    )


def _fit(word: Any) -> str:
    return word if word in FITS else "foreign"


def _record(raw: Mapping[str, Any], rule: Mapping[str, Any], serves: Sequence[str]) -> Record:
    return Record(
        instance=raw["instance"],
        rule=raw["rule"],
        title=raw["title"],
        status=raw["status"] if raw["status"] in STATUSES else "unknown",
        half=raw["half"] or "",
        severity=raw["severity"] if raw["severity"] in SEVERITIES else "high",
        params=raw["params"],
        rule_digest=rule.get("digest", ""),
        expected=raw["expected"],
        found=raw["found"],
        places=tuple(_place(one) for one in raw["evidence"][:5]),
        upstream=tuple(raw["upstream"]),
        facts=tuple(raw["facts"]),
        controls=tuple(serves),
        waiver=raw["waiver"],
    )


def _place(raw: Mapping[str, Any]) -> str:
    return f"{raw['source']}:{raw['line']}" if "line" in raw else str(raw["source"])


def _control(raw: Mapping[str, Any]) -> Control:
    answered = raw["answered"]
    return Control(
        framework=raw["framework"],
        id=raw["id"],
        title=raw["title"],
        status=raw["status"] if raw["status"] in CONTROL_STATUSES else "unknown",
        coverage=raw["coverage"],
        results=tuple(raw["results"]),
        answered=None if answered is None else bool(answered["holds"]),
        verdict="" if answered is None else _verdict(answered["verdict"]),
    )


def _verdict(word: Any) -> str:
    return word if word in VERDICTS else "not_met"


def roles(sides: Sequence[Side]) -> dict[str, Side]:
    """The sides by role. A target that stands alone has the role `target`; of several, each is called by its system,
    variant, architecture and kind, so that it finds its counterpart in another release; then by its host name."""
    if len(sides) == 1:
        return {"target": sides[0]}
    found: dict[str, Side] = {}
    for side in sides:
        keys = ("os_id", "variant_id", "arch")
        words = [*(str(side.identity[key]) for key in keys if side.identity.get(key)), side.kind]
        role = "/".join(words)
        if role in found:
            role = f"{role}/{side.identity.get('host_name') or ''}"
        name, number = role, 1
        while name in found:
            number += 1
            name = f"{role} {number}"
        found[name] = side
    return found
