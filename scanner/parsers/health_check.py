"""What a health-check script really tests.

A behaviour is a pair of imagined worlds: one where all is well and some where just that thing is wrong. A script tests
it when it fails on every path through each bad world and can succeed in the good one; everything the worlds do not
speak of is open. So a comment, an ignored result, a pattern that always matches or a branch that skips does not count.
A script is vacuous when nothing that any program says can make it fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import shell_tools
from scanner.parsers.shell_effort import spend
from scanner.parsers.shell_paths import Answer
from scanner.parsers.shell_run import endings
from scanner.parsers.shell_syntax import parse
from scanner.parsers.shell_values import Text, UndecidedError

__all__ = ["BEHAVIOURS", "Reading", "Surroundings", "read"]

_CHARACTERS_PER_UNIT = 5
_NOW = 1_800_000_000
_DIGEST = "sha256:" + "5a" * 32
_TAG = "registry.example/os:stable"

BEHAVIOURS = {
    "selinux-enforcing": "SELinux enforces now",
    "selinux-config": "the SELinux configuration file says enforcing, comments aside",
    "firewalld-active": "firewalld runs",
    "usbguard-active": "usbguard runs",
    "cosign-any": "some cosign signature verifies",
    "cosign-digest": "the cosign signature of the booted digest verifies",
    "agent-active": "an agent's unit is active",
    "agent-heartbeat": "the agent's heartbeat is not old",
    "luks-any": "some encrypted volume is open",
    "luks-root": "the root file system lies on an encrypted volume",
    "lockdown": "kernel lockdown is at confidentiality",
    "network-online": "the network is up",
    "kiosk-alive": "the kiosk session runs",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """`tests`: behaviours that the script tests, sorted; `vacuous`: it cannot fail; `undecided`: why nothing can be
    told, or None."""

    tests: tuple[str, ...]
    vacuous: bool
    undecided: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the real system: which programs there are, and scripts that others read in (see shell_run)."""

    installed: Callable[[str], bool | None] = lambda name: None
    script: Callable[[str], tuple[bool, str | None]] = lambda path: (False, None)


