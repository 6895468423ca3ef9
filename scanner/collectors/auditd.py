"""The audit daemon's settings and plugins. Sources: auditd.conf(5), auditd-plugins(5)."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import auditd_conf, spaced_settings
from scanner.parsers.auditd_conf import Daemon

_CONFIG = "/etc/audit/auditd.conf"
_PLUGINS = "/etc/audit/plugins.d"


def _daemon(look: Look) -> Daemon | None:
    text = look.text(_CONFIG)
    if text is None:
        return None
    if look.link(_CONFIG) is not None:
        raise ParseError(f"{_CONFIG} is a link, which auditd does not follow")
    return auditd_conf.parse(text)


def _settings(look: Look) -> Json:
    daemon = look.shared(_daemon)
    if daemon is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    return {
        **daemon.values,
        "starts": not daemon.refused,
        "refused": list(daemon.refused),
        "source": _CONFIG,
        "written": sorted(daemon.lines),
        "lines": {name: daemon.lines[name] for name in sorted(daemon.lines)},
    }


def _plugins(look: Look) -> Json:
    daemon = look.shared(_daemon)
    if daemon is not None and daemon.refused:
        raise ParseError(f"{_CONFIG}: {daemon.refused[0]}; auditd does not start")
    folder = str(daemon.values["plugin_dir"]) if daemon is not None else _PLUGINS
    if look.entry(folder) is None:
        look.because(f"{folder} does not exist")
        return None
    records = []
    for name in look.names(folder):
        path = f"{folder}/{name}"
        if not name.endswith(".conf"):
            continue
        try:
            text = look.text(path)
            values = spaced_settings.parse(text or "", max_line=_MAX_LINE)
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        known = {key.lower(): value for key, value in values.items()}
        active = known.get("active")
        program = known.get("path")
        records.append(
            {
                "name": name.removesuffix(".conf"),
                "active": active is not None and active.text.lower() == "yes",
                "path": None if program is None else program.text,
                "source": path,
                "line": None if active is None else active.line,
            }
        )
    return records


_MAX_LINE = 512


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts({"audit.auditd": _settings, "audit.plugins": _plugins})


_ACTION = "text: lower-case word; ignore by default"

COLLECTOR = Collector(
    id="auditd",
    facts=(
        FactSpec(
            "audit.auditd",
            "object",
            "Settings of auditd with its own defaults filled in; words it refuses as they stand.",
            fields={
                "local_events": "text: yes or no",
                "write_logs": "text: yes or no",
                "log_file": "text: path",
                "log_group": "text: group",
                "log_format": "text: raw, enriched or nolog; null: not set, the version decides",
                "flush": "text: lower-case word",
                "freq": "number: records between two flushes",
                "num_logs": "number: files kept",
                "name_format": "text: lower-case word",
                "max_log_file": "number: megabytes",
                "max_log_file_action": _ACTION,
                "space_left": "number: megabytes; null: given in percent",
                "space_left_percent": "number: percent; null: given in megabytes",
                "space_left_action": _ACTION,
                "action_mail_acct": "text: account",
                "admin_space_left": "number: megabytes; null: given in percent",
                "admin_space_left_percent": "number: percent; null: given in megabytes",
                "admin_space_left_action": _ACTION,
                "disk_full_action": _ACTION,
                "disk_error_action": "text: lower-case word; syslog by default",
                "overflow_action": "text: lower-case word; syslog by default",
                "plugin_dir": "text: path",
                "starts": "flag: the daemon takes the file; with a line that it refuses it does not start",
                "refused": "list: lines that it refuses, with the reason",
                "source": "text: file",
                "written": "list: keywords that the file sets",
                "lines": "object: keyword to the line that set it",
            },
            sensitive={"action_mail_acct": "user"},
        ),
        FactSpec(
            "audit.plugins",
            "table",
            "Plugins of auditd, by file name.",
            fields={
                "name": "text: file name without .conf",
                "active": "flag: active = yes",
                "path": "text: program; null: not set",
                "source": "text: file",
                "line": "number: line of active; null: not set",
            },
        ),
    ),
    collect=collect,
)
