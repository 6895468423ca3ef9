"""The system-wide crypto policy of Fedora, RHEL and kin: its configuration, policy modules and two of its back-ends.

Source: crypto-policies(7), update-crypto-policies(8); fedora-crypto-policies `python/cryptopolicies/`. A policy is
named `NAME[:SUBPOLICY…]`; a module is a file of `key = value` and `key@scope = value` lines, `#` starts a comment.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.sshd_config import parse

__all__ = ["Directive", "Policy", "Setting", "module", "policy", "ssh_directives"]

MAX_LINE = 65_536
"""Characters of one line."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Policy:
    """`FIPS:NO-SHA1` taken apart: upper-case name and subpolicies, and the line it stands on."""

    name: str
    modules: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """The policy as update-crypto-policies writes it."""
        return ":".join((self.name, *self.modules))


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a policy or module: `key`, `scope` (after the @, upper-case, None for everything) and the words."""

    key: str
    scope: str | None
    operator: str
    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Directive:
    """One algorithm list of an OpenSSH back-end: lower-case `keyword` and the names in order."""

    keyword: str
    values: tuple[str, ...]
    line: int


def policy(text: str) -> Policy | None:
    """The policy that a `config` or `state/current` file names; None when it names none. Raises ParseError."""
    lines = [(number, line.split("#", 1)[0].strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    if not lines:
        return None
    if len(lines) != 1:
        raise ParseError("several policies are named")
    number, line = lines[0]
    names = [name.strip().upper() for name in line.split(":")]
    if not all(_NAME.fullmatch(name) for name in names):
        raise ParseError("not the name of a policy", line=number)
    return Policy(names[0], tuple(names[1:]), number)


def module(text: str) -> list[Setting]:
    """The settings of a policy (.pol) or module (.pmod) file, in order. Raises ParseError."""
    found: list[Setting] = []
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        start = start if pending else number
        pending += line
        if len(pending) > MAX_LINE:
            raise ParseError(f"longer than {MAX_LINE} characters", line=start)
        if pending.endswith("\\"):
            pending = f"{pending[:-1]} "
            continue
        if pending.strip():
            found.append(_setting(pending.strip(), start))
        pending = ""
    if pending.strip():
        found.append(_setting(pending.strip(), start))
    return found


def _setting(line: str, number: int) -> Setting:
    pair = re.fullmatch(r"([A-Za-z0-9_-]+)(?:@([^=+\s]+(?:[^=+]*[^=+\s])?))?\s*(\+?=\+?)\s*(.*)", line)
    if pair is None:
        raise ParseError("not a key = value line", line=number)
    scope = pair[2].strip().upper() if pair[2] else None
    return Setting(pair[1].lower(), scope, pair[3], tuple(pair[4].split()), number)


def ssh_directives(text: str) -> list[Directive]:
    """Algorithm lists of back-ends/openssh.config or opensshserver.config; of a keyword the first wins.

    Both are in the grammar of sshd_config(5) (older releases wrote `CRYPTO_POLICY='-oCiphers=…'` for the server).
    """
    lines = text.splitlines()
    old = [re.fullmatch(r"\s*CRYPTO_POLICY\s*=\s*'?(.*?)'?\s*", line) for line in lines]
    if any(old):
        text = "\n".join(
            "\n".join(part.replace("=", " ", 1) for part in re.findall(r"-o(\S+)", found[1])) if found else ""
            for found in old
        )
    found_by: dict[str, Directive] = {}
    for item in parse(text):
        names = tuple(name for argument in item.arguments for name in argument.split(",") if name)
        found_by.setdefault(item.keyword, Directive(item.keyword, names, item.line))
    return list(found_by.values())
