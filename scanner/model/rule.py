"""A rule as loaded from its YAML: prose, check, mappings and its own cases. The check is kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from scanner.model.records import dataclass

__all__ = ["PARAM_TYPES", "SEVERITIES", "Param", "Remediation", "Rule", "RuleCase"]

SEVERITIES = ("critical", "high", "medium", "low", "info")
PARAM_TYPES = ("text", "number", "flag", "list")


@dataclass(frozen=True, slots=True)
class Param:
    """A value that an organisation or a framework may choose.

    `alias`: the names public rules use for it. `public`: for a public rule that has no name for it, the value built in.
    """

    name: str
    type: str
    default: Any
    about: str
    alias: tuple[str, ...] = ()
    public: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do about a failure. `disruption`: none, restart, reboot or reinstall."""

    summary: str
    commands: tuple[str, ...] = ()
    disruption: str = "none"


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One of a rule's own tests: facts in, status out."""

    name: str
    expect: str
    facts: Mapping[str, Any]
    target: str = "live"
    params: Mapping[str, Any] = field(default_factory=dict)
    facets: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `source` is where it was loaded from (relative path), for messages."""

    id: str
    title: str
    severity: str
    rationale: str
    check: Mapping[str, Any]
    when: Mapping[str, Any] | None = None
    platforms: tuple[str, ...] = ("linux",)
    targets: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    mappings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    remediation: Remediation = Remediation("")
    references: tuple[str, ...] = ()
    claim_notes: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[RuleCase, ...] = ()
    area: str = ""
    source: str = ""
