"""The terminal summary: the verdict first, a line a framework, then failures by severity with what to do."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanner.model.result import CONTROL_STATUSES
from scanner.outputs.base import Output

__all__ = ["OUTPUT", "Style", "in_order", "text", "wrapped"]

_SEVERITIES = ("critical", "high", "medium", "low", "info")
_SYMBOLS = {
    "pass": "✓",
    "pass_in_part": "◐",
    "fail": "✗",
    "error": "!",
    "unknown": "?",
    "not_applicable": "–",
    "manual": "☐",
}
_COLOURS = {"pass": "32", "pass_in_part": "32", "fail": "31", "error": "35", "unknown": "33", "manual": "36"}
_COMMAND = re.compile(r"(?:(?<=\s)|^)(?=::[A-Za-z])|(?<=##)(?=\[|vso\[)")
"""Where a mark goes: a word may be wrapped to the beginning of a line."""
_FIT = {"exact": "exact fit", "by_analogy": "by analogy", "foreign": "FOREIGN: written for another system"}


class Style:
    """Colours, or none. Everything shown passes through `clean`, so evidence cannot steer the terminal."""

    def __init__(self, colour: bool = False, width: int = 100) -> None:
        self.colour = colour
        self.width = max(60, min(width, 140))

    def paint(self, text: str, code: str) -> str:
        """`text` in a colour, when colours are on."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def status(self, status: str, text: str | None = None) -> str:
        """A status with its symbol."""
        shown = f"{_SYMBOLS.get(status, ' ')} {text if text is not None else status.replace('_', ' ')}"
        return self.paint(shown, _COLOURS.get(status, ""))


def clean(value: Any) -> str:
    """Text without control characters, escape sequences or direction overrides, and without what a CI service takes for
    a command in a log (`::name::` at the beginning of a line, `##[name]` and `##vso[` anywhere)."""
    shown = "".join(
        char if char.isprintable() and not "\u202a" <= char <= "\u202e" and not "\u2066" <= char <= "\u2069" else "�"
        for char in str(value).replace("\n", " ").replace("\t", " ")
    )
    return _COMMAND.sub("�", shown) if "::" in shown or "##" in shown else shown


