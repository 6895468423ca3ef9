"""Evaluating a clause against facts: a status, what was expected, what was found, and the evidence that decided.

Clauses arrive checked (`scanner.engine.check_form`) and with parameters already put in (`scanner.engine.params`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scanner.engine.conditions import OPERATORS, show, test, test_record, words, words_of_record
from scanner.engine.status import ALL_ORDER, ANY_ORDER, all_of, any_of, deciding, inverse
from scanner.engine.tables import TableVerdict, judge_table
from scanner.model.fact import Evidence, Fact
from scanner.model.records import dataclass

__all__ = ["Verdict", "evaluate", "facts_of"]

MAX_EVIDENCE = 8
"""Pieces of evidence one result shows; all of it stands in the snapshot."""

MAX_SHOWN = 3
"""Records that a `found` sentence spells out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of a clause. `parts` are the outcomes of what it combines; `fact` names the fact of a plain clause."""

    status: str
    expected: str
    found: str
    evidence: tuple[Evidence, ...] = ()
    fact: str | None = None
    parts: tuple[Verdict, ...] = ()
    word: str = ""


def facts_of(clause: Mapping[str, Any]) -> list[str]:
    """Names of the facts a clause asks, in order, each once."""
    found: dict[str, None] = {}
    todo: list[Any] = [clause]
    while todo:
        one = todo.pop(0)
        if "fact" in one:
            found[one["fact"]] = None
        for word in ("all", "any"):
            if word in one and isinstance(one[word], list) and "fact" not in one:
                todo.extend(one[word])
        if "not" in one and "fact" not in one:
            todo.append(one["not"])
    return list(found)


def evaluate(clause: Mapping[str, Any], facts: Mapping[str, Fact], *, certain: bool = False) -> Verdict:
    """The verdict of `clause`. Facts that are not in `facts` were not looked at.

    `certain`: a fail needs whole evidence as a pass does, because it will be turned around (`not`) or be shown as "does
    not apply" (`when`).
    """
    if "fact" in clause:
        verdict = _ask(clause, facts, certain)
    elif "all" in clause:
        verdict = _joined("all", [evaluate(part, facts, certain=certain) for part in clause["all"]])
    elif "any" in clause:
        verdict = _joined("any", [evaluate(part, facts, certain=certain) for part in clause["any"]])
    else:
        inner = evaluate(clause["not"], facts, certain=True)
        verdict = Verdict(
            inverse(inner.status), f"not: {inner.expected}", inner.found, inner.evidence, parts=(inner,), word="not"
        )
    if "says" in clause:
        return replace(verdict, expected=clause["says"])
    return verdict


def _joined(word: str, parts: list[Verdict]) -> Verdict:
    statuses = [part.status for part in parts]
    order = ALL_ORDER if word == "all" else ANY_ORDER
    status = all_of(statuses) if word == "all" else any_of(statuses)
    index = deciding(order, statuses) if parts else 0
    decided = parts[index]
    same = [part for part in parts if part.status == status]
    if (word == "all" and len(same) == 1) or (word == "any" and status == "pass"):
        expected, found, evidence = decided.expected, decided.found, decided.evidence
    else:
        shown = parts if word == "any" else same
        joiner = " and " if word == "all" else ", or "
        expected = joiner.join(dict.fromkeys(_bracketed(part, word) for part in shown))
        found = "; ".join(dict.fromkeys(one for part in shown for one in _founds(part)))
        evidence = _merge(shown)
    return Verdict(status, expected, found, evidence, parts=tuple(parts), word=word)


def _bracketed(part: Verdict, word: str) -> str:
    """The expectation of a part, in brackets where it joins parts of its own in the other way."""
    return (
        f"({part.expected})"
        if part.word in ("all", "any") and part.word != word and len(part.parts) > 1
        else part.expected
    )


def _founds(verdict: Verdict) -> list[str]:
    """What was found by the parts that decided, each once however deep it stands."""
    if verdict.word not in ("all", "any"):
        return [verdict.found]
    same = [part for part in verdict.parts if part.status == verdict.status] or list(verdict.parts)
    shown = same[:1] if verdict.word == "any" and verdict.status == "pass" else same
    return list(dict.fromkeys(one for part in shown for one in _founds(part)))


def _merge(parts: list[Verdict]) -> tuple[Evidence, ...]:
    seen: dict[Evidence, None] = {}
    for part in parts:
        for evidence in part.evidence:
            seen[evidence] = None
    return tuple(list(seen)[:MAX_EVIDENCE])


def _ask(clause: Mapping[str, Any], facts: Mapping[str, Fact], certain: bool) -> Verdict:
    name = clause["fact"]
    expected = _expected(clause)
    fact = facts.get(name)
    if fact is None:
        return Verdict("unknown", expected, f"{name} was not collected", fact=name)
    evidence = fact.evidence[:MAX_EVIDENCE]
    if fact.state == "error":
        return Verdict(
            "error", expected, f"{name} could not be read: {fact.reason or 'no reason given'}", evidence, name
        )
    if fact.state == "not_collected":
        return Verdict(
            "unknown", expected, f"{name} was not collected: {fact.reason or 'nobody looked'}", evidence, name
        )
    if fact.state == "absent":
        status = _gap(fact) or clause.get("if_absent", "fail")
        return Verdict(status, expected, fact.reason or f"{name} is not there", evidence, name)
    return _compare(clause, fact, expected, certain)


def _gap(fact: Fact) -> str | None:
    if not fact.gaps:
        return None
    quiet = all(gap.startswith(("not_collected", "unsupported")) for gap in fact.gaps)
    return "unknown" if quiet else "error"


def _compare(clause: Mapping[str, Any], fact: Fact, expected: str, certain: bool) -> Verdict:
    gap = _gap(fact)
    if "where" in clause or "each" in clause or "count" in clause:
        if not isinstance(fact.value, list):
            return Verdict("error", expected, f"{fact.name} is no table", fact.evidence[:MAX_EVIDENCE], fact.name)
        outcome = judge_table(clause, fact.value, gap)
        found = _found_in_table(clause, fact, outcome)
        return Verdict(outcome.status, expected, found, _places(fact, outcome.deciding), fact.name)
    if "has" in clause:
        status = test_record(clause["has"], fact.value)
        found = _record(fact.value, clause["has"], name=False)
        places = _places(fact, (fact.value,))
    else:
        condition = {key: clause[key] for key in clause if key in OPERATORS or key in ("any", "all", "not")}
        status = test(condition, fact.value)
        found = show(fact.value)
        places = fact.evidence[:MAX_EVIDENCE]
    if gap is not None and (certain or status != "fail"):
        status = "error" if status == "error" else gap
        found = f"{found}, but {fact.gaps[0]}"
    return Verdict(status, expected, found, places, fact.name)


# ---- words ---------------------------------------------------------------------------------------------------------


def _expected(clause: Mapping[str, Any]) -> str:
    name = clause["fact"]
    if "has" in clause:
        return f"{name} with {words_of_record(clause['has'])}"
    if "where" in clause or "each" in clause or "count" in clause:
        chosen = words_of_record(clause["where"]) if clause.get("where") else ""
        text = f"{name} with {chosen}" if chosen else name
        if "each" in clause:
            text = f"each {text}: {words_of_record(clause['each'])}"
        if "count" in clause:
            count = clause["count"]
            number = words(count if isinstance(count, dict) else {"equals": count})
            text = f"{number} {text}" if "each" not in clause else f"{text}, {number} of them"
        return text
    condition = {key: clause[key] for key in clause if key in OPERATORS or key in ("any", "all", "not")}
    return f"{name} {words(condition)}"


def _found_in_table(clause: Mapping[str, Any], fact: Fact, outcome: TableVerdict) -> str:
    asked = clause.get("each", {})
    chosen = clause.get("where", {})
    if outcome.deciding:
        shown = [_record(record, {**chosen, **asked}) for record in outcome.deciding[:MAX_SHOWN]]
        more = len(outcome.deciding) - len(shown)
        text = "; ".join(shown) + (f" and {more} more" if more > 0 else "")
        if outcome.status == "unknown":
            text = f"not fully looked at: {text}"
    elif fact.gaps and outcome.status in ("error", "unknown"):
        text = "not everything could be read"
    else:
        total = len(fact.value)
        text = f"none of the {total} records of {fact.name}" if total else f"{fact.name} is empty"
    if fact.gaps and outcome.status != "fail":
        text = f"{text} ({fact.gaps[0]}{f' and {len(fact.gaps) - 1} more' if len(fact.gaps) > 1 else ''})"
    return text


def _asked_fields(matcher: Mapping[str, Any]) -> list[str]:
    fields: list[str] = []
    for name, condition in matcher.items():
        if name in ("any", "all"):
            for one in condition:
                fields.extend(_asked_fields(one))
        elif name == "not":
            fields.extend(_asked_fields(condition))
        else:
            fields.append(name)
    return list(dict.fromkeys(fields))


_NAMES = ("name", "key", "keyword", "path", "user", "unit", "device", "entry", "service", "mount_point", "point")


def _record(record: Any, matcher: Mapping[str, Any], *, name: bool = True) -> str:
    """A record in words: what it is called, the fields that were asked, and its place."""
    if not isinstance(record, dict):
        return show(record)
    fields = _asked_fields(matcher)
    if name and not any(field in fields for field in _NAMES):
        fields = [field for field in _NAMES if field in record][:1] + fields
    parts = [_field(field, record[field], _conditions_on(matcher, field)) for field in fields if field in record]
    missing = [field for field in fields if field not in record]
    if missing:
        parts.append(f"{', '.join(missing)} not looked at")
    place = record.get("source")
    if isinstance(place, str):
        line = record.get("line")
        parts.append(f"at {place}:{line}" if isinstance(line, int) else f"at {place}")
    return ", ".join(parts) if parts else show(record)


def _conditions_on(matcher: Mapping[str, Any], field: str) -> list[Any]:
    """Every condition that the matcher puts on a field, at whatever depth of any, all and not."""
    found: list[Any] = []
    for name, condition in matcher.items():
        if name in ("any", "all"):
            for one in condition:
                found.extend(_conditions_on(one, field))
        elif name == "not":
            found.extend(_conditions_on(condition, field))
        elif name == field:
            found.append(condition)
    return found


def _field(name: str, value: Any, conditions: list[Any]) -> str:
    """A field in words; of an object or table inside, only what was asked."""
    label = name.replace("_", " ")
    asked = [one for one in conditions if isinstance(one, dict)]
    inner = next((one["has"] for one in asked if "has" in one), None)
    if isinstance(value, dict) and inner is not None:
        return f"{label}: {_record(value, inner, name=False)}"
    table = next((one for one in asked if "each" in one or "where" in one), None)
    if isinstance(value, list) and table is not None:
        matcher = {**table.get("where", {}), **table.get("each", {})}
        deciding = judge_table(table, value).deciding[:MAX_SHOWN]
        return f"{label}: " + ("; ".join(_record(one, matcher) for one in deciding) or "none of them")
    return f"{label} {show(value)}"


def _places(fact: Fact, records: tuple[Any, ...]) -> tuple[Evidence, ...]:
    """Evidence of the records that decided, with lines; the fact's own where records have no place."""
    digests = {evidence.source: evidence.sha256 for evidence in fact.evidence}
    found: dict[Evidence, None] = {}
    for record in records:
        source = record.get("source") if isinstance(record, dict) else None
        if isinstance(source, str):
            line, offset = record.get("line"), record.get("offset")
            place = Evidence(
                source,
                line if isinstance(line, int) else None,
                offset if isinstance(offset, int) else None,
                digests.get(source),
            )
            found[place] = None
            if len(found) >= MAX_EVIDENCE:
                break
    return tuple(found) or fact.evidence[:MAX_EVIDENCE]
