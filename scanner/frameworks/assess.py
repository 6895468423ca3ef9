"""The assessment: a pure function of snapshot, content, profiles, parameters, waivers and clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import scanner
from scanner.engine.cases import runtime_fact_names
from scanner.engine.content import Content
from scanner.engine.judge import day_of, judge
from scanner.engine.waivers import Waiver, waiver_for
from scanner.frameworks.answers import Answer, answer_controls
from scanner.frameworks.claims import claim_verdict
from scanner.frameworks.fit import fit_of
from scanner.frameworks.rollup import roll_up
from scanner.frameworks.select import ChosenControl, Selected
from scanner.model.canonical import digest
from scanner.model.control import FITS, Framework, Profile
from scanner.model.result import CONTROL_STATUSES, STATUSES, Assessment, ControlResult, Result
from scanner.model.rule import Rule
from scanner.model.snapshot import Snapshot

__all__ = ["assess", "required_halves"]

_JUDGED = ("pass", "fail")
_PUBLISHED = ("vuln", "rule", "severity", "srg", "cci", "nist", "oscal")
"""Properties of a control that the publisher's own lists and formats name it by; outputs need them."""


def required_halves(profile: Profile, kind: str) -> str:
    """`both` or `persistent`: what this profile needs on a target of this kind."""
    return profile.require.get(kind, profile.require.get("*", "both"))


def assess(
    snapshot: Snapshot,
    content: Content,
    known: Mapping[str, Framework],
    profiles: Sequence[Profile],
    selected: Selected,
    *,
    now: str,
    waivers: Sequence[Waiver] = (),
    answers: Sequence[Answer] = (),
    min_coverage: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    given: Mapping[str, Result] | None = None,
) -> Assessment:
    """Judge every selected instance and roll controls up. `now` is an RFC 3339 instant in UTC; `inputs` is recorded as
    it is given (see `scanner.frameworks.inputs`); `given`: results by instance that are taken as they are, because the
    snapshot no longer shows what they rest on (redaction)."""
    kind = str(snapshot.target.get("kind", ""))
    identity = snapshot.target.get("identity") or {}
    # Where a running half was seen, it counts: to leave it out would hide drift.
    seen = any(fact.facet == "runtime" and fact.state != "not_collected" for fact in snapshot.facts.values())
    requires = {profile.id: "both" if seen else required_halves(profile, kind) for profile in profiles}
    claims = {
        name
        for framework, chosen in selected.controls.items()
        if known[framework].kind == "claims"
        for control in chosen.values()
        for name in control.instances
    }
    results: dict[str, Result] = {}
    today = day_of(now)
    runtime = runtime_fact_names()
    for name in sorted(selected.instances):
        instance = selected.instances[name]
        # An instance that several profiles chose must satisfy the strictest of them.
        asking = {requires[one] for one, ids in selected.profile_instances.items() if name in ids}
        require = "persistent" if asking == {"persistent"} else "both"
        result = (
            given[name]
            if given and name in given
            else judge(instance, snapshot.facts, snapshot.target, today=today, require=require, runtime_facts=runtime)
        )
        if waivers:
            serves = {
                f"{framework}:{control}"
                for framework, chosen in selected.controls.items()
                for control, one in chosen.items()
                if name in one.instances
            }
            result = replace(result, waiver=waiver_for(result, waivers, identity, now[:10], serves))
        if name in claims:
            result = replace(result, claim_verdict=claim_verdict(instance.rule, result))
        results[name] = result
    controls = answer_controls(_controls(known, selected, results), answers, identity, now[:10])
    fits = {profile.id: _profile_fit(profile, known, identity) for profile in profiles}
    return Assessment(
        tool={"name": "assay", "version": scanner.__version__},
        content_digest=content.digest,
        target=snapshot.target,
        facts_digest=snapshot.facts_digest,
        profiles=tuple(
            {
                "id": profile.id,
                "title": profile.title,
                "extends": list(profile.extends),
                "left_out": list(profile.rules_out),
                "require": requires[profile.id],
                "fit": fits[profile.id][0],
                "fit_reason": fits[profile.id][1],
                "min_coverage": profile.min_coverage if min_coverage is None else min_coverage,
                "instances": len(selected.profile_instances.get(profile.id, ())),
            }
            for profile in profiles
        ),
        evaluated_at=now,
        results=tuple(results.values()),
        controls=controls,
        summary=_summary(known, selected, results, controls, identity),
        completeness=_completeness(profiles, selected, results, fits, min_coverage, _unnamed(snapshot)),
        rules={rule.id: _rule_json(rule) for rule in _rules(selected)},
        unread=_unread(snapshot, results),
        inputs=inputs or {},
    )


