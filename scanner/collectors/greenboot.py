"""Greenboot: which health checks run at boot, what each really tests, and how often a failing boot is tried.

Classic greenboot runs `*.sh` at any depth with bash; greenboot-rs runs the regular files directly in the folder that
are `*.sh` or executable, and stops at the first required one that fails. Both look in /usr/lib/greenboot first, then
in /etc/greenboot, and skip the names in DISABLED_HEALTHCHECKS. Checks in wanted.d never cause a rollback.
Sources: fedora-iot/greenboot `usr/libexec/greenboot/greenboot`, fedora-iot/greenboot-rs `src/lib/greenboot.rs`,
`src/main.rs`, both `grub2/08_greenboot.cfg`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import grubenv, health_check, shell_effort, shell_syntax, shell_tree

_PROGRAM = "/usr/libexec/greenboot/greenboot"
_FOLDERS = ("/usr/lib/greenboot/check", "/etc/greenboot/check")
_SETTINGS = "/etc/greenboot/greenboot.conf"
_STOCK = frozenset(
    (
        "00_required_scripts_start.sh",
        "00_wanted_scripts_start.sh",
        "01_repository_dns_check.sh",
        "01_update_platforms_check.sh",
        "02_watchdog.sh",
    )
)
_ENVIRONMENTS = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
_GRUB = ("/boot/grub2/grub.cfg", "/boot/grub/grub.cfg", "/boot/grub2/custom.cfg")
_STATIC = "/usr/lib/bootupd/grub2-static/configs.d"
_PROGRAMS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
_SCRIPT_PLACES = ("/usr/", "/etc/", "/lib/", "/opt/")
_MAX_SCRIPTS = 48
_MAX_STEPS = 250_000
"""Of all scripts together (some 3 s); the eleven of the reference device take 6,000."""
_DEFAULT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Settings:
    values: dict[str, str | None]
    disabled: tuple[str, ...]


def _flavour(look: Look) -> str | None:
    """`classic` (a shell script), `rs` (a binary), or None when greenboot's program is not there."""
    entry = look.entry(_PROGRAM)
    if entry is None or entry.type != "file":
        return None
    return "rs" if look.peek(_PROGRAM, 0, 4) == b"\x7fELF" else "classic"


def _read_settings(look: Look) -> _Settings:
    """Assignments of greenboot.conf, the last of each name; a value that is not plain text is None."""
    text = look.text(_SETTINGS)
    values: dict[str, str | None] = {}
    disabled: list[str] = []
    for command, _ in shell_syntax.parse(text or "").items:
        if not isinstance(command, shell_tree.Simple) or command.words:
            raise ParseError(f"{_SETTINGS} holds more than assignments")
        for assign in command.assigns:
            if assign.name == "DISABLED_HEALTHCHECKS":
                words = assign.items if assign.items is not None else (assign.value,)
                disabled = [*(disabled if assign.adds else ()), *(_plain(word) or "" for word in words)]
            else:
                values[assign.name] = _plain(assign.value)
    return _Settings(values, tuple(sorted({name for name in disabled if name})))


def _plain(word: shell_tree.Word) -> str | None:
    parts = [part.text for part in word if isinstance(part, shell_tree.Literal)]
    return "".join(parts) if len(parts) == len(word) else None


def _settings(look: Look) -> Json:
    flavour = look.shared(_flavour)
    if flavour is None and look.entry(_SETTINGS) is None:
        look.because(f"neither {_PROGRAM} nor {_SETTINGS} exists")
        return None
    settings = look.shared(_read_settings)
    attempts = settings.values.get("GREENBOOT_MAX_BOOT_ATTEMPTS", str(_DEFAULT_ATTEMPTS))
    if attempts is None or not (attempts.isascii() and attempts.isdecimal() and len(attempts) < 6):
        raise ParseError("GREENBOOT_MAX_BOOT_ATTEMPTS is not a number")
    return {
        "flavour": flavour,
        "max_boot_attempts": int(attempts),
        "disabled": list(settings.disabled),
        "watchdog_check": (settings.values.get("GREENBOOT_WATCHDOG_CHECK_ENABLED") or "").lower() == "true",
        "source": _SETTINGS,
    }


# ---- checks --------------------------------------------------------------------------------------------------------


def _checks(look: Look) -> Json:
    flavour = look.shared(_flavour)
    if flavour is None and not any(look.entry(folder) is not None for folder in _FOLDERS):
        look.because("no greenboot: neither its program nor its folders exist")
        return None
    disabled = look.shared(_read_settings).disabled
    around = health_check.Surroundings(lambda name: _installed(look, name), lambda path: _script(look, path))
    records: list[Json] = []
    with shell_effort.limited(_MAX_STEPS):
        for kind in ("required", "wanted"):
            for folder in _FOLDERS:
                for path in _scripts(look, f"{folder}/{kind}.d", flavour):
                    name = path.rpartition("/")[2]
                    if name not in disabled:
                        records.append({"kind": kind, "name": name, **_record(look, path, name, around, flavour)})
    return records


