"""Every systemd unit with all that its files say: state, what starts it at boot, and what keeps it from doing its work.

Not a collector itself: `systemd_units` makes its facts of it. The words and their sources are described there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from scanner.collectors.base import Look, reason_of
from scanner.collectors.unit_files import UnitFile, UnitFiles, find
from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import systemd_boot, systemd_preset
from scanner.parsers.systemd_unit import (
    Setting,
    Unit,
    instance_of,
    is_template,
    unit_type,
    with_instance,
    words,
)

__all__ = ["KnownUnit", "known_units", "presets", "unit_files"]

_PRESETS = ("/etc/systemd/system-preset", "/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset")
_MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_SYSV_GENERATORS = (
    "/usr/lib/systemd/system-generators/systemd-sysv-generator",
    "/lib/systemd/system-generators/systemd-sysv-generator",
)
_SYSV_SCRIPTS = ("/etc/init.d", "/etc/rc.d/init.d")
_SYSV_START = re.compile(r"S[0-9]{2}(.+)")
_IDLE = frozenset(("true", "false", ":", "echo", "sleep"))
_RUNNING = ("/run/", "/var/run/", "/proc/", "/sys/", "/dev/")


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """One unit with all that its files say. `unit` is None when its main file cannot be used."""

    name: str
    entry: UnitFile
    true_name: str
    unit: Unit | None
    drop_ins: list[str]
    state: str
    masked_by: str | None
    wanted_by: list[str]
    enabled: bool
    start: str
    started_by: list[str]
    hindered: list[str]


def unit_files(look: Look) -> UnitFiles | None:
    """The load path, or None when this system has no systemd."""
    found = find(look)
    if found.files or (found.folders and any(look.entry(path) is not None for path in _MANAGERS)):
        return found
    return None


def _names(files: UnitFiles) -> list[str]:
    """Every unit that has a file, and every instance that a link asks for by name."""
    asked = {asked.name for asked in files.asked if files.named(asked.name) is not None}
    return sorted({*files.files, *asked})


def _contested(reached: systemd_boot.Reached, units: Mapping[str, tuple[Unit, list[str]] | None]) -> frozenset[str]:
    """Units of the boot that another one of it conflicts with: systemd drops one of the two."""
    found = set()
    for name in reached.boot:
        read = units.get(name)
        for other in read[0].names("Unit", "Conflicts") if read is not None else ():
            if other in reached.boot and other != name:
                found |= {name, other}
    return frozenset(found)


def known_units(look: Look) -> list[KnownUnit] | None:
    """Every unit by name, or None when this system has no systemd."""
    files = look.shared(unit_files)
    if files is None:
        return None
    names = _names(files)
    units = {name: files.unit(look, name) for name in names if files.true_name(name) == name}
    reached = _reach(look, files, units)
    for name in sorted({*reached.boot, *reached.demand} - set(units)):
        # An instance that settings of another unit ask for has no link and no file of its own.
        if files.named(name) is not None:
            units[name] = files.unit(look, name)
            names.append(name)
    contested = _contested(reached, units)
    wanted: dict[str, list[str]] = {}
    by_admin: set[str] = set()
    for asked in files.asked:
        wanted.setdefault(files.true_name(asked.name), []).append(asked.owner)
        if asked.admin:
            by_admin.add(files.true_name(asked.name))
    known = _of_init_scripts(look, files)
    for name in names:
        entry = files.named(name)
        assert entry is not None
        true_name = files.true_name(name)
        true_entry = files.named(true_name)
        unit, drop_ins = units.get(true_name) or (None, [])
        state = _state(files, name, entry, units.get(true_name))
        masked_by = true_entry.masked_by if true_entry is not None else None
        start, started_by = _start(true_name, true_entry, unit, reached)
        if start == "boot" and true_name in contested:
            start = "unknown"
        own_state = state if true_name == name else _true_state(files, true_name, units)
        enabled = masked_by is None and (own_state == "enabled" or true_name in by_admin)
        owners = sorted(set(wanted.get(true_name, [])))
        known.append(
            KnownUnit(
                name,
                entry,
                true_name,
                unit,
                drop_ins,
                state,
                masked_by,
                owners,
                enabled,
                start,
                started_by,
                _hindered(look, files, true_name, unit, drop_ins),
            )
        )
    return sorted(known, key=lambda item: item.name)


def _hindered(look: Look, files: UnitFiles, name: str, unit: Unit | None, drop_ins: list[str]) -> list[str]:
    """Reasons why a service that is started may nevertheless not do the work of its name; sorted."""
    entry = files.named(name)
    if unit is None or entry is None or entry.real is None or unit_type(name) != "service":
        return []
    found = {f"{path} cannot be read" for path in files.unread.get(name, ())}
    programs = _programs(unit)
    for program in programs:
        if posixpath.basename(program) in _IDLE:
            found.add(f"starts {program}, which does nothing")
        elif re.match(r"/[^%]*\Z", program) and not program.startswith(_RUNNING) and look.entry(program) is None:
            found.add(f"{program} does not exist")
    vendor = _vendor(look, files, name, entry)
    if vendor is not None and _bases(programs) != _bases(_programs(vendor)):
        found.add("does not start what the vendor's unit starts")
    for path in (entry.real, *drop_ins):
        for setting in files.settings(look, path) or ():
            if setting.section != "Unit" or not setting.key.startswith(("Condition", "Assert")) or not setting.value:
                continue
            known = {(item.key, item.value) for item in vendor.settings} if vendor is not None else set()
            if path.startswith("/etc/") and vendor is not None and (setting.key, setting.value) not in known:
                found.add(f"{setting.key}={setting.value} at {path}")
            elif _is_false(look, setting.key, setting.value):
                found.add(f"{setting.key}={setting.value} is not met")
    return sorted(found)


def _programs(unit: Unit) -> list[str]:
    return [words(line)[0].lstrip("-@:+!|") for line in unit.values("Service", "ExecStart") if words(line)]


def _bases(programs: list[str]) -> set[str]:
    return {posixpath.basename(program) for program in programs}


def _vendor(look: Look, files: UnitFiles, name: str, entry: UnitFile) -> Unit | None:
    """The unit without what stands below /etc: the file of the highest rank outside of it, or None."""
    for folder in files.folders:
        path = f"{folder}/{name}"
        if not folder.startswith("/etc/") and (path == entry.real or _is_file(look, path)):
            settings = files.settings(look, path)
            return Unit.of([settings]) if settings is not None else None
    return None


def _is_file(look: Look, path: str) -> bool:
    entry = look.entry(path)
    return entry is not None and entry.type == "file"


def _is_false(look: Look, key: str, value: str) -> bool:
    """Whether a condition about a path is known not to hold. Triggering ones (`|`) and other kinds are not judged."""
    negated = value.startswith("!")
    path = value.removeprefix("!").strip()
    if key not in ("ConditionPathExists", "AssertPathExists") or not path.startswith("/") or "%" in path:
        return False
    if path.startswith((*_RUNNING, "/var/", "/tmp/")):  # noqa: S108 - a path of the target
        return False
    return (look.entry(path) is not None) == negated


def _of_init_scripts(look: Look, files: UnitFiles) -> list[KnownUnit]:
    """What systemd-sysv-generator makes of init scripts that have no unit: a service, started in runlevels 2 to 5."""
    if not any(look.entry(path) is not None for path in _SYSV_GENERATORS):
        return []
    started = {
        match[1].removesuffix(".sh")
        for level in "2345"
        for top in ("/etc", "/etc/rc.d")
        for name in look.try_names(f"{top}/rc{level}.d")
        if (match := _SYSV_START.fullmatch(name))
    }
    found: dict[str, KnownUnit] = {}
    for folder in _SYSV_SCRIPTS:
        for script in look.try_names(folder):
            name = f"{script.removesuffix('.sh')}.service"
            path = f"{folder}/{script}"
            entry = look.entry(path)
            usable = entry is not None and entry.type == "file" and int(entry.permissions, 8) & 0o100
            if not usable or unit_type(name) is None or files.named(name) is not None or name in found:
                continue
            on = script.removesuffix(".sh") in started
            settings = (Setting("Service", "ExecStart", f"{path} start", 1),)
            found[name] = KnownUnit(
                name,
                UnitFile(name, path, "file", real=path),
                name,
                Unit(settings),
                [],
                "enabled" if on else "disabled",
                None,
                ["multi-user.target"] if on else [],
                on,
                "boot" if on else "manual",
                [],
                [],
            )
    return list(found.values())


def _true_state(files: UnitFiles, name: str, units: Mapping[str, tuple[Unit, list[str]] | None]) -> str:
    entry = files.named(name)
    return _state(files, name, entry, units.get(name)) if entry is not None else "bad"


def _state(files: UnitFiles, name: str, entry: UnitFile, read: tuple[Unit, list[str]] | None) -> str:
    """What `systemctl is-enabled` says, /run left out."""
    if entry.how == "mask":
        return "masked"
    if entry.how == "alias":
        target = files.named(files.true_name(name))
        if target is None or target.how == "dangling":
            return "bad"
        return "masked" if target.how == "mask" else "alias"
    if entry.how == "dangling" or read is None:
        return "bad"
    if entry.how == "link" and not (entry.real or "").endswith(f"/{name}"):
        return "alias"
    unit = read[0]
    known = _install_names(name, unit)
    # In a `.wants` folder the name of the link counts, elsewhere also what it leads to.
    found = [asked.name for asked in files.asked if asked.admin and name in (asked.name, instance_of(asked.name))]
    found += [link for link, target in files.admin_links if (link == name) != (target == name)]
    if any(link in known for link in found):
        return "enabled"
    if found:
        return "indirect"
    if instance_of(name) is not None and any(asked.name == name for asked in files.asked):
        return "static"
    if entry.how == "link" or any(link == target == name for link, target in files.admin_links):
        return "linked"
    if any(unit.names("Install", key) for key in ("WantedBy", "RequiredBy", "UpheldBy", "Alias")):
        return "disabled"
    return "indirect" if unit.names("Install", "Also") else "static"


def _install_names(name: str, unit: Unit) -> set[str]:
    """Names that `systemctl enable` would give its links."""
    names = {name, *unit.names("Install", "Alias")}
    instance = unit.last("Install", "DefaultInstance")
    if instance:
        names |= {with_instance(known, instance) for known in names if is_template(known)}
    return names


def _start(
    name: str, entry: UnitFile | None, unit: Unit | None, reached: systemd_boot.Reached
) -> tuple[str, list[str]]:
    if entry is not None and entry.masked_by is not None:
        return "never", []
    if unit is None:
        return "unknown", []
    if name in reached.boot:
        return "boot", []
    if name in reached.demand:
        return "demand", list(reached.demand[name])
    return "manual", []


def _reach(look: Look, files: UnitFiles, units: Mapping[str, tuple[Unit, list[str]] | None]) -> systemd_boot.Reached:
    asked_by: dict[str, list[str]] = {}
    for asked in files.asked:
        asked_by.setdefault(asked.owner, []).append(asked.name)
    read: dict[str, tuple[Unit, list[str]] | None] = dict(units)

    def of(name: str) -> Unit | None:
        if name not in read:
            read[name] = files.unit(look, name) if files.named(name) is not None else None
        got = read[name]
        return got[0] if got is not None else None

    def loadable(names: list[str]) -> Iterator[str]:
        for name in names:
            true_name = files.true_name(name)
            if of(true_name) is not None:
                yield true_name

    def pulled(name: str) -> Iterator[str]:
        unit = of(name)
        owners = [name, *files.aliases(name), *filter(None, [instance_of(name)])]
        links = [wanted for owner in owners for wanted in asked_by.get(owner, ())]
        settings = systemd_boot.pulls(unit, unit_type(name) or "") if unit is not None else []
        yield from loadable([*settings, *links])

    def fires(name: str) -> Iterator[str]:
        unit = of(name)
        if unit is not None:
            yield from loadable(systemd_boot.triggers(unit, name, unit_type(name) or ""))

    return systemd_boot.reach(files.true_name("default.target"), pulled, fires)


def presets(look: Look) -> list[systemd_preset.Preset]:
    """The preset rules in the order in which the first match decides."""
    found: list[systemd_preset.Preset] = []
    for path in look.drop_ins(_PRESETS, ".preset"):
        text = look.try_text(path)
        if text is None:
            continue
        try:
            found.extend(systemd_preset.parse(text))
        except ParseError as error:
            look.gap(path, reason_of(error))
    return found
