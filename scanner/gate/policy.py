"""The gate's policy: what fails a release, what only warns, and which limits hold beside the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.engine import yaml_text
from scanner.gate.classes import CLASSES, DEFAULT_ACTIONS
from scanner.model.canonical import digest
from scanner.model.errors import ContentError
from scanner.model.records import dataclass
from scanner.model.result import CONTROL_STATUSES, STATUSES
from scanner.model.rule import SEVERITIES
from scanner.supply_chain.comparing.result import LEVELS

__all__ = ["POLICY_SCHEMA", "Policy", "SupplyChain", "Waiving", "load_policy", "template"]

POLICY_SCHEMA = "gate-policy/v1"
_ON = {"fail_on": "fail", "incomplete_on": "incomplete", "warn_on": "warn"}
_MAX_LIMIT = 1_000_000
_CHOOSABLE = tuple(name for name in CLASSES if name != "unchanged")


@dataclass(frozen=True, slots=True)
class Waiving:
    """What is wanted of waivers.

    `max_results`: more results than that under one waiver is overbroad; `max_days`: longest time from today to the
    expiry; `approver`: whether each needs one; `overbroad`, `unused`: fail, warn or note.
    """

    max_results: int = 10
    max_days: int = 366
    approver: bool = False
    overbroad: str = "warn"
    unused: str = "warn"


@dataclass(frozen=True, slots=True)
class SupplyChain:
    """What is wanted of the supply chain. `materiality`: the most serious level that an SBOM diff may have; empty: any.
    The others: whether a document that says so is required."""

    materiality: str = ""
    sbom_diff: bool = False
    sbom_check: bool = False
    sbom_truth: bool = False
    signatures: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, checked.

    `actions`: class -> what is done about it; `floors`: class -> the mildest severity for which that holds (milder ones
    warn); `by_…`: limits, the highest number that is allowed; `max_age` in days, None: any.
    """

    where: str = "the built-in policy"
    digest: str = ""
    actions: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_ACTIONS))
    floors: Mapping[str, str] = field(default_factory=dict)
    by_severity: Mapping[str, int] = field(default_factory=dict)
    by_status: Mapping[str, int] = field(default_factory=dict)
    by_class: Mapping[str, int] = field(default_factory=dict)
    by_framework: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    max_age: int | None = None
    complete: bool = True
    waivers: Waiving = Waiving()
    supply_chain: SupplyChain = SupplyChain()

    def action(self, klass: str, severity: str) -> str:
        """What is done about a difference of this class and severity."""
        floor = self.floors.get(klass)
        wanted = self.actions[klass]
        if floor is not None and wanted in ("fail", "incomplete") and _rank(severity) > _rank(floor):
            return "warn"
        return wanted


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


