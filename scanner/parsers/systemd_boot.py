"""Which units the default target pulls in at boot, as far as unit files say so.

Followed are `Wants=`, `Requires=`, `BindsTo=`, `Upholds=`, links in `.wants`, `.requires` and `.upholds` folders, and
the implied `sysinit.target` of units with default dependencies. Generators, udev rules and D-Bus start units too: they
are programs, so a unit that is not reached here is only "not started by a unit file".
Source: systemd.unit(5), systemd.special(7), bootup(7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from scanner.model.records import dataclass
from scanner.parsers.systemd_unit import Unit, truth

__all__ = ["Reached", "pulls", "reach", "triggers"]

_PULLS = ("Wants", "Requires", "BindsTo", "Upholds")


def pulls(unit: Unit, kind: str) -> list[str]:
    """Names of the units that starting this one starts as well, out of its own settings."""
    found = [name for key in _PULLS for name in unit.names("Unit", key)]
    if kind in ("service", "socket", "timer", "path") and truth(unit.last("Unit", "DefaultDependencies"), True):
        found.append("sysinit.target")
    return found


def triggers(unit: Unit, name: str, kind: str) -> list[str]:
    """Names of the units that this socket, timer, path or automount unit starts when its event comes, and of those that
    any unit starts when it has done its work (`OnSuccess=`)."""
    stem = name.rpartition(".")[0]
    after = unit.names("Unit", "OnSuccess")
    return [*_events(unit, stem, kind), *after]


def _events(unit: Unit, stem: str, kind: str) -> list[str]:
    if kind == "socket":
        named = unit.last("Socket", "Service")
        if named:
            return [named]
        accept = truth(unit.last("Socket", "Accept"), False)
        return [f"{stem.partition('@')[0]}@.service" if accept else f"{stem}.service"]
    if kind in ("timer", "path"):
        return [unit.last(kind.capitalize(), "Unit") or f"{stem}.service"]
    if kind == "automount":
        return [f"{stem}.mount"]
    return []


@dataclass(frozen=True, slots=True)
class Reached:
    """`boot`: started by the default target. `demand`: started when a socket, timer or path unit of `boot` fires."""

    boot: frozenset[str]
    demand: Mapping[str, tuple[str, ...]]


def reach(start: str, pulled: Callable[[str], Iterable[str]], fires: Callable[[str], Iterable[str]]) -> Reached:
    """Walk from `start`. `pulled` and `fires` give the loadable units (by their one true name) that a unit starts."""
    boot: set[str] = set()
    demand: dict[str, list[str]] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        if name not in boot:
            boot.add(name)
            todo.extend(pulled(name))
    waiting = sorted(boot)
    seen = set(boot)
    while waiting:
        source = waiting.pop()
        for name in fires(source):
            demand.setdefault(name, []).append(source)
            # What a unit started on demand pulls in, and what those units wait for, starts on demand as well.
            for other in _closure(name, pulled, seen):
                if other != name:
                    demand.setdefault(other, []).append(source)
                waiting.append(other)
    return Reached(frozenset(boot), {name: tuple(sorted(set(by))) for name, by in demand.items() if name not in boot})


def _closure(start: str, pulled: Callable[[str], Iterable[str]], seen: set[str]) -> list[str]:
    found: list[str] = []
    todo = [start]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        found.append(name)
        todo.extend(pulled(name))
    return found
