"""What systemd runs now: from systemctl, or, where it cannot be asked, from the control groups.

Sources: systemctl(1), list-units; sd_booted(3); cgroups(7).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers.systemd_unit import unit_type

_TYPES = ("service", "socket", "timer", "path", "target", "automount")


def _running(look: Look) -> Json:
    # sd_booted(3): this folder is there when systemd is the service manager, and only then.
    if not look.runtime.exists("/run/systemd/system"):
        raise NotCollectedError("systemd is not the service manager of the running system")
    try:
        text = look.command("systemctl", "list-units", "--all", "--full", "--output=json")
    except (NotCollectedError, MissingError):
        return _control_groups(look)
    try:
        units = json.loads(text)
        return sorted(
            (
                {"name": unit["unit"], "load": unit["load"], "active": unit["active"], "sub": unit["sub"]}
                for unit in units
                if _is_steady(unit["unit"])
            ),
            key=lambda record: str(record["name"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ParseError("systemctl list-units did not print its JSON list") from error


def _control_groups(look: Look) -> Json:
    """Without systemctl: services that have a control group have processes. What has none cannot be told."""
    base = "/sys/fs/cgroup/system.slice"
    if not look.runtime.exists(base):
        base = "/sys/fs/cgroup/systemd/system.slice"
    if not look.runtime.exists(base):
        raise NotCollectedError("neither systemctl nor the control groups of systemd can be seen")
    found: set[str] = set()
    todo = [base]
    while todo:
        folder = todo.pop()
        for name in look.runtime.names(folder):
            if name.endswith(".slice"):
                todo.append(f"{folder}/{name}")
            elif _is_steady(name):
                found.add(name)
    look.gap(base, "unsupported: only units with processes can be seen")
    return [{"name": name, "load": "loaded", "active": "active", "sub": "running"} for name in sorted(found)]


def _is_steady(name: str) -> bool:
    """Not a unit that comes and goes with sessions, devices or single commands."""
    kind = unit_type(name)
    return kind in _TYPES and not name.startswith(("run-", "user@", "user-runtime-dir@", "session-"))


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield look.fact("systemd.running", _running)


COLLECTOR = Collector(
    id="systemd_running",
    facts=(
        FactSpec(
            "systemd.running",
            "table",
            "Services, sockets, timers, paths and targets the manager has loaded, by name.",
            facet="runtime",
            fields={
                "name": "text: unit name",
                "load": "text: loaded, masked, not-found …",
                "active": "text: active, inactive, failed, activating …",
                "sub": "text: running, exited, listening, dead …",
            },
        ),
    ),
    collect=collect,
)
