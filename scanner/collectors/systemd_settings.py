"""Settings of systemd's own programs: system.conf, coredump.conf, logind.conf and their drop-ins.

The main file is the first found in /etc, /usr/local/lib and /usr/lib; drop-ins are merged by name over the same folders
and read after it. Source: systemd-system.conf(5), coredump.conf(5), logind.conf(5), man/standard-conf.xml.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers.systemd_unit import parse

_FOLDERS = ("/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
_PROGRAMS = ("system", "coredump", "logind")


def _settings(look: Look) -> Json:
    found: dict[tuple[str, str, str], dict[str, Json]] = {}
    changes: dict[tuple[str, str, str], int] = {}
    for program in _PROGRAMS:
        main = next((f"{folder}/{program}.conf" for folder in _FOLDERS if _is_there(look, folder, program)), None)
        drop_ins = look.drop_ins([f"{folder}/{program}.conf.d" for folder in _FOLDERS], ".conf")
        for path in ([main] if main is not None else []) + drop_ins:
            text = look.try_text(path)
            if text is None:
                continue
            try:
                settings = parse(text)
            except ParseError as error:
                look.gap(path, reason_of(error))
                continue
            for item in settings:
                key = (program, item.section, item.key)
                if key in found and found[key]["value"] != item.value:
                    changes[key] = changes.get(key, 0) + 1
                found[key] = {
                    "program": program,
                    "section": item.section,
                    "key": item.key,
                    "value": item.value,
                    "changes": changes.get(key, 0),
                    "source": path,
                    "line": item.line,
                }
    if not found and not any(look.names(folder) for folder in _FOLDERS):
        look.because("no systemd: none of the folders for its settings exists")
        return None
    return [found[key] for key in sorted(found)]


def _is_there(look: Look, folder: str, program: str) -> bool:
    return look.entry(f"{folder}/{program}.conf") is not None


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield look.fact("systemd.settings", _settings)


COLLECTOR = Collector(
    id="systemd_settings",
    facts=(
        FactSpec(
            "systemd.settings",
            "table",
            "system.conf, coredump.conf and logind.conf: the last assignment of each key; absent without systemd.",
            fields={
                "program": "text: system, coredump or logind",
                "section": "text: section",
                "key": "text: key as written",
                "value": "text: value; empty means the default",
                "changes": "number: how often a later line set another value than the one before",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"value": "address", "value[key=ntp,fallbackntp,dns,fallbackdns,domains,url]": "host"},
        ),
    ),
    collect=collect,
)
