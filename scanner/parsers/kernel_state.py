"""Small files of /proc and /sys in which a running kernel tells its state.

Sources (Linux): Documentation/admin-guide/tainted-kernels.rst, security/lockdown/lockdown.c, kernel/module/procfs.c,
Documentation/ABI/testing/{ima_policy,evm,sysfs-devices-system-cpu}, arch/x86/entry/vsyscall/vsyscall_64.c.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "ImaRule",
    "LoadedModule",
    "chosen",
    "cpu_flags",
    "flag",
    "ima_rules",
    "loaded_modules",
    "number",
    "taints",
    "vsyscall",
    "vulnerability",
]

_MAX_LINES = 100_000

_TAINTS = (
    "proprietary module",
    "module loaded by force",
    "out of specification",
    "module unloaded by force",
    "machine check",
    "bad page",
    "asked for by user space",
    "oops",
    "ACPI table overridden",
    "warning",
    "staging driver",
    "firmware workaround",
    "out-of-tree module",
    "unsigned module",
    "soft lockup",
    "live patch",
    "auxiliary",
    "struct randomised",
    "in-kernel test",
    "firmware changed by user space",
)


def flag(text: str) -> bool:
    """A module parameter of type bool: `Y` or `N`. Raises ParseError for anything else."""
    word = text.strip()
    if word not in ("Y", "N", "1", "0"):
        raise ParseError("neither Y nor N", offset=0)
    return word in ("Y", "1")


def number(text: str) -> int:
    """A decimal number of at most 20 digits. Raises ParseError."""
    word = text.strip()
    if not re.fullmatch(r"-?[0-9]{1,20}", word):
        raise ParseError("not a number", offset=0)
    return int(word)


def chosen(text: str) -> str:
    """The word in brackets of a list like `none integrity [confidentiality]`. Raises ParseError without just one."""
    found = re.findall(r"\[(\w+)\]", text[:4096])
    if len(found) != 1:
        raise ParseError("not one word is chosen", offset=0)
    return str(found[0])


def taints(value: int) -> list[str]:
    """What each set bit of /proc/sys/kernel/tainted means, lowest first. Raises ParseError for a negative value."""
    if value < 0:
        raise ParseError("a taint mask below zero")
    return [
        _TAINTS[bit] if bit < len(_TAINTS) else f"bit {bit}" for bit in range(value.bit_length()) if value >> bit & 1
    ]


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A line of /proc/modules. `taints`: the kernel's letters (O out of tree, E unsigned, P proprietary, F forced)."""

    name: str
    users: tuple[str, ...]
    state: str
    taints: str


def loaded_modules(text: str) -> list[LoadedModule]:
    """The lines of /proc/modules. Raises ParseError for a line with too few fields."""
    found = []
    for line, raw in enumerate(_lines(text), 1):
        words = raw.split()
        if not words:
            continue
        if len(words) < 5 or not words[1].isdigit():
            raise ParseError("not a line of /proc/modules", line=line)
        users = tuple(sorted(word for word in words[3].split(",") if word and word != "-"))
        letters = words[-1].strip("()") if re.fullmatch(r"\([A-Z+-]+\)", words[-1]) else ""
        found.append(LoadedModule(words[0], users, words[4], letters.strip("+-")))
    return found


@dataclass(frozen=True, slots=True)
class ImaRule:
    """A rule of the IMA policy: its action and the `key=value` conditions; `text` is the whole rule."""

    action: str
    conditions: dict[str, str]
    text: str
    line: int


_IMA_ACTIONS = frozenset(
    ("measure", "dont_measure", "appraise", "dont_appraise", "audit", "dont_audit", "hash", "dont_hash")
)


def ima_rules(text: str) -> list[ImaRule]:
    """The rules of an IMA policy (securityfs or /etc/ima/ima-policy); comments and blank lines do not count.

    Raises ParseError for a rule whose first word is no action.
    """
    found = []
    for line, raw in enumerate(_lines(text), 1):
        words = raw.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in _IMA_ACTIONS:
            raise ParseError(f"{words[0][:40]!r} is no IMA action", line=line)
        conditions = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        found.append(ImaRule(words[0], conditions, " ".join(words), line))
    return found


def vulnerability(text: str) -> str:
    """The verdict of a file in /sys/devices/system/cpu/vulnerabilities: not affected, mitigated, vulnerable, unknown.

    A mitigation that says that a part of it is missing (`; SMT vulnerable`, `Vulnerable: …`) counts as vulnerable.
    """
    said = text.strip()
    if re.search(r"\bvulnerable\b", said, re.IGNORECASE):
        return "vulnerable"
    if said.startswith("Not affected"):
        return "not affected"
    return "mitigated" if "Mitigation:" in said else "unknown"


def vsyscall(text: str) -> str:
    """How /proc/self/maps shows the vsyscall page: none (not there), xonly, or emulate (readable too)."""
    for line in _lines(text):
        words = line.split()
        if words and words[-1] == "[vsyscall]":
            return "emulate" if len(words) > 1 and words[1].startswith("r") else "xonly"
    return "none"


def cpu_flags(text: str) -> list[str]:
    """The flags that every processor of /proc/cpuinfo has, sorted. Raises ParseError when there is no such line."""
    sets = [
        frozenset(found[1].split()) for found in re.finditer(r"^(?:flags|Features)[ \t]*:([^\n]*)$", text, re.MULTILINE)
    ]
    if not sets:
        raise ParseError("no processor flags in it")
    return sorted(frozenset.intersection(*sets))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        raise ParseError("more lines than we read", line=_MAX_LINES)
    return lines
