"""What the HTML and the PDF report show, worked out of an assessment once: grouped, sorted, numbered, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.outputs._charts import stacked
from scanner.outputs._report import (
    ControlView,
    Count,
    EvidenceView,
    FrameworkView,
    Group,
    Place,
    Report,
    ResultView,
)
from scanner.outputs._text import visible_tree, written
from scanner.outputs._words import (
    CLAIM_MARKS,
    CLAIM_WORDS,
    COVERAGE_WORDS,
    FIT_WORDS,
    GROUPS,
    MARKS,
    ORDER,
    SEVERITIES,
    STATUS_WORDS,
    answered_sentence,
    completeness_sentence,
    half_words,
    headline,
    kind_words,
    method_words,
    waived_sentence,
)

__all__ = ["view_of"]


def view_of(assessment: Mapping[str, Any]) -> Report:
    """The view of an assessment. Pure: the same assessment gives the same view."""
    data = visible_tree(dict(assessment))
    results, controls, summary = data["results"], data["controls"], data["summary"]
    completeness = data["completeness"]
    evidence = _evidence(results)
    order = {framework: index for index, framework in enumerate(summary)}
    serves = _serves(controls, summary)
    views = tuple(
        _result(f"r{index}", raw, data["rules"].get(raw["rule"], {}), evidence, serves.get(raw["instance"], ()), order)
        for index, raw in enumerate(sorted(results, key=_reading_order), 1)
    )
    by_name = {view.instance: view for view in views}
    judged = {raw["instance"]: (raw["status"], raw["facets"]) for raw in results}
    failed = [view for view in views if view.status == "fail"]
    waivers = sorted(
        (view for view in views if view.waiver), key=lambda view: (str((view.waiver or {})["id"]), view.rule)
    )
    expired = sum(bool((view.waiver or {}).get("expired")) for view in waivers)
    kind, how = kind_words(str(data["target"].get("kind", "")))
    counts = _counts(completeness["counts"])
    return Report(
        name=_name(data["target"]),
        kind=kind,
        how=how,
        target=_target(data["target"], kind),
        digests=_digests(data),
        tool=" ".join(str(data["tool"].get(key, "")) for key in ("name", "version")).strip(),
        evaluated_at=data["evaluated_at"],
        headline=headline(len(failed), completeness["judged"], completeness["applicable"]),
        complete=bool(completeness["complete"]),
        completeness=completeness_sentence(completeness),
        reasons=tuple(completeness["reasons"]),
        counts=counts,
        bar=stacked([(count.mark, count.count) for count in counts]),
        severities=_severities(failed),
        worst=tuple(view for view in failed if view.severity_rank < 2),
        half=int(completeness.get("persistent_half", 0)),
        waived=waived_sentence(len(waivers) - expired, expired),
        profiles=tuple(
            {**profile, "fit_word": FIT_WORDS.get(profile["fit"], profile["fit"])} for profile in data["profiles"]
        ),
        frameworks=tuple(
            _framework(index, name, about, [one for one in controls if one["framework"] == name], by_name, judged)
            for index, (name, about) in enumerate(summary.items())
        ),
        groups=_groups(views),
        waivers=tuple(waivers),
        unread=tuple({**item, "state": str(item["state"]).replace("_", " ")} for item in data["unread"]),
        evidence=tuple(sorted(evidence.values(), key=lambda one: one.id)),
    )


# ---- the target ----------------------------------------------------------------------------------------------------


def _name(target: Mapping[str, Any]) -> str:
    identity = target.get("identity") or {}
    return str(
        identity.get("os_name") or identity.get("os_id") or identity.get("host_name") or "A system without a name"
    )


_IDENTITY = (
    ("os_name", "System"),
    ("os_id", "System id"),
    ("os_version", "Version"),
    ("image_version", "Image version"),
    ("variant_id", "Variant"),
    ("arch", "Architecture"),
    ("host_name", "Host name"),
    ("platform", "Platform"),
)


def _target(target: Mapping[str, Any], kind: str) -> tuple[tuple[str, str], ...]:
    identity = target.get("identity") or {}
    rows = [("Kind", kind), *((label, written(identity[key])) for key, label in _IDENTITY if identity.get(key))]
    if identity.get("os_like"):
        rows.append(("Says it is like", written(identity["os_like"])))
    rows.extend((f"Layout: {key}", written(value)) for key, value in (target.get("layout") or {}).items())
    return tuple(rows)


def _digests(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rows = (
        ("Target", data["target"].get("digest")),
        ("Facts", data["facts_digest"]),
        ("Content (rules and controls)", data["content_digest"]),
    )
    return tuple((label, written(value)) for label, value in rows if value)


# ---- evidence ------------------------------------------------------------------------------------------------------


def _key(raw: Mapping[str, Any]) -> tuple[str, str]:
    return str(raw["source"]), str(raw.get("sha256") or "").removeprefix("sha256:")


def _evidence(results: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], EvidenceView]:
    """Every source once, numbered in the order of their names: an id means the same in the whole report."""
    used: dict[tuple[str, str], int] = {}
    for result in results:
        for key in {_key(raw) for raw in result["evidence"]}:
            used[key] = used.get(key, 0) + 1
    return {
        key: EvidenceView(f"E{index:04d}", key[0], key[1] or None, used[key])
        for index, key in enumerate(sorted(used), 1)
    }


def _place(raw: Mapping[str, Any], evidence: Mapping[tuple[str, str], EvidenceView]) -> Place:
    one = evidence[_key(raw)]
    if raw.get("line") is not None:
        return Place(one, f"{one.source}:{raw['line']}")
    if raw.get("offset") is not None:
        return Place(one, f"{one.source} at offset {raw['offset']}")
    return Place(one, one.source)


# ---- results -------------------------------------------------------------------------------------------------------


def _mark(word: str) -> str:
    """The symbol of a status. What is not known is shown as unknown, never as anything better."""
    return word if word in MARKS else "unknown"


def _count(status: str, count: int) -> Count:
    return Count(_mark(status), STATUS_WORDS.get(status, status), count)


def _counts(counts: Mapping[str, int]) -> tuple[Count, ...]:
    """Counts by status, worst news first."""
    words = [*ORDER, *(word for word in counts if word not in ORDER)]
    return tuple(_count(word, counts[word]) for word in words if counts.get(word))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _reading_order(raw: Mapping[str, Any]) -> tuple[int, int, str]:
    statuses = [status for status, _ in GROUPS]
    status = statuses.index(raw["status"]) if raw["status"] in statuses else len(statuses)
    return status, _rank(raw["severity"]), raw["instance"]


def _serves(controls: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Instance -> (framework, control id) of every control it serves."""
    found: dict[str, list[tuple[str, str]]] = {}
    for control in controls:
        if control["framework"] in summary:
            for name in control["results"]:
                found.setdefault(name, []).append((control["framework"], control["id"]))
    return found


