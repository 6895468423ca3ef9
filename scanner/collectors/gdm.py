"""The GNOME display manager's own settings. Source: GDM reference manual, "Configuration", [daemon] and [security].

The file is a GKeyFile: names keep their case, the last value of a key counts, and a broken line voids the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import nm_keyfile

_FILES = ("/etc/gdm/custom.conf", "/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf")
_PROGRAMS = ("/usr/sbin/gdm", "/usr/bin/gdm", "/usr/sbin/gdm3")


def _settings(look: Look) -> Json:
    path = next((path for path in _FILES if look.entry(path) is not None), None)
    if path is None:
        if any(look.entry(program) is not None for program in _PROGRAMS):
            return []
        look.because("GDM is not installed")
        return None
    try:
        items = nm_keyfile.items(look.text(path) or "")
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    last = {(item.group, item.key): item for item in items}
    return [
        {"section": section, "key": key, "value": item.value, "source": path, "line": item.line}
        for (section, key), item in sorted(last.items())
    ]


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"gdm.settings": _settings})


COLLECTOR = Collector(
    id="gdm",
    facts=(
        FactSpec(
            "gdm.settings",
            "table",
            "Settings of GDM's configuration file, by section and key; absent where GDM is not installed.",
            fields={
                "section": "text: section, daemon",
                "key": "text: key as written",
                "value": "text: value",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"value[key=automaticlogin,timedlogin]": "user"},
        ),
    ),
    collect=collect,
)
