"""The comparison in at most ten lines for someone who buys: no jargon, the worst first, names where they are few."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from scanner.supply_chain.comparing.result import LEVELS, Change, Side, Suggestion

__all__ = ["MAX_LINES", "summarise"]

MAX_LINES = 10
_NAMED = 3
_LONGEST = 60


def summarise(
    old: Side,
    new: Side,
    changes: Sequence[Change],
    accounted: Mapping[str, int],
    suggestions: Sequence[Suggestion],
    notes: Sequence[str],
) -> tuple[str, ...]:
    """The lines. `changes` with their materiality, `accounted` as in `Diff`."""
    if not changes:
        lines = [f"{_title(new)} and {_title(old)}: no difference in {accounted['unchanged']} components."]
    else:
        lines = [_head(old, new, changes, accounted), _verdict(changes)]
        variants = sum(one.kind == "variant" for one in suggestions)
        if variants:
            lines.append(
                f"Of those added and removed, {_count(variants, 'package')} may only be built for another architecture "
                "or come from another place."
            )
        lines += [line for part in _PARTS for line in part(changes)]
    if notes:
        lines = lines[: MAX_LINES - 1]
        lines.append(f"Not everything could be compared: {_count(len(notes), 'note')} below.")
    return tuple(lines[:MAX_LINES])


def _title(side: Side) -> str:
    version = side.version if len(side.version) <= _LONGEST // 2 else side.version[: _LONGEST // 3] + "…"
    return " ".join(part for part in (side.name or side.source or "the document", version) if part)


def _head(old: Side, new: Side, changes: Sequence[Change], accounted: Mapping[str, int]) -> str:
    kinds = [change.kind for change in changes]
    said = [
        (kinds.count("component_added"), "added"),
        (kinds.count("component_removed"), "removed"),
        (kinds.count("version_upgraded"), "updated"),
        (kinds.count("version_downgraded"), "taken back to an older version"),
        (kinds.count("version_changed"), "of another version"),
    ]
    parts = ", ".join(f"{number} {words}" for number, words in said if number) or "none came, went or changed version"
    return (
        f"{_title(new)} compared with {_title(old)}: of {_count(new.components, 'component')}, {parts}; "
        f"{accounted['unchanged']} unchanged."
    )


def _verdict(changes: Sequence[Change]) -> str:
    serious = [(sum(change.materiality == level for change in changes), level) for level in LEVELS[:3]]
    told = ", ".join(f"{number} {level}" for number, level in serious if number)
    return f"Needs a decision: {told}." if told else "Nothing of critical, high or medium weight."


def _flaws(changes: Sequence[Change]) -> Iterator[str]:
    open_states = ("affected", "unknown", "under_investigation")
    worse = [
        one
        for one in changes
        if one.kind in ("vulnerability_appeared", "vulnerability_changed")
        and one.facts["state"] in open_states
        and one.facts["state_before"] not in open_states
    ]
    better = [
        one
        for one in changes
        if one.kind in ("vulnerability_vanished", "vulnerability_changed")
        and one.facts["state_before"] in open_states
        and one.facts["state"] not in open_states
    ]
    if worse:
        worst = [one for one in worse if one.facts["severity"] in ("critical", "high")]
        grave = f", {len(worst)} of them critical or high" if worst else ""
        ids = _names(one.facts["vulnerability"] for one in worst or worse)
        yield f"Vulnerabilities: {len(worse)} new and open{grave}: {ids}."
    if better:
        yield f"Vulnerabilities: {len(better)} of the release before no longer open: " + (
            _names(one.facts["vulnerability"] for one in better) + "."
        )


def _line(
    kinds: Iterable[str], words: str, wanted: Callable[[Change], bool]
) -> Callable[[Sequence[Change]], list[str]]:
    chosen = frozenset(kinds)

    def part(changes: Sequence[Change]) -> list[str]:
        found = [one for one in changes if one.kind in chosen and one.materiality != "none" and wanted(one)]
        return [words.format(count=_count(len(found), "component"), names=_names(_named(found)))] if found else []

    return part


def _named(changes: Iterable[Change]) -> Iterator[str]:
    return (one.name or one.identity for one in changes)


def _duties(change: Change) -> bool:
    return change.facts.get("license_class") in ("strong_copyleft", "network_copyleft", "proprietary")


def _always(change: Change) -> bool:
    return True


def _unsaid(change: Change) -> bool:
    return change.facts.get("license_class") == "unknown"


def _told(change: Change) -> bool:
    return not change.facts.get("loss")


_PARTS: tuple[Callable[[Sequence[Change]], Iterable[str]], ...] = (
    _flaws,
    _line(
        ["hash_changed"],
        "Content: {count} with the version of before but other content (rebuilt or tampered with): {names}.",
        _always,
    ),
    _line(
        ["license_changed", "component_added"],
        "Licences: {count} new under copyleft or proprietary terms: {names}.",
        _duties,
    ),
    _line(["license_changed"], "Licences: no longer clear for {count}: {names}.", _unsaid),
    _line(["supplier_changed"], "Suppliers: {count} from someone else: {names}.", _told),
    _line(["version_downgraded"], "Older versions: {count} went back: {names}.", _always),
    _line(["support_passed"], "Support: ended for {count}: {names}.", _always),
    _line(
        ["component_added"],
        "New parts the product depends on itself: {count}: {names}.",
        lambda one: one.facts.get("reach") == "direct",
    ),
    _line(["quality_worse"], "The parts list itself says less than before: {names}.", _always),
)  # fmt: skip


def _names(names: Iterable[str]) -> str:
    """A few names and how many more there are."""
    distinct = list(dict.fromkeys(names))
    shown = ", ".join(name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name in distinct[:_NAMED])
    return shown + (f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