def _result(
    anchor: str,
    raw: Mapping[str, Any],
    rule: Mapping[str, Any],
    evidence: Mapping[tuple[str, str], EvidenceView],
    serves: Sequence[tuple[str, str]],
    order: Mapping[str, int],
) -> ResultView:
    remedy = rule.get("remediation", {})
    claim = raw.get("claim_verdict")
    sources = raw.get("param_sources", {})
    return ResultView(
        anchor=anchor,
        instance=raw["instance"],
        rule=raw["rule"],
        title=raw["title"],
        status=raw["status"],
        mark=_mark(raw["status"]),
        word=STATUS_WORDS.get(raw["status"], raw["status"]),
        half=half_words(raw["status"], raw.get("half")),
        facets=tuple((half, str(status).replace("_", " ")) for half, status in raw["facets"].items()),
        severity=raw["severity"],
        severity_rank=_rank(raw["severity"]),
        expected=raw["expected"],
        found=raw["found"],
        explanation=raw["explanation"],
        places=tuple(_place(one, evidence) for one in raw["evidence"]),
        params=tuple((name, written(value), sources.get(name, "rule")) for name, value in raw["params"].items()),
        facts=tuple(raw["facts"]),
        waiver=raw.get("waiver"),
        claim=Count(CLAIM_MARKS.get(claim, "unknown"), CLAIM_WORDS.get(claim, claim), 1) if claim else None,
        claim_note=_claim_note(claim, rule.get("claim_notes", {})),
        rationale=rule.get("rationale", ""),
        remedy=remedy.get("summary", ""),
        commands=tuple(remedy.get("commands", ())),
        disruption=remedy.get("disruption", ""),
        references=tuple(rule.get("references", ())),
        upstream=tuple(raw.get("upstream", ())),
        serves=tuple(serves),
        frameworks=tuple(sorted({order[framework] for framework, _ in serves})),
    )


