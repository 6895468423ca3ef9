"""journald.conf with its drop-ins and defaults. Sources: journald.conf(5), systemd.syntax(7)."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import systemd_unit

_MAIN = ("/etc/systemd/journald.conf", "/usr/local/lib/systemd/journald.conf", "/usr/lib/systemd/journald.conf")
_FOLDERS = tuple(f"{path}.d" for path in _MAIN)
_STORAGE = ("volatile", "persistent", "auto", "none")
_TRUE = frozenset(("1", "yes", "y", "true", "t", "on"))
_FALSE = frozenset(("0", "no", "n", "false", "f", "off"))
_DEFAULTS: dict[str, str | bool] = {"Storage": "auto", "Compress": True, "ForwardToSyslog": False}
_MOST = 100
_FIELDS = {"Storage": "storage", "Compress": "compress", "ForwardToSyslog": "forward_to_syslog"}


def _settings(look: Look) -> Json:
    files = [path for path in _MAIN if look.entry(path) is not None][:1] + look.drop_ins(_FOLDERS, ".conf")
    if not files and look.entry("/usr/lib/systemd/systemd-journald") is None:
        look.because("neither journald.conf nor systemd-journald exists")
        return None
    values = dict(_DEFAULTS)
    places: dict[str, str] = {}
    said: dict[str, list[str | bool | None]] = {key: [] for key in _DEFAULTS}
    for path in files:
        for setting in systemd_unit.parse(look.text(path) or ""):
            if setting.section != "Journal" or setting.key not in _DEFAULTS:
                continue
            value = _value(setting.key, setting.value)
            said[setting.key].append(value)
            if value is not None:
                values[setting.key] = value
                places[_FIELDS[setting.key]] = f"{path}:{setting.line}"
    return {
        **{_FIELDS[key]: values[key] for key in _FIELDS},
        "written": sorted(places),
        "contradictions": {
            _FIELDS[key]: min(sum(value != values[key] for value in found), _MOST) for key, found in said.items()
        },
        "places": {key: places[key] for key in sorted(places)},
    }


def _value(key: str, text: str) -> str | bool | None:
    """The value journald takes; None for one that it ignores. An empty one stands for the default."""
    if not text:
        return _DEFAULTS[key]
    if key == "Storage":
        return text if text in _STORAGE else None
    word = text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    # A size says from which length on entries are compressed.
    return True if key == "Compress" and text[:1].isdigit() else None


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts({"journald.settings": _settings})


COLLECTOR = Collector(
    id="journald",
    facts=(
        FactSpec(
            "journald.settings",
            "object",
            "Settings of systemd-journald, drop-ins merged, defaults filled in.",
            fields={
                "storage": "text: volatile, persistent, auto or none",
                "compress": "flag: large entries are compressed",
                "forward_to_syslog": "flag: entries go to a syslog daemon too",
                "written": "list: settings that a file sets to a value journald takes",
                "places": "object: setting to file:line that set it",
                "contradictions": "object: setting to the number of lines that say another value or none that journald "
                "takes, and do not count (up to 100)",
            },
        ),
    ),
    collect=collect,
)