def _scripts(look: Look, folder: str, flavour: str | None) -> list[str]:
    """Paths that this flavour runs, in the order of running."""
    found: list[str] = []
    todo = [folder]
    while todo:
        here = todo.pop()
        for name in look.try_names(here):
            path = f"{here}/{name}"
            try:
                entry = look.entry(path)
                real_folder = look.entry(path, follow=False)
            except TargetError as error:
                look.gap(path, reason_of(error))
                continue
            if entry is None:
                continue
            if entry.type == "directory":
                # find(1) goes down into folders, not into links to them.
                if flavour != "rs" and real_folder is not None and real_folder.type == "directory":
                    todo.append(path)
            elif entry.type == "file" and (name.endswith(".sh") or (flavour == "rs" and entry.mode & 0o111)):
                found.append(path)
        if len(found) + len(todo) > _MAX_SCRIPTS:
            look.gap(folder, f"limit: more than {_MAX_SCRIPTS} scripts")
            break
    return sorted(found)[:_MAX_SCRIPTS]


def _record(
    look: Look, path: str, name: str, around: health_check.Surroundings, flavour: str | None
) -> dict[str, Json]:
    entry = look.entry(path)
    record: dict[str, Json] = {
        "stock": name in _STOCK,
        "executable": entry is not None and entry.mode & 0o111 != 0,
        "readable": False,
        "vacuous": None,
        "tests": [],
        "source": path,
    }
    text = look.try_text(path)
    if text is None:
        return record
    direct = not name.endswith(".sh")
    if direct and re.match(r"#!.*/(env +)?(bash|sh|dash|ksh)\b", text) is None:
        look.gap(path, "unsupported: not a shell script, so what it tests cannot be told")
        return record
    reading = health_check.read(text, around, direct=direct)
    if reading.undecided is not None:
        reason = reading.undecided
        limited = reason.startswith("limit: ")
        look.gap(path, reason if limited else f"unsupported: {reason}, so what it tests cannot be told")
        return record
    record.update(readable=True, vacuous=reading.vacuous, tests=list(reading.tests))
    return record


def _installed(look: Look, name: str) -> bool | None:
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}", name):
        return None
    try:
        return any(look.entry(f"{folder}/{name}") is not None for folder in _PROGRAMS)
    except TargetError:
        return None


def _script(look: Look, path: str) -> tuple[bool, str | None]:
    """A file of the system that a check reads in with `source`; others are not known."""
    if not path.startswith(_SCRIPT_PLACES):
        return False, None
    try:
        return True, look.text(path, shell_syntax.MAX_TEXT)
    except TargetError:
        return False, None


# ---- counting boots ------------------------------------------------------------------------------------------------


def _counting(look: Look) -> Json:
    variables: dict[str, str] = {}
    source = None
    for path in _ENVIRONMENTS:
        text = look.text(path)
        if text is not None:
            variables, source = grubenv.parse(text), path
            break
    snippet = next((path for path in _grub_files(look) if _counts(look.try_text(path))), None)
    if source is None and snippet is None:
        look.because("no GRUB environment, and no GRUB configuration that counts boots")
        return None
    return {
        "boot_counter": variables.get("boot_counter"),
        "boot_success": variables.get("boot_success"),
        "environment": source,
        "snippet": snippet,
    }


def _grub_files(look: Look) -> list[str]:
    vendors = [f"/boot/efi/EFI/{name}/grub.cfg" for name in look.try_names("/boot/efi/EFI")]
    static = [f"{_STATIC}/{name}" for name in look.try_names(_STATIC) if name.endswith(".cfg")]
    return [*_GRUB, *vendors, *static]


def _counts(text: str | None) -> bool:
    """Whether a GRUB configuration counts `boot_counter` down and then chooses the second entry."""
    lines = [line.strip() for line in (text or "").splitlines()]
    return "decrement boot_counter" in lines and any(re.match(r"set default=[\"']?1\b", line) for line in lines)


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "greenboot.checks": _checks,
            "greenboot.settings": _settings,
            "greenboot.boot_counting": _counting,
        }
    )


COLLECTOR = Collector(
    id="greenboot",
    facts=(
        FactSpec(
            "greenboot.checks",
            "table",
            "Health checks that run at boot, disabled ones left out, in the order of running.",
            fields={
                "kind": "text: required or wanted (wanted ones never cause a rollback)",
                "name": "text: file name",
                "stock": "flag: a name that comes with greenboot",
                "executable": "flag: an execute bit is set",
                "readable": "flag: a shell script that could be followed",
                "vacuous": "flag: it cannot fail, whatever the programs it calls say; null when not readable",
                "tests": "list: what it really tests: " + ", ".join(sorted(health_check.BEHAVIOURS)),
                "source": "text: path",
            },
        ),
        FactSpec(
            "greenboot.settings",
            "object",
            "Settings of greenboot; absent where it is not installed.",
            fields={
                "flavour": "text: classic or rs; null when its program is not there",
                "max_boot_attempts": "number: boots tried before the rollback, 3 when not set",
                "disabled": "list: names in DISABLED_HEALTHCHECKS",
                "watchdog_check": "flag: GREENBOOT_WATCHDOG_CHECK_ENABLED is true",
                "source": "text: file",
            },
        ),
        FactSpec(
            "greenboot.boot_counting",
            "object",
            "Boot counting of GRUB.",
            fields={
                "boot_counter": "text: tries left as GRUB saved it; null when not set",
                "boot_success": "text: 1 when the last boot was good; null when not set",
                "environment": "text: the environment block; null when there is none",
                "snippet": "text: GRUB configuration that counts down and falls back; null when there is none",
            },
        ),
    ),
    collect=collect,
)