def wrapped(text: str, width: int, *, lead: str = "", then: str = "") -> list[str]:
    """Lines of cleaned text. A long word that is broken could begin a line with a command for the log of a CI service,
    so each line is cleaned as well."""
    lines = textwrap.wrap(clean(text), width, initial_indent=lead, subsequent_indent=then, break_on_hyphens=False)
    indents = [lead, *[then] * len(lines)]
    return [f"{indent}{clean(line[len(indent) :])}" for indent, line in zip(indents, lines, strict=False)]


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts by status, pass first: a file keeps them by name."""
    return sorted(counts.items(), key=lambda item: CONTROL_STATUSES.index(item[0]))


def _counts(counts: Mapping[str, int], style: Style) -> str:
    return "  ".join(
        style.status(status, clean(f"{number} {status.replace('_', ' ')}")) for status, number in in_order(counts)
    )


def text(assessment: Mapping[str, Any], style: Style | None = None, show: str = "failures") -> str:
    """The summary. `show`: failures, or all (every result, a line each)."""
    style = style or Style()
    lines: list[str] = []
    lines += _head(assessment, style)
    lines += _frameworks(assessment, style)
    lines += _completeness(assessment, style)
    problems = [result for result in assessment["results"] if result["status"] in ("fail", "error")]
    lines += _problems(problems, assessment, style)
    if show == "all":
        lines += _all(assessment["results"], style)
    lines += _unread(assessment.get("unread", ()), style)
    lines.append(_last(assessment, problems, style))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(assessment: Mapping[str, Any], style: Style) -> Iterator[str]:
    target = assessment["target"]
    identity = target.get("identity") or {}
    name = clean(identity.get("os_name") or identity.get("os_id") or "unknown system")
    kind = {"live": "this machine, live", "tree": "a directory tree, offline"}.get(target["kind"], target["kind"])
    host = f" · {clean(identity['host_name'])}" if identity.get("host_name") else ""
    arch = f" · {clean(identity['arch'])}" if identity.get("arch") else ""
    yield style.paint(f"{name}{arch}{host}", "1")
    profiles = ", ".join(_profile(one) for one in assessment["profiles"])
    evidence = f"{assessment['facts_digest'][:19]}…"
    yield f"{clean(kind)} · profile {profiles} · {assessment['evaluated_at']} · evidence {evidence}"
    yield ""


def _profile(one: Mapping[str, Any]) -> str:
    extends = f" (extends {clean(', '.join(one['extends']))})" if one["extends"] else ""
    return f"{clean(one['id'])}{extends}"


def _frameworks(assessment: Mapping[str, Any], style: Style) -> Iterator[str]:
    summary = assessment["summary"]
    if not summary:
        return
    width = max(len(clean(one["short"])) for one in summary.values())
    yield style.paint("Controls by framework", "1")
    for one in summary.values():
        yield (
            f"  {clean(one['short']):<{width}}  {_counts(one['counts'], style)}"
            f"  ({one['controls']} controls{_answered(one)}; {_FIT[one['fit']]})"
        )
        if one.get("claims"):
            claims = "  ".join(f"{number} {word.replace('_', ' ')}" for word, number in one["claims"].items())
            yield f"  {'':<{width}}  claims: {clean(claims)}"
    yield ""


def _answered(summary: Mapping[str, Any]) -> str:
    return f", {summary['answered']} answered by a person" if summary.get("answered") else ""


def _completeness(assessment: Mapping[str, Any], style: Style) -> Iterator[str]:
    done = assessment["completeness"]
    yield style.paint("Rules", "1") + f"  {_counts(done['counts'], style)}"
    yield (
        f"  {done['judged']} of {done['applicable']} applicable rules got a real verdict ({done['percent']} %), "
        f"of {done['selected']} selected."
    )
    if done["persistent_half"]:
        yield f"  {done['persistent_half']} results show the persistent half only (what is configured, not what runs)."
    for reason in done["reasons"]:
        yield style.paint(f"  INCOMPLETE: {clean(reason)}", "1;33")
    yield ""


def _problems(problems: Sequence[Mapping[str, Any]], assessment: Mapping[str, Any], style: Style) -> Iterator[str]:
    for severity in _SEVERITIES:
        some = [result for result in problems if result["severity"] == severity]
        if not some:
            continue
        fails = sum(result["status"] == "fail" for result in some)
        errors = len(some) - fails
        heading = f"{severity.upper()}: {fails} failed" + (f", {errors} in error" if errors else "")
        yield style.paint(heading, "1")
        for result in sorted(some, key=lambda result: (result["status"] != "fail", result["rule"], result["instance"])):
            yield from _problem(result, assessment, style)
        yield ""


def _problem(result: Mapping[str, Any], assessment: Mapping[str, Any], style: Style) -> Iterator[str]:
    yield f"  {style.status(result['status'], clean(result['title']))}  [{result['rule']}]"
    drift = result["explanation"].partition(":")[0] if result["explanation"].startswith("drift") else ""
    if drift:
        yield f"      {drift}: the running system and the configuration differ"
    yield from _field("expected", result["expected"], style)
    yield from _field("found", result["found"], style)
    places = [_place(one) for one in result["evidence"][:3]]
    if places:
        yield from _field("where", ", ".join(places), style)
    rule = assessment["rules"].get(result["rule"], {})
    if rule.get("remediation", {}).get("summary"):
        yield from _field("fix", rule["remediation"]["summary"], style)
    if result.get("waiver"):
        waiver = result["waiver"]
        word = "EXPIRED waiver" if waiver["expired"] else "waived"
        yield from _field(
            word, f"{waiver['id']} by {waiver['owner']} until {waiver['expires']}: {waiver['reason']}", style
        )


def _last(assessment: Mapping[str, Any], problems: Sequence[Mapping[str, Any]], style: Style) -> str:
    """The verdict once more, because a long list has scrolled it away."""
    done = assessment["completeness"]
    fails = [result for result in problems if result["status"] == "fail"]
    by = ", ".join(
        f"{number} {severity}"
        for severity in _SEVERITIES
        if (number := sum(result["severity"] == severity for result in fails))
    )
    text = f"{len(fails)} of {done['applicable']} applicable rules fail" + (f": {by}" if by else "")
    return style.paint(text + ("." if done["complete"] else ". The assessment is INCOMPLETE."), "1")


def _place(evidence: Mapping[str, Any]) -> str:
    where = clean(evidence["source"])
    if "line" in evidence:
        return f"{where}:{evidence['line']}"
    return f"{where}@{evidence['offset']}" if "offset" in evidence else where


def _field(label: str, value: Any, style: Style) -> list[str]:
    lead = f"      {label:<9} "
    body = clean(value)
    body = body if len(body) <= 600 else body[:597] + "…"
    return wrapped(body, style.width, lead=lead, then=" " * len(lead)) or [lead]


def _all(results: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    yield style.paint("All results", "1")
    for result in results:
        half = f"  ({clean(result['half'])})" if result.get("half") else ""
        yield f"  {style.status(result['status']):<18}  {result['instance']}  {clean(result['title'])}{half}"
    yield ""


def _unread(unread: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    failed = [one for one in unread if one["state"] != "not_collected"]
    if not failed:
        return
    yield style.paint(f"Could not be read: {len(failed)} facts", "1")
    for one in failed[:12]:
        asked = f"{one['rules']} {'rule asks' if one['rules'] == 1 else 'rules ask'} it"
        yield f"  {clean(one['fact'])}: {clean(one['reason'])[:160]} ({asked})"
    if len(failed) > 12:
        yield f"  and {len(failed) - 12} more: see `unread` in the assessment JSON"
    yield ""


def _render(assessment: Mapping[str, Any]) -> bytes:
    return text(assessment, show="all").encode("utf-8")


OUTPUT = Output("table", "The terminal summary as plain text, with every result.", ".txt", _render)
