"""Files that systemd-tmpfiles makes, changes or removes. Source: tmpfiles.d(5), CONFIGURATION DIRECTORIES AND
PRECEDENCE.

A file in /etc hides one of the same name in /usr/lib; of lines for the same path and type the first one counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import tmpfiles_conf

_FOLDERS = ("/etc/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d")

_WITH_SOURCE = frozenset("CL")
_ASKED = ("modifiers", "mode", "user", "group", "age", "argument")
_MOST = 100


def _lines(look: Look) -> Json:
    if all(look.entry(folder) is None for folder in _FOLDERS):
        look.because("no tmpfiles.d folder exists")
        return None
    first: dict[tuple[str, str], dict[str, Json]] = {}
    contradictions: Counter[tuple[str, str]] = Counter()
    for path in look.drop_ins(_FOLDERS, ".conf"):
        try:
            found = tmpfiles_conf.parse(look.try_text(path) or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        for line in found:
            key, record = (line.path, line.type), _record(line, path)
            held = first.setdefault(key, record)
            contradictions[key] += any(held[name] != record[name] for name in _ASKED)
    return [{**first[key], "contradictions": min(contradictions[key], _MOST)} for key in sorted(first)]


def _record(line: tmpfiles_conf.Line, path: str) -> dict[str, Json]:
    mode = (line.mode or "").lstrip("~:")
    return {
        "type": line.type,
        "modifiers": line.modifiers,
        "path": line.path,
        "mode": f"{int(mode, 8):04o}" if mode and set(mode) <= set("01234567") and len(mode) < 6 else None,
        "user": line.user,
        "group": line.group,
        "age": line.age,
        "argument": line.argument if line.type in _WITH_SOURCE else None,
        "source": path,
        "line": line.line,
    }


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"tmpfiles.lines": _lines})


COLLECTOR = Collector(
    id="tmpfiles",
    facts=(
        FactSpec(
            "tmpfiles.lines",
            "table",
            "Lines of tmpfiles.d that count, by path and type; absent where there is no such folder.",
            fields={
                "type": "text: letter, C for a copy",
                "modifiers": "text: signs behind the letter, + or !",
                "path": "text: path",
                "mode": "text: permission bits, 0600; null: the default",
                "user": "text: owner; null: root",
                "group": "text: group; null: root",
                "age": "text: age; null: kept",
                "argument": "text: source of a copy or target of a link; null: the default, or content",
                "contradictions": "number: later lines for the same that ask for something else (up to 100)",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"user": "user", "group": "user"},
        ),
    ),
    collect=collect,
)
