"""AIDE, the file integrity checker: what it records, where its database is, and when it runs.

Sources: aide.conf(5), aide(1), crontab(5), run-parts(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.refusals import refusals, spec
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import aide_conf
from scanner.parsers.aide_conf import Config, Include

_FILES = ("/etc/aide.conf", "/etc/aide/aide.conf")
_TABLES = ("/etc/crontab", "/etc/anacrontab", "/var/spool/cron/root", "/var/spool/cron/crontabs/root")
_PERIODS = {"hourly": True, "daily": True, "weekly": True, "monthly": False}
_CHECK = re.compile(r"(?:^|[\s;&|(])(?:/usr)?/s?bin/aide(?:\.wrapper)?\s(?:[^#\n]*\s)?(?:--check|-C)(?:\s|$|[;&|)])")
_MAIL = re.compile(r"\|\s*(?:/usr)?/bin/(?:mail|mailx|s-nail)\s[^|\n]*?([\w.+-]+@[\w.-]+)")
_NAMED = re.compile(r"@(\w+)\s")
_STEP = re.compile(r"\*(?:/[1-7])?\Z")
_MAX_FILES = 500


def _main(look: Look) -> str | None:
    return next((path for path in _FILES if look.entry(path) is not None), None)


def _config(look: Look) -> Config | None:
    path = _main(look)
    if path is None:
        return None
    config = Config()
    waiting = [path]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path in seen or len(seen) > _MAX_FILES:
            continue
        seen.add(path)
        text = look.text(path)
        if text is None:
            raise ParseError(f"{path} is included and does not exist")
        try:
            aide_conf.parse(config, text, path)
        except ParseError as error:
            raise ParseError(str(error), where=path) from None
        waiting += [one for include in config.includes for one in _included(look, include)]
        config.includes.clear()
    return config


def _included(look: Look, include: Include) -> list[str]:
    if include.names is None:
        return [include.path]
    # Every name is taken: the expression that chooses names is the target's, and more is only more to look at.
    return [f"{include.path.rstrip('/')}/{name}" for name in look.names(include.path) if re.match(r"[\w.-]+\Z", name)]


def _settings(look: Look) -> Json:
    config = look.shared(_config)
    if config is None:
        look.because("there is no aide.conf")
        return None
    value, source, line = config.options.get("database_in") or config.options.get("database") or (None, None, None)
    path = value.removeprefix("file:") if value is not None and value.startswith(("file:", "/")) else None
    path = "/" + path.lstrip("/") if path else None
    entry = look.entry(path) if path is not None else None
    return {
        "database": value,
        "database_path": path,
        "database_exists": entry is not None and entry.type == "file" and entry.size > 0,
        "source": source or _main(look),
        "line": line,
    }


def _rules(look: Look) -> Json:
    config = look.shared(_config)
    if config is None:
        look.because("there is no aide.conf")
        return None
    return [
        {
            "how": one.how,
            "path": one.pattern,
            "attributes": sorted(one.attributes),
            "source": one.source,
            "line": one.line,
        }
        for one in config.selections
    ]


def _refused(look: Look) -> Json:
    if _main(look) is None:
        look.because("there is no aide.conf")
    return refusals(look, _config)


# ---- when it runs --------------------------------------------------------------------------------------------------


def _schedule(look: Look) -> Json:
    records = []
    tables = [*_TABLES, *(f"/etc/cron.d/{name}" for name in look.try_names("/etc/cron.d"))]
    for path in tables:
        for number, line in enumerate((look.try_text(path) or "").split("\n"), 1):
            if not line.lstrip().startswith("#") and _CHECK.search(line):
                records.append(_run(path, number, line, _at_least_weekly(line.strip())))
    for period, weekly in _PERIODS.items():
        folder = f"/etc/cron.{period}"
        for name in look.try_names(folder):
            path = f"{folder}/{name}"
            entry = look.entry(path)
            if entry is None or entry.type != "file" or not entry.mode & 0o100:
                continue  # run-parts starts programs only
            for number, line in enumerate((look.try_text(path) or "").split("\n"), 1):
                if not line.lstrip().startswith("#") and _CHECK.search(line):
                    records.append(_run(path, number, line, weekly))
    return records


def _run(path: str, number: int, line: str, weekly: bool) -> dict[str, Json]:
    mail = _MAIL.search(line)
    return {
        "at_least_weekly": weekly,
        "mails_to": None if mail is None else mail.group(1),
        "source": path,
        "line": number,
    }


def _at_least_weekly(line: str) -> bool:
    """Whether a crontab line is due every seven days or more often."""
    named = _NAMED.match(line)
    if named is not None:
        return named.group(1) in ("hourly", "daily", "midnight", "weekly")
    words = line.split()
    if len(words) < 6:
        return False
    _, _, day, month, weekday = words[:5]
    return month == "*" and (day == "*" or (bool(_STEP.match(day)) and weekday == "*"))


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts(
        {
            "aide.settings": _settings,
            "aide.rules": _rules,
            "aide.refused": _refused,
            "aide.schedule": _schedule,
        }
    )


COLLECTOR = Collector(
    id="aide",
    facts=(
        FactSpec(
            "aide.settings",
            "object",
            "AIDE's database; absent: there is no aide.conf.",
            fields={
                "database": "text: database_in as configured; null: not set",
                "database_path": "text: its path; null: not a file",
                "database_exists": "flag: a file that is not empty lies there",
                "source": "text: file",
                "line": "number: line; null: not set",
            },
        ),
        FactSpec(
            "aide.rules",
            "table",
            "Selection lines in order, groups of attributes taken apart.",
            fields={
                "how": "text: select, equals or leave out",
                "path": "text: expression for paths",
                "attributes": "list: attributes that are compared",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        spec("aide.refused", "AIDE"),
        FactSpec(
            "aide.schedule",
            "table",
            "Lines of cron that run a check (timers are in systemd.timers).",
            fields={
                "at_least_weekly": "flag: due every seven days or more often",
                "mails_to": "text: address the result is piped to; null: none",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"mails_to": "user"},
        ),
    ),
    collect=collect,
)
