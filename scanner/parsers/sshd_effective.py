"""From lines to what holds: first value wins, some keywords add up, Match blocks override, defaults fill the rest.

Source: sshd_config(5); servconf.c. sshd reads its files once for everybody (Match blocks inactive, except `Match all`),
then again for each connection with only the matching blocks active; what a block sets replaces the global value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.sshd_config import Line
from scanner.parsers.sshd_values import ACCUMULATING, DEFAULTS, GLOBAL_ONLY, normal, refused

__all__ = ["EVERYBODY", "MOST_CONTRADICTIONS", "Effective", "Setting", "conjunction", "effective"]

EVERYBODY = "all"
"""Criteria of a block that matches every connection."""

MOST_CONTRADICTIONS = 100
"""Counted no further: rules whose limit is this ask for nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line with its place: the file, and the criteria of the Match block around it (None outside of any)."""

    item: Line
    source: str
    match: str | None


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for a keyword: for everybody (`match` None) or where `match` says. Defaults have no source.

    `contradictions`: later lines for the same with another value, which do not count; `repeated`: those of them in the
    same file. Both are at most MOST_CONTRADICTIONS.
    """

    keyword: str
    values: tuple[str, ...]
    match: str | None
    source: str | None
    line: int | None
    contradictions: int = 0
    repeated: int = 0


def conjunction(outer: str | None, inner: tuple[str, ...]) -> str:
    """Criteria of a block with `inner` criteria that lies inside one with `outer` (an Include inside a Match)."""
    own = " ".join(inner)
    if own.lower() == EVERYBODY:
        return outer or EVERYBODY
    return own if outer in (None, EVERYBODY) else f"{outer} && {own}"


def effective(settings: Iterable[Setting], defaults: Mapping[str, tuple[str, ...]] = DEFAULTS) -> list[Effective]:
    """What holds, sorted by keyword, the global value before its overrides, those in the order of the file.

    A line that would not count, but whose word sshd refuses, stands beside the value in force: with it sshd does not
    start, and a rule about that keyword must not pass. Raises ParseError for what makes the whole file unreadable to
    sshd: a global keyword inside a Match block, a value of wrong form.
    """
    held: dict[tuple[str, str | None], Effective] = {}
    wrong: list[Effective] = []
    added: dict[tuple[str, str | None], list[str]] = {}
    for setting in settings:
        keyword = setting.item.keyword
        if setting.match not in (None, EVERYBODY) and keyword in GLOBAL_ONLY:
            raise ParseError(f"{keyword} is not allowed within a Match block", line=setting.item.line)
        values = normal(setting.item)
        for match in _reach(setting.match):
            new = Effective(keyword, values, match, setting.source, setting.item.line)
            if (keyword, match) in held and refused(keyword, values):
                wrong.append(new)
            _take(held, added, new)
    for key, more in added.items():
        held[key] = replace(held[key], values=(*held[key].values, *more))
    for keyword, values in defaults.items():
        held.setdefault((keyword, None), Effective(keyword, values, None, None, None))
    # Dictionaries keep the order of insertion, so a stable sort keeps the order of the file among overrides.
    return sorted([*held.values(), *wrong], key=lambda item: (item.keyword, item.match is not None))


def _reach(match: str | None) -> tuple[str | None, ...]:
    """`Match all` counts in the first reading as if it stood outside of any block, and overrides in the second."""
    return (None, EVERYBODY) if match == EVERYBODY else (match,)


def _take(
    held: dict[tuple[str, str | None], Effective], added: dict[tuple[str, str | None], list[str]], new: Effective
) -> None:
    # Each subsystem has a name, and each Include stands for itself.
    keyword = f"{new.keyword} {new.values[0]}" if new.keyword in ("subsystem", "include") else new.keyword
    key = (keyword, new.match)
    if key not in held:
        held[key] = new
    elif keyword in ACCUMULATING:
        added.setdefault(key, []).extend(new.values)
    elif new.values != held[key].values:
        first = held[key]
        held[key] = replace(
            first,
            contradictions=min(first.contradictions + 1, MOST_CONTRADICTIONS),
            repeated=min(first.repeated + (first.source == new.source), MOST_CONTRADICTIONS),
        )
