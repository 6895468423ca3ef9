"""From results to controls: coverage in six words, and a status that is never better than what was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scanner.model.control import Control, Framework
from scanner.model.result import ControlResult, Result

__all__ = ["control_rules", "coverage_of", "is_group", "roll_up"]

_ORDER = ("fail", "error", "unknown", "manual")


def control_rules(framework: Framework, rules: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Control id -> rule ids mapped to it. `rules`: rule id -> its mappings."""
    found: dict[str, set[str]] = {
        control: set(framework.extra_rules.get(control, ())) for control in framework.controls
    }
    for rule, mappings in rules.items():
        for control in mappings.get(framework.id, ()):
            if control in found:
                found[control].add(rule)
    for member in framework.controls.values():
        above = framework.controls.get(member.parent or "")
        while above is not None and is_group(above):
            found[above.id] |= found[member.id]
            above = framework.controls.get(above.parent or "")
    return {control: sorted(ids) for control, ids in found.items()}


def is_group(control: Control) -> bool:
    """Whether the control only holds others together (a PCI group, a HIPAA heading): its rules are theirs."""
    return control.props.get("leaf") is False or control.props.get("type") == "heading"


def coverage_of(framework: Framework, control: Control, rules: Sequence[str]) -> str:
    """How the control is covered: automated only when rules exist and the mapping vouches that they cover all of it."""
    if rules:
        return "automated" if framework.coverage.get(control.id) == "full" else "partial"
    if control.assessment in ("automated", "partial"):
        return "not_yet"
    return control.assessment


def roll_up(framework: Framework, control: Control, rules: Sequence[str], results: Sequence[Result]) -> ControlResult:
    """The control's result. Any fail, then error, unknown, manual decide; pass needs full coverage."""
    coverage = coverage_of(framework, control, rules)
    return ControlResult(
        framework=framework.id,
        id=control.id,
        title=control.title,
        status=_status(coverage, {result.status for result in results}),
        coverage=coverage,
        results=tuple(sorted(result.instance for result in results)),
        note=control.note,
    )


def _status(coverage: str, statuses: set[str]) -> str:
    for status in _ORDER:
        if status in statuses:
            return status
    if not statuses:
        # No rule judged it: nothing was shown, whatever the catalog hopes for.
        return {"not_applicable": "not_applicable", "manual": "manual", "inherited": "manual"}.get(coverage, "unknown")
    if statuses == {"not_applicable"}:
        return "not_applicable" if coverage == "automated" else "manual"
    return "pass" if coverage == "automated" else "pass_in_part"