def read(text: str, around: Surroundings, *, direct: bool = False) -> Reading:
    """What the script tests. `direct`: it is run by its first line, so options there (`bash -e`) count.

    Never raises: a script that cannot be followed is `undecided`.
    """
    try:
        spend(len(text) // _CHARACTERS_PER_UNIT)
        script = parse(text)
        errexit = direct and re.match(r"#![^\n]*sh\s+-[a-z]*e", text) is not None
        every = endings(script, _World(_Kind(), around), errexit=errexit)
        tests = []
        # What cannot fail tests nothing, and what never succeeds cannot be good in any world.
        for name in BEHAVIOURS if 0 in every and every != {0} else ():
            good, *bad = (_World(kind, around) for kind in _WORLDS[name])
            if 0 in endings(script, good, errexit=errexit) and all(
                0 not in endings(script, world, errexit=errexit) for world in bad
            ):
                tests.append(name)
    except (ParseError, UndecidedError) as error:
        return Reading((), False, error.message)
    except RecursionError:
        return Reading((), False, "nested too deeply")
    return Reading(tuple(sorted(tests)), every == {0})


# ---- worlds --------------------------------------------------------------------------------------------------------

_Programs = Mapping[str, Callable[[str, Sequence[Text]], Answer | None]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a world knows: texts of files, states of units (by pattern), and programs by name.

    A program is asked with its arguments joined by blanks (unknown ones as NUL) and as they are.
    """

    files: Mapping[str, str | None] = field(default_factory=dict)
    file_pattern: tuple[str, str | None] | None = None
    units: tuple[tuple[str, bool], ...] = ()
    programs: _Programs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _World:
    kind: _Kind
    around: Surroundings

    def installed(self, name: str) -> bool | None:
        """See shell_run.World."""
        return self.around.installed(name)

    def script(self, path: str) -> tuple[bool, str | None]:
        """See shell_run.World."""
        return self.around.script(path)

    def file(self, path: str) -> tuple[bool, str | None]:
        """See shell_run.World."""
        if path == "/dev/null":
            return True, ""
        if path in self.kind.files:
            return True, self.kind.files[path]
        if self.kind.file_pattern is not None and re.search(self.kind.file_pattern[0], path):
            return True, self.kind.file_pattern[1]
        return False, None

    def program(self, name: str, arguments: Sequence[Text], stdin: Text) -> Answer | None:
        """See shell_run.World."""
        joined = " ".join("\0" if argument is None else argument for argument in arguments)
        if name == "systemctl":
            return self._systemctl(arguments)
        handler = self.kind.programs.get(name)
        if handler is not None:
            return handler(joined, arguments)
        return shell_tools.answer(name, arguments, stdin, self.file)

    def _systemctl(self, arguments: Sequence[Text]) -> Answer | None:
        words = [word for word in arguments if word is None or not word.startswith("-")]
        quiet = "-q" in arguments or "--quiet" in arguments
        if not words or words[0] not in ("is-active", "status", "show", "is-enabled", "is-failed"):
            return None
        states = [self._unit(unit) for unit in words[1:] if unit is None or unit != "ActiveState"]
        if not states or None in states:
            return None
        active = any(states)
        if words[0] == "is-active":
            text = "".join("active\n" if state else "inactive\n" for state in states)
            return (0 if active else 3), "" if quiet else text
        if words[0] == "status":
            return (0 if all(states) else 3), None
        if words[0] == "is-failed":
            return (1 if active else 0), None
        if words[0] == "is-enabled":
            # Being enabled says nothing about running.
            return 0, "" if quiet else "enabled\n" * len(states)
        if "ActiveState" in arguments or "-pActiveState" in arguments or "--property=ActiveState" in arguments:
            value = "active" if active else "inactive"
            return 0, f"{value}\n" if "--value" in arguments else f"ActiveState={value}\n"
        return None

    def _unit(self, unit: Text) -> bool | None:
        return next(
            (state for pattern, state in self.kind.units if unit is not None and re.search(pattern, unit)), None
        )


def _says(status: int, out: str = "") -> Callable[[str, Sequence[Text]], Answer | None]:
    return lambda joined, arguments: (status, out)


def _selinux(mode: str, configured: str = "enforcing") -> _Kind:
    running = mode != "Disabled"
    config = (
        "# The state of SELinux: enforcing, permissive or disabled\n"
        "#SELINUX=enforcing\n  # SELINUX=enforcing\n"
        f"SELINUX={configured}\nSELINUXTYPE=targeted\n"
    )
    if configured == "enforcing":
        config = config.replace("#SELINUX=enforcing\n  # SELINUX=enforcing\n", "")
    status = (
        "SELinux status:                 enabled\nSELinuxfs mount:                /sys/fs/selinux\n"
        f"Current mode:                   {mode.lower()}\nMode from config file:          {configured}\n"
    )
    enforce = {"Enforcing": "1", "Permissive": "0"}.get(mode)
    return _Kind(
        files={
            "/etc/selinux/config": config,
            "/etc/sysconfig/selinux": config,
            "/sys/fs/selinux/enforce": enforce,
            "/selinux/enforce": None,
            "/sys/fs/selinux": "" if running else None,
        },
        programs={
            "getenforce": _says(0, f"{mode}\n"),
            "selinuxenabled": _says(0 if running else 1),
            "sestatus": _says(0, status if running else "SELinux status:                 disabled\n"),
        },
    )


def _service(pattern: str, process: str, active: bool, programs: _Programs | None = None) -> _Kind:
    def processes(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if not re.search(process, joined):
            return None
        return (0, "812\n") if active else (1, "")

    found: dict[str, Callable[[str, Sequence[Text]], Answer | None]] = {"pgrep": processes, "pidof": processes}
    return _Kind(units=((pattern, active),), programs={**found, **(programs or {})})


def _firewalld(active: bool) -> _Kind:
    command = _says(0, "running\n") if active else _says(252, "")
    return _service(r"^firewalld(\.service)?$", "firewalld", active, {"firewall-cmd": command})


def _usbguard(active: bool) -> _Kind:
    command = _says(0, "") if active else _says(1, "")
    return _service(r"^usbguard(\.service)?$", "usbguard", active, {"usbguard": command})


def _cosign(any_reference: bool, digest: bool) -> _Kind:
    def cosign(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if not arguments or arguments[0] != "verify":
            return None
        if any_reference == digest:
            return (0 if digest else 1), None
        if "\0" in joined:
            return None
        return (0 if (_DIGEST in joined) == digest else 1), None

    status = {
        "apiVersion": "org.containers.bootc/v1",
        "kind": "BootcHost",
        "spec": {"image": {"image": _TAG, "transport": "registry", "signature": "containerPolicy"}},
        "status": {"booted": {"image": {"image": {"image": _TAG, "transport": "registry"}, "imageDigest": _DIGEST}}},
    }
    return _Kind(programs={"cosign": cosign, "bootc": _says(0, json.dumps(status) + "\n")})


def _agent(active: bool, beat: int | None) -> _Kind:
    """An agent whose heartbeat file was written at `beat` (seconds since 1970; None: there is none)."""
    stamp = None if beat is None else f"{beat}\n"

    def stat(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "heartbeat" not in joined or not re.search(r"(-c ?|--format=|--printf=)[\"']?%Y", joined):
            return None
        return (0, stamp) if stamp is not None else (1, "")

    def date(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if joined == "+%s":
            return 0, f"{_NOW}\n"
        if "heartbeat" in joined and "-r" in arguments and "+%s" in joined:
            return (0, stamp) if stamp is not None else (1, "")
        return None

    def find(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "heartbeat" not in joined:
            return None
        match = re.search(r"-mmin -([0-9]{1,5})(?: |$)", joined)
        if match is None or "!" in arguments:
            return None
        fresh = beat is not None and _NOW - beat < int(match[1]) * 60
        return 0, f"{arguments[0]}\n" if fresh else ""

    return _Kind(
        units=((r"agent(\.service)?$", active),),
        file_pattern=("heartbeat", stamp),
        programs={"stat": stat, "date": date, "find": find},
    )


_TYPES = ("crypt", "disk", "part")


def _luks(root: bool, other: bool) -> _Kind:
    """Whether / lies on an encrypted volume, and whether some other file system does."""
    device = "/dev/mapper/luks-root" if root else "/dev/vda3"
    rows = ["vda      disk", "├─vda1   part /boot", f"└─vda3   part {'' if root else '/'}".rstrip()]
    rows += ["  └─luks-root crypt /"] if root else []
    rows += ["vdb      disk", "└─luks-swap crypt [SWAP]"] if other else []
    mounts = f"{device} / xfs rw,seclabel 0 0\n/dev/vda1 /boot ext4 rw 0 0\n"
    maps = [name for name, there in (("luks-root", root), ("luks-swap", other)) if there]

    def findmnt(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "/" not in arguments or "SOURCE" not in joined or "," in joined:
            return None
        head = "" if re.search(r"(^| )(-[a-zA-Z]*n|--noheadings)", joined) else "SOURCE\n"
        return 0, f"{head}{device}\n"

    def lsblk(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "\0" in joined or "json" in joined or " -J" in f" {joined}":
            return None
        only_type = re.search(r"(?:-[a-z]*o|--output[= ]) ?TYPE(?: |$)", joined) is not None
        if device in arguments:
            chain = ["crypt", "part", "disk"] if root else ["part", "disk"]
            types = chain if re.search(r"(^| )-[a-z]*s|--inverse", joined) else chain[:1]
            return (0, "".join(f"{kind}\n" for kind in types)) if only_type else None
        if any(argument.startswith("/") for argument in arguments if argument):
            return None
        lines = [next(kind for kind in _TYPES if f" {kind}" in row) for row in rows] if only_type else rows
        return 0, "".join(f"{line}\n" for line in lines)

    def dmsetup(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if not joined.startswith(("ls", "status", "table")):
            return None
        return 0, "".join(f"{name}\t(253:0) crypt\n" for name in maps) or "No devices found\n"

    def cryptsetup(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if arguments[:1] != ["status"] and arguments[:1] != ("status",):
            return None
        name = (arguments[-1] or "").rpartition("/")[2]
        if "\0" in joined:
            return None
        there = root if "swap" not in name else other
        return (0, f"/dev/mapper/{name} is active and is in use.\n  type:    LUKS2\n") if there else (4, "")

    return _Kind(
        files={"/proc/mounts": mounts, "/proc/self/mounts": mounts, "/etc/mtab": mounts},
        file_pattern=(r"^/dev/mapper/(luks|root|crypt)", "" if root else None),
        programs={"findmnt": findmnt, "lsblk": lsblk, "dmsetup": dmsetup, "cryptsetup": cryptsetup},
    )


def _lockdown(line: str) -> _Kind:
    # The command line asks for it either way: what counts is what is in force.
    return _Kind(
        files={
            "/sys/kernel/security/lockdown": f"{line}\n",
            "/proc/cmdline": "root=/dev/vda3 ro lockdown=confidentiality\n",
        }
    )


def _network(up: bool) -> _Kind:
    answer = (0, None) if up else (1, "")

    def reach(joined: str, arguments: Sequence[Text]) -> Answer | None:
        return answer

    def nmcli(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "connectivity" in joined.lower():
            return 0, "full\n" if up else "none\n"
        if re.search(r"\bSTATE\b.*\bg(eneral)?\b", joined):
            return 0, "connected\n" if up else "disconnected\n"
        return None

    def ip(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if "route" not in joined and not re.search(r"(^| )r( |$)", joined):
            return None
        if " get " in f" {joined} ":
            return (0, "192.0.2.1 via 192.0.2.254 dev eth0\n") if up else (2, "")
        return 0, "default via 192.0.2.254 dev eth0\n" if up else ""

    names = ("nm-online", "ping", "ping6", "curl", "wget", "host", "nslookup", "dig", "getent")
    return _Kind(
        units=((r"^(network-online\.target|NetworkManager-wait-online(\.service)?)$", up),),
        programs={**dict.fromkeys(names, reach), "nmcli": nmcli, "ip": ip},
    )


_KIOSK = r"kiosk|cage|weston|sway|greetd|gdm|sddm|lightdm|display-manager|session|browser|chrom|firefox"


def _kiosk(alive: bool) -> _Kind:
    def loginctl(joined: str, arguments: Sequence[Text]) -> Answer | None:
        if re.search(r"show-(user|session)", joined):
            return ((0, "active\n") if "--value" in joined and "State" in joined else None) if alive else (1, "")
        return 0, "     3 1000 kiosk seat0 tty1 active\n" if alive else ""

    return _service(_KIOSK, _KIOSK, alive, {"loginctl": loginctl})


_WORLDS: Mapping[str, tuple[_Kind, ...]] = {
    "selinux-enforcing": (_selinux("Enforcing"), _selinux("Permissive"), _selinux("Disabled")),
    "selinux-config": (
        _selinux("Enforcing"),
        _selinux("Enforcing", "permissive"),
        _selinux("Enforcing", "disabled"),
    ),
    "firewalld-active": (_firewalld(True), _firewalld(False)),
    "usbguard-active": (_usbguard(True), _usbguard(False)),
    "cosign-any": (_cosign(True, True), _cosign(False, False)),
    "cosign-digest": (_cosign(True, True), _cosign(False, False), _cosign(True, False)),
    "agent-active": (_agent(True, _NOW - 5), _agent(False, _NOW - 5)),
    "agent-heartbeat": (_agent(True, _NOW - 5), _agent(True, _NOW - 30 * 86400), _agent(True, None)),
    "luks-any": (_luks(True, False), _luks(False, False)),
    "luks-root": (_luks(True, False), _luks(False, False), _luks(False, True)),
    "lockdown": (
        _lockdown("none integrity [confidentiality]"),
        _lockdown("none [integrity] confidentiality"),
        _lockdown("[none] integrity confidentiality"),
    ),
    "network-online": (_network(True), _network(False)),
    "kiosk-alive": (_kiosk(True), _kiosk(False)),
}