def _unnamed(snapshot: Snapshot) -> str:
    """Why the target may be no system at all: in an empty folder much that must not be there is not there."""
    identity = snapshot.target.get("identity") or {}
    if identity.get("os_id") or identity.get("platform", "linux") != "linux":
        return ""
    fact = snapshot.facts.get("os.release")
    why = fact.reason if fact is not None and fact.reason else "os-release was not read"
    return f"the target does not say which system it is ({why}); name the root of a system, mounted whole"


def _profile_fit(profile: Profile, known: Mapping[str, Framework], identity: Mapping[str, Any]) -> tuple[str, str]:
    """The profile's own fit; without one, that of the framework that fits the target worst."""
    if profile.fit:
        return fit_of(profile.fit, identity)
    fits = [fit_of(known[one.framework].fit, identity) for one in profile.frameworks]
    return max(fits, key=lambda fit: FITS.index(fit[0]), default=("exact", ""))


def _controls(
    known: Mapping[str, Framework], selected: Selected, results: Mapping[str, Result]
) -> tuple[ControlResult, ...]:
    found = []
    for framework_id in sorted(selected.controls):
        framework = known[framework_id]
        chosen: dict[str, ChosenControl] = selected.controls[framework_id]
        for control in framework.controls.values():
            if control.id not in chosen:
                continue
            one = chosen[control.id]
            rolled = roll_up(framework, control, one.rules, [results[name] for name in one.instances])
            if not one.whole and rolled.coverage == "automated":
                # The profile left rules out: what remains covers a part at most.
                status = {"pass": "pass_in_part", "not_applicable": "manual"}.get(rolled.status, rolled.status)
                rolled = replace(rolled, coverage="partial", status=status)
            published = {key: control.props[key] for key in _PUBLISHED if key in control.props}
            found.append(replace(rolled, props=published))
    return tuple(found)


def _counts(order: Sequence[str], words: Sequence[str]) -> dict[str, int]:
    counted = Counter(words)
    return {word: counted[word] for word in order if counted[word]}


def _summary(
    known: Mapping[str, Framework],
    selected: Selected,
    results: Mapping[str, Result],
    controls: Sequence[ControlResult],
    identity: Mapping[str, Any],
) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for framework_id in sorted(selected.controls):
        framework = known[framework_id]
        fit, reason = fit_of(framework.fit, identity)
        mine = [control for control in controls if control.framework == framework_id]
        names = sorted({name for control in mine for name in control.results})
        statuses = [results[name].status for name in names]
        summary[framework_id] = {
            "title": framework.title,
            "short": framework.short,
            "version": framework.version,
            "kind": framework.kind,
            "fit": fit,
            "fit_reason": reason,
            "fit_note": framework.by_analogy_note if fit == "by_analogy" else "",
            "counts": _counts(CONTROL_STATUSES, [control.status for control in mine]),
            "coverage": _counts(
                ("automated", "partial", "manual", "inherited", "not_applicable", "not_yet"),
                [control.coverage for control in mine],
            ),
            "controls": len(mine),
            "answered": sum(bool(control.answered and control.answered["holds"]) for control in mine),
            "results": _counts(STATUSES, statuses),
            "rules_selected": len(names),
            "rules_judged": sum(status in _JUDGED for status in statuses),
            "persistent_half": sum(results[name].half is not None for name in names),
            "publisher": framework.publisher,
            "source": framework.source,
            "catalog": len(framework.controls),
        }
        if framework.benchmark:
            summary[framework_id]["benchmark"] = dict(framework.benchmark)
        if framework.kind == "claims":
            verdicts = [results[name].claim_verdict or "" for name in names]
            summary[framework_id]["claims"] = _counts(sorted(set(verdicts)), verdicts)
    return summary


