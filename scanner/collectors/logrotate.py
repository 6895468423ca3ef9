"""How often logrotate turns logs over, and whether anything starts it.

Settings outside of braces are defaults for the logs below them, also for those of included files; inside they belong to
the patterns before the brace. Without any frequency logrotate goes by size. Source: logrotate(8), CONFIGURATION FILE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.path_globs import glob_paths
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json

_CONFIG = "/etc/logrotate.conf"
_FREQUENCIES = frozenset({"hourly", "daily", "weekly", "monthly", "yearly"})
_SCRIPTS = frozenset({"postrotate", "prerotate", "firstaction", "lastaction", "preremove"})
_CRON = "/etc/cron.daily/logrotate"


def _frequencies(look: Look) -> Json:
    text = look.text(_CONFIG)
    if text is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    records: list[Json] = []
    for path, content in [(_CONFIG, text), *_included(look, text)]:
        records += [
            {"scope": scope, "frequency": word, "source": path, "line": line}
            for scope, word, line in _of_file(path, content)
        ]
    return records


def _included(look: Look, text: str) -> Iterator[tuple[str, str]]:
    """Files that the main file includes; a folder means every file in it."""
    for match in re.finditer(r"^[ \t]*include[ \t]+(\S+)", text, re.MULTILINE):
        place = match[1].rstrip("/")
        entry = look.entry(place)
        folder = entry is not None and entry.type == "directory"
        for path in glob_paths(look, f"{place}/*" if folder else place):
            content = look.try_text(path)
            if content is not None:
                yield path, content


def _of_file(path: str, text: str) -> Iterator[tuple[str, str, int]]:
    """(default or log, frequency, line) of every frequency in one file."""
    inside = script = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if script:
            script = line != "endscript"
            continue
        if line.startswith("#"):
            continue
        script = inside and line in _SCRIPTS
        words = line.replace("{", " { ").replace("}", " } ").split()
        for word in words:
            if word in "{}":
                if inside == (word == "{"):
                    raise ParseError(f"{path}: a brace that does not fit", line=number)
                inside = word == "{"
            elif word in _FREQUENCIES:
                yield "log" if inside else "default", word, number
    if inside:
        raise ParseError(f"{path}: a brace is not closed")


def _cron(look: Look) -> Json:
    entry = look.entry(_CRON)
    return entry is not None and entry.type == "file" and bool(entry.mode & 0o111)


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"logrotate.frequencies": _frequencies, "logrotate.cron": _cron})


COLLECTOR = Collector(
    id="logrotate",
    facts=(
        FactSpec(
            "logrotate.frequencies",
            "table",
            "How often logs are turned over, in the order of the files; absent where logrotate is not configured.",
            fields={
                "scope": "text: default (for the logs below it) or log (for those before the brace)",
                "frequency": "text: hourly, daily, weekly, monthly or yearly",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec("logrotate.cron", "value", "Whether /etc/cron.daily holds a program that starts logrotate."),
    ),
    collect=collect,
)