def _claim_note(claim: str | None, notes: Mapping[str, str]) -> str:
    return notes.get({"overclaim": "overclaim", "partly_proven": "partial"}.get(claim or "", ""), "")


def _severities(results: Sequence[ResultView]) -> tuple[tuple[str, int], ...]:
    words = [*SEVERITIES, *sorted({view.severity for view in results} - set(SEVERITIES))]
    counted = [(word, sum(view.severity == word for view in results)) for word in words]
    return tuple((word, count) for word, count in counted if count)


def _groups(views: Sequence[ResultView]) -> tuple[Group, ...]:
    known = {status for status, _ in GROUPS}
    others = [(status, status) for status in dict.fromkeys(view.status for view in views) if status not in known]
    found = []
    for status, heading in (*GROUPS, *others):
        mine = tuple(view for view in views if view.status == status)
        if mine:
            found.append(Group(_mark(status), heading, mine, _severities(mine)))
    return tuple(found)


# ---- frameworks ----------------------------------------------------------------------------------------------------


def _framework(
    index: int,
    name: str,
    about: Mapping[str, Any],
    controls: Sequence[Mapping[str, Any]],
    by_name: Mapping[str, ResultView],
    judged: Mapping[str, tuple[str, Mapping[str, str]]],
) -> FrameworkView:
    counts = _counts(about["counts"])
    covered = about["coverage"]
    coverage = [
        (word, covered[word])
        for word in [*COVERAGE_WORDS, *sorted(set(covered) - set(COVERAGE_WORDS))]
        if covered.get(word)
    ]
    claims = about.get("claims") or {}
    ranked = [*CLAIM_WORDS, *(word for word in claims if word not in CLAIM_WORDS)]
    return FrameworkView(
        index=index,
        id=name,
        title=about["title"],
        short=about["short"],
        version=about["version"],
        claims=about["kind"] == "claims",
        fit=about["fit"] if about["fit"] in FIT_WORDS else "foreign",
        fit_word=FIT_WORDS.get(about["fit"], about["fit"]),
        fit_reason=about["fit_reason"],
        fit_note=about["fit_note"],
        total=about["controls"],
        counts=counts,
        bar=stacked([(count.mark, count.count) for count in counts]),
        coverage=tuple((COVERAGE_WORDS.get(word, word), count) for word, count in coverage),
        coverage_bar=stacked([(word if word in COVERAGE_WORDS else "not_yet", count) for word, count in coverage]),
        verdicts=tuple(
            Count(CLAIM_MARKS.get(word, "unknown"), CLAIM_WORDS.get(word, word or "no verdict"), claims[word])
            for word in ranked
            if claims.get(word)
        ),
        rules_selected=about["rules_selected"],
        rules_judged=about["rules_judged"],
        half=about["persistent_half"],
        controls=tuple(_control(f"c{index}-{place}", raw, by_name, judged) for place, raw in enumerate(controls, 1)),
    )


def _control(
    anchor: str,
    raw: Mapping[str, Any],
    by_name: Mapping[str, ResultView],
    judged: Mapping[str, tuple[str, Mapping[str, str]]],
) -> ControlView:
    names = [name for name in raw["results"] if name in by_name]
    results = tuple(sorted((by_name[name] for name in names), key=lambda view: int(view.anchor[1:])))
    return ControlView(
        anchor=anchor,
        id=raw["id"],
        title=raw["title"],
        mark=_mark(raw["status"]),
        word=STATUS_WORDS.get(raw["status"], raw["status"]),
        half=sum(bool(view.half) for view in results),
        coverage=COVERAGE_WORDS.get(raw["coverage"], raw["coverage"]),
        method=method_words(raw["coverage"], [judged[name] for name in names]),
        note=raw.get("note") or "",
        answered=answered_sentence(raw.get("answered")),
        results=results,
        evidence=tuple(sorted({place.evidence.id for view in results for place in view.places})),
    )
