"""Tables: choosing records three-valued, asking each, counting.

`where` puts each record in, out, or nobody can say (a field it asks for was not looked at). Nothing is skipped: a
record that may belong makes the outcome unknown wherever its belonging would matter, and a table that is not complete
never shows "all" or "none".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scanner.engine.conditions import RECORD_WORDS, test_record
from scanner.engine.status import ALL_ORDER, all_of
from scanner.model.records import dataclass

__all__ = ["TableVerdict", "judge_table"]

_FOREVER = 1 << 60


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """Status, the records that decided it, and how many were chosen."""

    status: str
    deciding: tuple[Any, ...] = ()
    chosen: int = 0
    empty: bool = False


def judge_table(clause: Mapping[str, Any], records: Sequence[Any], gap: str | None = None) -> TableVerdict:
    """`where`/`each`/`count` of `clause` over `records`.

    `gap` is the status (error or unknown) that stands for records nobody could read, or None for a complete table.
    """
    where = clause.get("where", {})
    sieve = _sieve(where)
    chosen: list[Any] = []
    doubtful: list[tuple[Any, str]] = []
    for record in records:
        if type(record) is dict and _ruled_out(sieve, record):
            continue  # as most records of a table are
        status = test_record(where, record)
        if status == "pass":
            chosen.append(record)
        elif status != "fail":
            # A condition that does not apply to a record chooses nothing and rules nothing out: nobody can say.
            doubtful.append((record, "unknown" if status == "not_applicable" else status))
    if "count" in clause:
        counted = _count(clause["count"], chosen, doubtful, gap)
        if "each" not in clause:
            return counted
        asked = _each(clause, chosen, doubtful, gap)
        return max((counted, asked), key=lambda verdict: -ALL_ORDER.index(verdict.status))
    return _each(clause, chosen, doubtful, gap)


class _Sieve(NamedTuple):
    """What alone decides of most records that a matcher fails: fields of which it wants one of some texts, and the
    alternatives of each `any`."""

    texts: list[tuple[str, frozenset[str]]]
    choices: list[list[_Sieve]]


def _sieve(matcher: Mapping[str, Any]) -> _Sieve:
    sieve = _Sieve([], [])
    for name, condition in matcher.items():
        if name == "any":
            sieve.choices.append([_sieve(one) for one in condition])
        elif name not in RECORD_WORDS:
            wanted = [condition]
            if isinstance(condition, dict) and len(condition) == 1:
                wanted = condition.get("in", [condition.get("equals")])
            if all(type(one) is str for one in wanted):
                sieve.texts.append((name, frozenset(wanted)))
    return sieve


def _ruled_out(sieve: _Sieve, record: Mapping[str, Any]) -> bool:
    """Whether the matcher certainly fails: a field holds another text, or each alternative is ruled out. False says
    nothing."""
    for name, wanted in sieve.texts:
        value = record.get(name)
        if type(value) is str and value not in wanted:
            return True
    return any(choice and all(_ruled_out(one, record) for one in choice) for choice in sieve.choices)


def _each(
    clause: Mapping[str, Any], chosen: Sequence[Any], doubtful: Sequence[tuple[Any, str]], gap: str | None
) -> TableVerdict:
    matcher = clause.get("each", {})
    statuses = [test_record(matcher, record) for record in chosen]
    open_ends = [status for record, status in doubtful if test_record(matcher, record) != "pass"]
    if gap is not None:
        open_ends.append(gap)
    if not chosen:
        if doubtful or gap is not None:
            return TableVerdict(
                all_of([status for _, status in doubtful] + ([gap] if gap else [])),
                tuple(record for record, _ in doubtful[:3]),
            )
        return TableVerdict(clause.get("if_empty", "fail"), empty=True)
    status = all_of(statuses + open_ends)
    deciding = [record for record, own in zip(chosen, statuses, strict=True) if own == status]
    if status not in statuses:
        deciding = [record for record, own in doubtful if own == status]
    return TableVerdict(status, tuple(deciding), len(chosen))


def _interval(condition: Any) -> tuple[int, int]:
    """The counts that satisfy `condition`: equals, at_least and at_most of whole numbers."""
    if not isinstance(condition, dict):
        return int(condition), int(condition)
    low, high = 0, _FOREVER
    for name, wanted in condition.items():
        number = int(wanted)
        if name in ("equals", "at_least"):
            low = max(low, number)
        if name in ("equals", "at_most"):
            high = min(high, number)
    return low, high


def _count(condition: Any, chosen: Sequence[Any], doubtful: Sequence[tuple[Any, str]], gap: str | None) -> TableVerdict:
    low, high = _interval(condition)
    least = len(chosen)
    most = _FOREVER if gap is not None else least + len(doubtful)
    if low <= least and most <= high:
        status = "pass"
    elif most < low or least > high:
        status = "fail"
    else:
        status = all_of([own for _, own in doubtful] + ([gap] if gap else []))
    return TableVerdict(status, tuple(chosen), least, empty=not chosen)