def _completeness(
    profiles: Sequence[Profile],
    selected: Selected,
    results: Mapping[str, Result],
    fits: Mapping[str, tuple[str, str]],
    min_coverage: int | None,
    unnamed: str,
) -> dict[str, Any]:
    """How many selected rules got a real verdict, and in one sentence each why that is not enough."""
    reasons: list[str] = [unnamed] if unnamed else []
    for profile in profiles:
        fit, why = fits[profile.id]
        if fit == "foreign":
            reasons.append(f"profile {profile.id} does not fit this target: {why}")
        mine = [results[name] for name in sorted(selected.profile_instances.get(profile.id, ()))]
        threshold = profile.min_coverage if min_coverage is None else min_coverage
        judged, asked = _ratio(mine)
        if not mine:
            reasons.append(f"profile {profile.id} selects no rule")
        elif judged == 0 or judged * 100 < threshold * asked:
            reasons.append(
                f"profile {profile.id}: only {judged} of {asked} applicable rules got a verdict"
                f"; at least {threshold} % must"
            )
    errors = sum(result.status == "error" for result in results.values())
    if errors:
        reasons.append(
            f"{errors} {'rule' if errors == 1 else 'rules'} ended in error: something needed could not be read"
        )
    judged, asked = _ratio(list(results.values()))
    return {
        "complete": not reasons,
        "reasons": reasons,
        "selected": len(results),
        "judged": judged,
        "applicable": asked,
        "percent": judged * 100 // asked if asked else 0,
        "counts": _counts(STATUSES, [result.status for result in results.values()]),
        "persistent_half": sum(result.half is not None for result in results.values()),
    }


def _ratio(results: Sequence[Result]) -> tuple[int, int]:
    """(rules with a real verdict, rules that could have had one: without the not applicable and the manual)."""
    asked = [result for result in results if result.status not in ("not_applicable", "manual")]
    return sum(result.status in _JUDGED for result in asked), len(asked)


def _rules(selected: Selected) -> list[Rule]:
    found = {instance.rule.id: instance.rule for instance in selected.instances.values()}
    return [found[name] for name in sorted(found)]


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "title": rule.title,
        "severity": rule.severity,
        "digest": _decides(rule),
        "area": rule.area,
        "rationale": rule.rationale,
        "mappings": {framework: list(ids) for framework, ids in rule.mappings.items()},
        "remediation": {
            "summary": rule.remediation.summary,
            "commands": list(rule.remediation.commands),
            "disruption": rule.remediation.disruption,
        },
        "references": list(rule.references),
        "claim_notes": dict(rule.claim_notes),
    }


def _decides(rule: Rule) -> str:
    """Digest of what decides a rule's verdict: its check and where it applies, not its prose.

    A gate tells by it whether the rule changed or the system.
    """
    params = {name: [one.type, one.default] for name, one in rule.params.items()}
    applies = [list(rule.platforms), list(rule.targets), rule.when]
    return digest({"check": rule.check, "applies": applies, "params": params})


def _unread(snapshot: Snapshot, results: Mapping[str, Result]) -> tuple[dict[str, Any], ...]:
    """Facts that could not be read in whole or in part, and how many selected rules ask them."""
    asked = Counter(name for result in results.values() for name in result.facts)
    found = []
    for name in sorted(snapshot.facts):
        fact = snapshot.facts[name]
        if fact.state in ("error", "not_collected") or fact.gaps:
            reasons = [fact.reason] if fact.reason else list(fact.gaps[:3])
            found.append(
                {"fact": name, "state": fact.state, "reason": "; ".join(map(str, reasons)), "rules": asked[name]}
            )
    return tuple(found)
