"""Kernel settings below /proc/sys: what the boot will write there, and what stands there now.

Configured values are merged as systemd-sysctl does it: drop-in files by name over all folders, the last assignment of a
key wins, an explicit key (or an exclusion) beats a glob. Where there is no systemd, the files are read by `sysctl
--system` (procps, BusyBox), which takes /etc/sysctl.conf last; systemd reads that file only through a link in a folder.
Sources: sysctl.d(5), systemd src/sysctl/sysctl.c; sysctl(8) of procps; OpenRC init.d/sysctl.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors import unit_files
from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.model.errors import DamagedError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import sysctl_conf
from scanner.parsers.sysctl_conf import Assignment, dotted, is_glob, matches, path_of

_FOLDERS = ("/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_PLAIN = "/etc/sysctl.conf"
_SYSTEMD = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
_UNIT = "systemd-sysctl.service"
_PULLS_ALONG = {
    "net/ipv4/conf/default/forwarding": ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"),
    "net/ipv4/conf/all/forwarding": ("net/ipv4/ip_forward",),
    "net/ipv4/ip_forward": ("net/ipv4/conf/all/forwarding",),
    "net/ipv6/conf/default/forwarding": ("net/ipv6/conf/all/forwarding",),
}
"""Settings that are overwritten when another one is written (Documentation/networking/ip-sysctl.rst)."""


@dataclass(frozen=True, slots=True)
class _Line:
    source: str
    item: Assignment


@dataclass(frozen=True, slots=True)
class _Settings:
    """`lines` in the order in which they are applied; `unread`: assignments that nothing applies at boot."""

    lines: tuple[_Line, ...]
    unread: tuple[_Line, ...]
    reader: str | None


def _lines(look: Look, path: str) -> list[_Line]:
    try:
        entry = look.entry(path)
    except TargetError as error:
        look.gap(path, reason_of(error))
        return []
    if entry is None or entry.type in ("directory", "char"):
        return []
    text = look.try_text(path)
    if text is None:
        return []
    try:
        return [_Line(path, item) for item in sysctl_conf.parse(text)]
    except ParseError as error:
        look.gap(path, reason_of(error))
        return []


def _read(look: Look) -> _Settings:
    systemd = any(look.entry(path) is not None for path in _SYSTEMD)
    paths = [path for path in look.drop_ins(_FOLDERS, ".conf") if not path.rpartition("/")[2].startswith(".")]
    lines = [line for path in paths for line in _lines(look, path)]
    plain = _lines(look, _PLAIN)
    if systemd:
        linked = look.real(_PLAIN) in [look.real(path) for path in paths]
        reader = None if _idle(look) else "systemd-sysctl"
        return _Settings(tuple(lines), () if linked else tuple(plain), reader)
    # The same file under two names is applied twice, which changes nothing.
    return _Settings((*lines, *plain), (), "sysctl --system")


def _idle(look: Look) -> bool:
    """Whether systemd-sysctl is masked, replaced or held back, so that it applies nothing."""
    files = unit_files.find(look)
    entry = files.named(_UNIT)
    if entry is None:
        return False
    if not any(asked.name == _UNIT for asked in files.asked):
        return True
    read = files.unit(look, _UNIT)
    if entry.how in ("mask", "dangling") or read is None:
        return True
    unit, drop_ins = read
    if not any("systemd-sysctl" in line for line in unit.values("Service", "ExecStart")):
        return True
    # The vendor's own condition asks whether /proc/sys can be written; one that is added can only hold it back.
    own = [path for path in (entry.real, *drop_ins) if path is not None and path.startswith("/etc/")]
    added = [setting for path in own for setting in files.settings(look, path) or ()]
    return any(
        setting.section == "Unit"
        and setting.key.startswith(("Condition", "Assert"))
        and setting.value not in ("", "/proc/sys/", "/proc/sys/net/")
        for setting in added
    )


def _settings(look: Look) -> _Settings | None:
    """The settings, or None with the reason why nothing is configured."""
    settings = look.shared(_read)
    if settings.reader is None:
        look.because(f"{_UNIT} is masked, replaced or held back: no file is applied at boot")
        return None
    return settings


def _applied(settings: _Settings) -> dict[str, list[_Line]]:
    """Lines by path or glob, in the order of application, the deciding one last.

    As in systemd, a line that says what was said before leaves that one in its place; another one moves to the end.
    """
    found: dict[str, list[_Line]] = {}
    for line in settings.lines:
        before = found.get(line.item.path)
        if before is not None and before[-1].item.value == line.item.value:
            continue
        found[line.item.path] = [*found.pop(line.item.path, []), line]
    return found


def _record(path: str, lines: list[_Line]) -> dict[str, Json]:
    last = lines[-1]
    return {
        "key": dotted(path),
        "value": last.item.value,
        "glob": is_glob(path),
        "optional": last.item.optional,
        "overrides": [{"value": line.item.value, "source": line.source, "line": line.item.line} for line in lines[:-1]],
        "source": last.source,
        "line": last.item.line,
    }


def _configured(look: Look) -> Json:
    settings = _settings(look)
    if settings is None:
        return None
    applied = _applied(settings)
    return [_record(path, applied[path]) for path in sorted(applied)]


def _unread(look: Look) -> Json:
    settings = look.shared(_read)
    return [
        {"key": dotted(line.item.path), "value": line.item.value, "source": line.source, "line": line.item.line}
        for line in settings.unread
    ]


def _value(look: Look, key: str) -> Json:
    """The record that decides about one key: its own, else the last glob that means it."""
    settings = _settings(look)
    if settings is None:
        return None
    path = path_of(key)
    applied = _applied(settings)
    if path in applied and applied[path][-1].item.value is not None:
        return _record(path, _with_pulled(settings, applied, path))
    if path not in applied:
        globs = [other for other in applied if is_glob(other) and matches(path, other)]
        deciding = [other for other in globs if applied[other][-1].item.value is not None]
        if deciding:
            record = _record(deciding[-1], applied[deciding[-1]])
            return {**record, "key": dotted(path)}
    look.because(f"{dotted(path)} is not set in any file that {settings.reader} reads{_elsewhere(settings, path)}")
    return None


def _with_pulled(settings: _Settings, applied: dict[str, list[_Line]], path: str) -> list[_Line]:
    """The lines about `path`, with a later one about a setting that takes it along at the end."""
    lines = applied[path]
    order = {id(line): place for place, line in enumerate(settings.lines)}
    others = [applied[other][-1] for other in _PULLS_ALONG.get(path, ()) if other in applied]
    later = [line for line in others if line.item.value is not None and order[id(line)] > order[id(lines[-1])]]
    if not later:
        return lines
    last = max(later, key=lambda line: order[id(line)])
    return [*lines, last]


def _elsewhere(settings: _Settings, path: str) -> str:
    places = [f"{line.source}:{line.item.line}" for line in settings.unread if line.item.path == path]
    return f"; {places[-1]} sets it, but is not read" if places else ""


def _running(look: Look, key: str) -> Json:
    path = path_of(key)
    if not path or ".." in key.split("/"):
        raise DamagedError(f"{key!r} is no kernel setting")
    text = look.running_text(f"/proc/sys/{path}")
    if text is None:
        look.because(f"/proc/sys/{path} does not exist: this kernel has no such setting")
        return None
    return " ".join(text.split())


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts({"sysctl.configured": _configured, "sysctl.unread": _unread})
    yield from each_argument(look, "sysctl.value", _value)
    yield from each_argument(look, "sysctl.running", _running)


_PLACE = {"source": "text: file", "line": "number: line"}
_RECORD = {
    "key": "text: key with dots; a glob in sysctl.configured may stand for many",
    "value": "text: value, runs of white space as one space; null = excluded from globs",
    "glob": "flag: decided by a glob",
    "optional": "flag: a failure to write is ignored (leading -)",
    "overrides": "list: {value, source, line} of earlier lines that do not count any more",
    **_PLACE,
}

COLLECTOR = Collector(
    id="sysctl",
    facts=(
        FactSpec("sysctl.configured", "table", "Every key that files set at boot, the winner of each.", fields=_RECORD),
        FactSpec(
            "sysctl.value",
            "object",
            "What files set for one key, globs resolved; absent when none does.",
            fields=_RECORD,
            argument="key, net.ipv4.ip_forward",
        ),
        FactSpec(
            "sysctl.unread",
            "table",
            "Assignments in /etc/sysctl.conf where nothing reads that file at boot.",
            fields={"key": "text: key", "value": "text: value", **_PLACE},
        ),
        # An argument, not a table: /proc/sys has over a thousand files, some of them secret, volatile or slow to read.
        FactSpec(
            "sysctl.running",
            "value",
            "What stands in /proc/sys for one key now, runs of white space as one space.",
            facet="runtime",
            argument="key, net.ipv4.ip_forward",
        ),
    ),
    collect=collect,
)
