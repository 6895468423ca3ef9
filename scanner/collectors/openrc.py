"""OpenRC: which services belong to which runlevel, and what it says has been started.

A link below /etc/runlevels/<level> adds a service; a directory or a link to a runlevel's folder there stacks that
runlevel, whose services then belong to this one too. Sources: OpenRC user guide, rc-update(8), src/librc/librc.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import MissingError, TargetError
from scanner.model.fact import Fact, FactSpec, Json

_LEVELS = "/etc/runlevels"
_INIT = "/etc/init.d"
_STATES = ("started", "inactive", "failed", "stopped", "hotplugged", "scheduled", "starting", "stopping", "wasinactive")
_STATE_FOLDER = "/run/openrc"
_MAX_LEVELS = 64


def _runlevels(look: Look) -> Json:
    if look.entry(_LEVELS) is None:
        look.because(f"{_LEVELS} does not exist")
        return None
    own: dict[str, list[tuple[str, str, bool]]] = {}
    stacked: dict[str, list[str]] = {}
    for level in look.try_names(_LEVELS)[:_MAX_LEVELS]:
        folder = f"{_LEVELS}/{level}"
        entry = look.entry(folder)
        if entry is None or entry.type != "directory":
            continue
        for name in look.try_names(folder):
            path = f"{folder}/{name}"
            try:
                target = look.entry(path)
            except TargetError as error:
                look.gap(path, reason_of(error))
                continue
            if target is not None and target.type == "directory":
                stacked.setdefault(level, []).append(name)
                continue
            own.setdefault(level, []).append((name, path, _has_script(look, name, path)))
    records = []
    for level in sorted({*own, *stacked}):
        for part in _with_stacked(level, stacked):
            for name, path, found in own.get(part, []):
                records.append(
                    {
                        "runlevel": level,
                        "service": name,
                        "stacked_from": part if part != level else None,
                        "found": found,
                        "source": path,
                    }
                )
    return sorted(records, key=lambda record: (record["runlevel"], record["service"], record["source"]))


def _has_script(look: Look, name: str, path: str) -> bool:
    """Whether the link leads to a script; OpenRC runs the one of the same name in /etc/init.d."""
    for candidate in (f"{_INIT}/{name}", f"/usr/local/etc/init.d/{name}", path):
        entry = look.entry(candidate)
        if entry is not None and entry.type == "file":
            return True
    return False


def _with_stacked(level: str, stacked: Mapping[str, list[str]]) -> list[str]:
    """The level and every level stacked into it, each once."""
    seen: list[str] = []
    todo = [level]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.append(name)
            todo.extend(stacked.get(name, ()))
    return seen


def _running(look: Look) -> Json:
    if not look.runtime.exists(_STATE_FOLDER):
        look.because(f"{_STATE_FOLDER} does not exist")
        return None
    records: list[dict[str, str]] = []
    for state in _STATES:
        try:
            names = look.runtime.names(f"{_STATE_FOLDER}/{state}")
        except MissingError:
            continue
        records.extend({"service": name, "state": state} for name in names)
    return sorted(records, key=lambda record: (record["service"], record["state"]))


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"openrc.runlevels": _runlevels, "openrc.running": _running})


COLLECTOR = Collector(
    id="openrc",
    facts=(
        FactSpec(
            "openrc.runlevels",
            "table",
            "Services of each runlevel, those of stacked runlevels included; absent where OpenRC is not used.",
            fields={
                "runlevel": "text: boot, default, sysinit …",
                "service": "text: name of the service",
                "stacked_from": "text: the stacked runlevel that brings it; null when it is in this one itself",
                "found": "flag: there is a script for it",
                "source": "text: the link",
            },
        ),
        FactSpec(
            "openrc.running",
            "table",
            "What OpenRC recorded about services since boot; absent where OpenRC is not used.",
            facet="runtime",
            fields={"service": "text: name of the service", "state": "text: started, failed, stopped …"},
        ),
    ),
    collect=collect,
)
