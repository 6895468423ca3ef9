"""Agreement by family, and the list of what differs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.conformance.disagreements import Section

COLUMNS = ("agree", "nothing there", "explained", "differ", "not in a tree", "not run", "no rule")
_NOT_RUN = {"no_rule": "no rule", "not_run": "not run"}


def outcome(result: Mapping[str, Any], sections: Sequence[Section] = ()) -> str:
    """One of COLUMNS.

    nothing there: the suite says pass of a subject that does not exist, we say not applicable. explained: another verdict
    with a section of DISAGREEMENTS.md that says we are right. not in a tree: only a running system can tell.
    """
    if result["got"] in _NOT_RUN:
        return _NOT_RUN[result["got"]]
    if result["got"] == result["expected"]:
        return "agree"
    if result["expected"] == "pass" and result["got"] == "not_applicable":
        return "nothing there"
    if result["got"] == "unknown" and all(_needs_running(one) for one in result["verdicts"]):
        return "not in a tree"
    section = section_of(result, sections)
    if section is not None and section.right != "the scenario":
        return "explained" if section.right == "Assay" else "not in a tree"
    return "differ"


def section_of(result: Mapping[str, Any], sections: Iterable[Section]) -> Section | None:
    """The section about this scenario."""
    name = f"{result['rule']}/{result['name']}"
    return next((one for one in sections if one.covers(name)), None)


def _needs_running(verdict: Mapping[str, Any]) -> bool:
    return verdict["facets"]["persistent"] == "not_required" and "not running" in verdict["explanation"]


def family(result: Mapping[str, Any]) -> str:
    """The public template, or the folder of our rule when the public rule has a check of its own."""
    if result["template"]:
        return str(result["template"])
    return f"own check: {result.get('area') or 'no rule'}"


def summary(results: Iterable[Mapping[str, Any]], sections: Sequence[Section] = ()) -> tuple[str, float]:
    """Text for people, and the percentage of the scenarios judged in a tree on which both say the same."""
    results = list(results)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for one in results:
        groups[family(one)][outcome(one, sections)] += 1
        total[outcome(one, sections)] += 1
    lines = [_line("family", COLUMNS)]
    lines += [
        _row(name, counts) for name, counts in sorted(groups.items(), key=lambda item: (-item[1]["differ"], item[0]))
    ]
    lines.append(_row("all", total))
    same = total["agree"] + total["nothing there"]
    judged = same + total["explained"] + total["differ"]
    percent = 100 * same / judged if judged else 0.0
    right = 100 * (same + total["explained"]) / judged if judged else 0.0
    lines.append(f"{percent:.2f} % of {judged} judged scenarios agree")
    lines.append(f"{right:.2f} % agree or differ for a reason in DISAGREEMENTS.md that speaks for us")
    lines += _completed(results)
    lines += [
        f"  {outcome(one, sections)}: {one['rule']}/{one['name']}: expected {one['expected']}, got {one['got']}"
        + (f" ({one['why']})" if one.get("why") else "")
        for one in results
        if outcome(one, sections) in ("differ", "not in a tree", "not run", "no rule")
    ]
    return "\n".join(lines), percent


def _completed(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the commands of amendments.py change, a line a reason and one for all."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    completed = [one for one in results if one.get("amended")]
    for one in completed:
        for why in one["amended"]:
            groups[why].append(one)
    lines = []
    for why, members in [*sorted(groups.items()), ("all completed scenarios", completed)] if completed else []:
        agree = sum(one["got"] == one["expected"] for one in members)
        before = sum(one.get("as_written") == one["expected"] for one in members)
        lines.append(f"  {why}: {before} of {len(members)} agree as written, {agree} completed")
    return lines


def _row(name: str, counts: Counter[str]) -> str:
    return _line(name, [str(counts[column]) for column in COLUMNS])


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<56}" + "".join(f"{cell:>14}" for cell in cells)
