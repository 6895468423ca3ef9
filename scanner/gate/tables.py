"""The tables of docs/gate.md, from the code that decides. `python -m scanner.gate.tables` writes them into the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scanner import files
from scanner.gate.classes import ABSENT, BAD, CLASSES, DEFAULT_ACTIONS, TRANSITIONS, WAIVER_STATES, classify
from scanner.model.result import STATUSES

__all__ = ["documented", "tables"]

_WORDS = (*STATUSES, ABSENT)


def tables() -> dict[str, str]:
    """Name of a table -> its Markdown."""
    return {"statuses": _markdown(_statuses()), "waivers": _markdown(_waivers()), "classes": _markdown(_classes())}


def documented(page: str) -> str:
    """The page with its tables as the code gives them. Each stands between two comments that name it."""
    for name, table in tables().items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        head, found, rest = page.partition(begin)
        if found:
            page = f"{head}{begin}{table}{end}{rest.partition(end)[2]}"
    return page


def _markdown(rows: Iterator[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * (lines[0].count('|') - 1)}")
    return "\n".join(lines) + "\n"


def _statuses() -> Iterator[Sequence[str]]:
    """Every status before (rows) with every status after (columns)."""
    yield ("before \\ after", *map(_word, _WORDS))
    for before in _WORDS:
        yield (f"**{_word(before)}**", *(_word(TRANSITIONS[before, after]) for after in _WORDS))


def _waivers() -> Iterator[Sequence[str]]:
    """What a waiver makes of each pair that ends without a pass: by its state before and after."""
    states = [(before, after) for before in WAIVER_STATES for after in WAIVER_STATES]
    yield ("before → after", *(f"{before} → {after}" for before, after in states))
    for before in _WORDS:
        for after in BAD:
            yield (f"{_word(before)} → {after}", *(_cell(before, after, *pair) for pair in states))


def _cell(before: str, after: str, waived_before: str, waived_after: str) -> str:
    if before not in BAD and waived_before != "none":
        return "–"  # a waiver notes nothing on a result that is not bad
    name = classify(before, after, waived_before=waived_before, waived_after=waived_after)
    return f"{_word(name)}, accepted" if waived_after == "holding" else _word(name)


def _classes() -> Iterator[Sequence[str]]:
    yield ("class", "default", "meaning")
    for name, about in CLASSES.items():
        if name != "unchanged":
            yield (f"`{name}`", DEFAULT_ACTIONS[name], about)


def _word(name: str) -> str:
    return name.replace("_", " ")


if __name__ == "__main__":
    _PAGE = Path(__file__).parents[2] / "docs" / "gate.md"
    files.write_output(str(_PAGE), documented(files.read_bytes(_PAGE).decode()).encode())