class _Reader:
    """The document with its file, so that every mistake is named with its line."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where

    def wrong(self, message: str, *path: str | int, hint: str = "") -> ContentError:
        line = yaml_text.place(self.data, path)
        return ContentError(message, where=f"{self.where}:{line}", hint=hint or "assay gate init shows every key")

    def mapping(self, raw: Any, keys: Sequence[str], *path: str) -> Mapping[str, Any]:
        """A mapping with no other keys than these; nothing is an empty one."""
        name = path[-1] if path else "a policy"
        if raw is None and path:
            return {}
        if not isinstance(raw, dict):
            raise self.wrong(f"`{name}` is a mapping", *path)
        for key in raw:
            if key not in keys:
                raise self.wrong(f"`{key}` is no key of {name}", *path, key, hint=f"known: {', '.join(keys)}")
        return raw

    def limits(self, raw: Any, keys: Sequence[str], *path: str) -> dict[str, int]:
        given = self.mapping(raw, keys, *path)
        return {key: self.whole(value, *path, key) for key, value in given.items()}

    def whole(self, value: Any, *path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_LIMIT:
            raise self.wrong(f"`{path[-1]}` is a whole number from 0 to {_MAX_LIMIT}, not {value!r}", *path)
        return value

    def flag(self, value: Any, *path: str) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(f"`{path[-1]}` is true or false, not {value!r}", *path)
        return value

    def choice(self, value: Any, words: Sequence[str], *path: str) -> str:
        if value not in words:
            raise self.wrong(f"`{path[-1]}` is one of {', '.join(words)}, not {value!r}", *path)
        return str(value)


def load_policy(data: bytes, where: str) -> Policy:
    """The policy in a file. Raises ContentError with file and line."""
    read = _Reader(data, where)
    keys = ("schema", *_ON, "limits", "profiles", "max_age_days", "complete", "waivers", "supply_chain")
    raw = read.mapping(yaml_text.load(data, where), keys)
    if raw.get("schema") != POLICY_SCHEMA:
        raise read.wrong(f"`schema` must be {POLICY_SCHEMA}", "schema")
    actions, floors = _classes(read, raw)
    limits = read.mapping(raw.get("limits"), ("severity", "status", "class", "framework"), "limits")
    frameworks = limits.get("framework") or {}
    if not isinstance(frameworks, dict):
        raise read.wrong("`framework` is framework: {status: number}", "limits", "framework")
    age = raw.get("max_age_days")
    return Policy(
        where=where,
        digest=digest(raw),
        actions=actions,
        floors=floors,
        by_severity=read.limits(limits.get("severity"), SEVERITIES, "limits", "severity"),
        by_status=read.limits(limits.get("status"), STATUSES, "limits", "status"),
        by_class=read.limits(limits.get("class"), _CHOOSABLE, "limits", "class"),
        by_framework={
            name: read.limits(counts, CONTROL_STATUSES, "limits", "framework", name)
            for name, counts in frameworks.items()
        },
        profiles=_texts(read, raw.get("profiles"), "profiles"),
        max_age=None if age is None else read.whole(age, "max_age_days"),
        complete=read.flag(raw.get("complete", True), "complete"),
        waivers=_waiving(read, raw.get("waivers")),
        supply_chain=_supply_chain(read, raw.get("supply_chain")),
    )


def _classes(read: _Reader, raw: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """`class` or `class:severity` in the three lists. A class that stands in no list keeps its default."""
    actions, floors = dict(DEFAULT_ACTIONS), {}
    seen: set[str] = set()
    for key, action in _ON.items():
        for index, text in enumerate(_texts(read, raw.get(key), key)):
            name, colon, severity = text.partition(":")
            if name not in _CHOOSABLE:
                raise read.wrong(f"there is no class {name!r}", key, index, hint=f"known: {', '.join(_CHOOSABLE)}")
            if name in seen:
                raise read.wrong(f"the class {name} stands in two lists", key, index)
            if colon and severity not in SEVERITIES:
                raise read.wrong(f"{severity!r} is no severity", key, index, hint=f"known: {', '.join(SEVERITIES)}")
            seen.add(name)
            actions[name] = action
            if colon:
                floors[name] = severity
    return actions, floors


def _texts(read: _Reader, raw: Any, key: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
        raise read.wrong(f"`{key}` is a list of texts", key)
    return tuple(raw)


def _waiving(read: _Reader, raw: Any) -> Waiving:
    given = read.mapping(raw, ("max_results", "max_days", "approver", "overbroad", "unused"), "waivers")
    default = Waiving()
    words = ("fail", "warn", "note")
    return Waiving(
        max_results=read.whole(given.get("max_results", default.max_results), "waivers", "max_results"),
        max_days=read.whole(given.get("max_days", default.max_days), "waivers", "max_days"),
        approver=read.flag(given.get("approver", default.approver), "waivers", "approver"),
        overbroad=read.choice(given.get("overbroad", default.overbroad), words, "waivers", "overbroad"),
        unused=read.choice(given.get("unused", default.unused), words, "waivers", "unused"),
    )


def _supply_chain(read: _Reader, raw: Any) -> SupplyChain:
    flags = ("sbom_diff", "sbom_check", "sbom_truth", "signatures")
    given = read.mapping(raw, ("materiality", *flags), "supply_chain")
    level = given.get("materiality")
    return SupplyChain(
        materiality="" if level is None else read.choice(level, LEVELS, "supply_chain", "materiality"),
        **{key: read.flag(given.get(key, False), "supply_chain", key) for key in flags},
    )


def template() -> str:
    """A policy with every key, each with its default, and what it means: what `assay gate init` writes."""
    lists = [
        line
        for key, action in _ON.items()
        for line in (
            f"{key}:",
            *(
                f"  - {name:<20} # {about}"
                for name, about in CLASSES.items()
                if DEFAULT_ACTIONS[name] == action and name != "unchanged"
            ),
            "",
        )
    ]
    notes = [f"#   {name:<20} {CLASSES[name]}" for name in _CHOOSABLE if DEFAULT_ACTIONS[name] == "note"]
    return _TEMPLATE.format(
        schema=POLICY_SCHEMA, lists="\n".join(lists), notes="\n".join(notes), levels=", ".join(LEVELS)
    )


_TEMPLATE = """\
# Policy of `assay gate`. A key that is left out has the value shown here; an unknown key is an error.
schema: {schema}

# What is done about a difference between baseline and release, by class. `class:severity` holds from that severity on;
# milder ones then only warn. A class that is taken out of its list here keeps its default: move it to another list.
# fail_on: exit code 1. incomplete_on: exit code 3. warn_on: shown, and no more.
{lists}# Shown only as a note unless listed above:
{notes}

# The highest numbers allowed in the new release, whatever the baseline was. Accepted (waived) results do not count.
limits:
  severity: {{}}       # results that fail or have no verdict: {{critical: 0, high: 2}}
  status: {{}}         # results by status: {{error: 0, unknown: 10}}
  class: {{}}          # differences by class: {{old_failure: 20}}
  framework: {{}}      # controls by status: {{stig-rhel10: {{fail: 5}}}}

# Profiles by which the release must have been judged.
profiles: []

# The evidence may be this many days old on the day of the gate; no value: any age. An assessment alone does not say
# when its evidence was collected: gate the snapshot or the bundle.
max_age_days:

# Whether the new assessment must be complete (exit code 3 if it is not).
complete: true

waivers:
  max_results: 10    # more results under one waiver than this: overbroad
  max_days: 366      # longest time from today to the expiry: beyond it, overbroad
  approver: false    # whether every waiver that accepts something needs an approver
  overbroad: warn    # fail, warn or note
  unused: warn       # fail, warn or note: a waiver that accepts nothing here

supply_chain:
  materiality:       # the most serious level an SBOM diff may have: {levels}; no value: any
  sbom_diff: false   # whether a result of `assay sbom diff --json` is required (--evidence)
  sbom_check: false  # whether a result of `assay sbom check --json` is required, and must be good
  sbom_truth: false  # whether a result of `assay sbom verify --json` is required: the SBOM describes the image
  signatures: false  # whether a good result of `assay verify --json` or `assay release --json` is required
"""
