"""systemd units as the files of the tree define them.

States are those of `systemctl is-enabled` with /run and generators left out, because they are not persistent.
`start` says what unit files make of it at boot: `never` (masked), `boot` (the default target pulls it in), `demand` (a
socket, timer, path or automount unit that is started at boot starts it), `manual` (none of these), `unknown` (its
file cannot be used, or another unit of the boot conflicts with it). Programs that start units at boot (generators,
udev rules, D-Bus) are not followed, except that what systemd-sysv-generator makes of init scripts is known.
Sources: systemd.unit(5), systemctl(1), systemd.preset(5), systemd.socket(5), systemd.timer(5), bootup(7).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.unit_table import KnownUnit, known_units, presets, unit_files
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import systemd_boot, systemd_preset
from scanner.parsers.systemd_unit import (
    Unit,
    at_least_weekly,
    listens,
    schedule,
    truth,
    unit_type,
    words,
)


def _units(look: Look) -> Json:
    known = look.shared(known_units)
    if known is None:
        look.because("no systemd: none of the folders for its units has one")
        return None
    rules = presets(look)
    return [_unit_record(item, rules) for item in known]


def _unit_record(item: KnownUnit, rules: list[systemd_preset.Preset]) -> dict[str, Json]:
    unit = item.unit or Unit()
    return {
        "name": item.name,
        "type": unit_type(item.name),
        "state": item.state,
        "enabled": item.enabled,
        "masked": item.masked_by is not None,
        "masked_by": item.masked_by,
        "start": item.start,
        "started_by": item.started_by,
        "hindered": item.hindered,
        "wanted_by": item.wanted_by,
        "alias_of": item.true_name if item.true_name != item.name else None,
        "preset": systemd_preset.choice(rules, item.name),
        "source": item.entry.path,
        "file": item.entry.real,
        "drop_ins": item.drop_ins,
        "exec_start": unit.values("Service", "ExecStart"),
        "exec": "\n".join(unit.values("Service", "ExecStart")),
        "sulogin_force": _forces_sulogin(unit),
        "user": unit.last("Service", "User"),
        "requires": sorted({*unit.names("Unit", "Requires"), *unit.names("Unit", "BindsTo")}),
        "wants": sorted(unit.names("Unit", "Wants")),
        "after": sorted(unit.names("Unit", "After")),
        "before": sorted(unit.names("Unit", "Before")),
    }


def _forces_sulogin(unit: Unit) -> bool:
    """Whether the rescue shell opens without a password when root has none (sulogin's `--force`).

    The variable's value is the only part of an environment that is looked at: others may be secrets.
    """
    forced = False
    for assigned in unit.values("Service", "Environment"):
        for word in words(assigned):
            name, _, value = word.partition("=")
            if name == "SYSTEMD_SULOGIN_FORCE":
                forced = truth(value, False)
    return forced


def _default_target(look: Look) -> Json:
    files = look.shared(unit_files)
    entry = files.named("default.target") if files is not None else None
    if files is None or entry is None:
        look.because("no default.target" if files is not None else "no systemd")
        return None
    true_name = files.true_name("default.target")
    target = files.named(true_name)
    return {
        "target": true_name,
        "source": entry.path,
        "masked": target is not None and target.how == "mask",
        "found": target is not None and target.real is not None,
    }


def _sockets(look: Look) -> Json:
    known = look.shared(known_units)
    if known is None:
        look.because("no systemd")
        return None
    records = []
    for item in known:
        if unit_type(item.name) != "socket" or item.true_name != item.name or item.unit is None:
            continue
        for place in listens(item.unit, item.name):
            records.append(
                {
                    "unit": item.name,
                    "kind": place.kind,
                    "family": place.family,
                    "address": place.address,
                    "port": place.port,
                    "loopback": _is_loopback(place.host),
                    "state": item.state,
                    "start": item.start,
                    "source": item.entry.path,
                }
            )
    return records


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _timers(look: Look) -> Json:
    known = look.shared(known_units)
    if known is None:
        look.because("no systemd")
        return None
    records = []
    for item in known:
        if unit_type(item.name) != "timer" or item.true_name != item.name:
            continue
        unit = item.unit or Unit()
        calendar, monotonic = schedule(unit)
        fired = systemd_boot.triggers(unit, item.name, "timer")
        records.append(
            {
                "unit": item.name,
                "starts": fired[0] if fired else None,
                "on_calendar": calendar,
                "on_monotonic": monotonic,
                "at_least_weekly": at_least_weekly(calendar, monotonic),
                "state": item.state,
                "enabled": item.enabled,
                "masked": item.masked_by is not None,
                "start": item.start,
                "source": item.entry.path,
            }
        )
    return records


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "systemd.units": _units,
            "systemd.default_target": _default_target,
            "systemd.sockets": _sockets,
            "systemd.timers": _timers,
        }
    )


_STATE = (
    "text: enabled, disabled, static, alias, indirect, linked, masked or bad (as systemctl is-enabled, /run left out)"
)
_START = "text: never, boot, demand, manual or unknown: what unit files make of it at boot"

COLLECTOR = Collector(
    id="systemd_units",
    facts=(
        FactSpec(
            "systemd.units",
            "table",
            "Every unit that has a file in the persistent load path or is asked for as an instance; by name.",
            fields={
                "name": "text: unit name",
                "type": "text: service, socket, target, timer …",
                "state": _STATE,
                "enabled": "flag: not masked, and a link below /etc starts it (under any of its names)",
                "masked": "flag: the unit, or the one it is an alias of, is masked",
                "masked_by": "text: link (to /dev/null) or empty (file); null when not masked",
                "start": _START,
                "started_by": "list: units whose event starts it, when start is demand",
                "hindered": "list: reasons why the service may not do its work though it is started: no program, an "
                "idle one, another than the vendor's, a condition added below /etc or known not to be met",
                "wanted_by": "list: units that ask for it by a link in .wants, .requires or .upholds",
                "alias_of": "text: the unit that this is another name of; null when it is none",
                "preset": "text: enable, disable or ignore by the vendor's preset; null when none matches",
                "source": "text: the entry of the load path that counts",
                "file": "text: the file with the settings; null when masked or missing",
                "drop_ins": "list: paths of drop-ins, in the order they are read",
                "exec_start": "list: command lines after all drop-ins",
                "exec": "text: the same, joined by line ends",
                "sulogin_force": "flag: SYSTEMD_SULOGIN_FORCE is set for it, so a locked root needs no password",
                "user": "text: User=; null when not set",
                "requires": "list: units of Requires= and BindsTo=",
                "wants": "list: units of Wants=",
                "after": "list: units of After=",
                "before": "list: units of Before=",
            },
            sensitive={"user": "user"},
        ),
        FactSpec(
            "systemd.default_target",
            "object",
            "What default.target means; the kernel command line may name another.",
            fields={
                "target": "text: the unit it is an alias of",
                "source": "text: the entry of the load path that counts",
                "masked": "flag: that unit is masked",
                "found": "flag: that unit has a file",
            },
        ),
        FactSpec(
            "systemd.sockets",
            "table",
            "Each place that a socket unit listens at, by unit, in the order of the file.",
            fields={
                "unit": "text: socket unit",
                "kind": "text: stream, datagram, seqpacket, fifo, netlink …",
                "family": "text: inet, unix, vsock or other",
                "address": "text: as written",
                "port": "number: port of inet and vsock; null for others",
                "loopback": "flag: bound to a loopback address",
                "state": _STATE,
                "start": _START,
                "source": "text: unit file",
            },
            sensitive={"address": "address"},
        ),
        FactSpec(
            "systemd.timers",
            "table",
            "Timer units, by name.",
            fields={
                "unit": "text: timer unit",
                "starts": "text: unit that it starts",
                "on_calendar": "list: calendar expressions",
                "on_monotonic": "list: OnBootSec=… and the like",
                "at_least_weekly": "flag: it plainly comes round every week or more often",
                "state": _STATE,
                "enabled": "flag: not masked, and a link below /etc starts it",
                "masked": "flag: masked",
                "start": _START,
                "source": "text: unit file",
            },
        ),
    ),
    collect=collect,
)
