"""Who may change what GRUB boots: the superusers and the passwords of its configuration.

Of a password only its kind is kept. `password_pbkdf2 NAME HASH` and `password NAME TEXT` give one, `superusers` limits
the menu to the users it lists; entries with `--unrestricted` start without a password, as the distributions ship them.
Source: GNU GRUB manual, "Security", "password", "password_pbkdf2"; Fedora's 01_users and user.cfg.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Password", "Users", "has_hash", "parse"]

MAX_TEXT = 8 * 1024 * 1024
_SUPERUSERS = re.compile(r"(?:\A|[;{]|\bthen\b|\bset\b)[ \t]*superusers=(\"[^\"]*\"|'[^']*'|[^\s;\"']*)")
_EXPORT = re.compile(r"(?:\A|[;{]|\bthen\b)[ \t]*export[ \t]+(?:[\w \t]*[ \t])?superusers\b")
_PASSWORD = re.compile(r"(?:\A|[;{]|\bthen\b)[ \t]*(password_pbkdf2|password)[ \t]+(\S+)[ \t]+(\S+)")
_HASH = re.compile(r"grub\.pbkdf2\.sha512\.[0-9]{1,10}\.[0-9A-Fa-f]{16,}\.[0-9A-Fa-f]{32,}\Z")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPENS = re.compile(r"(?:\A|[;{]|\bthen\b|\belse\b|\bdo\b)[ \t]*(?:if|for|while|until)\b|\{")
_CLOSES = re.compile(r"(?:\A|[;}])[ \t]*(?:fi|done)\b|\}")
_LEAVES = re.compile(r"(?:\A|[;{]|\bthen\b|\belse\b|\bdo\b)[ \t]*(?:return|exit|normal_exit|normal|configfile|break)\b")
_USER_FILE = re.compile(r"[ \t]*(?:set[ \t]+)?GRUB2_PASSWORD[ \t]*=[ \t]*[\"']?([^\s\"']*)")


@dataclass(frozen=True, slots=True)
class Password:
    """A password of a user. `kind`: pbkdf2, plain, variable (what $GRUB2_PASSWORD holds) or broken."""

    user: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Users:
    """`superusers`: every list that may hold, in order, with its line; `exported`: submenus see it.

    A list that is set outside of every block takes the place of those before it; one inside of a block may.
    """

    superusers: tuple[tuple[str, int], ...]
    exported: bool
    passwords: tuple[Password, ...]


def parse(text: str) -> Users:
    """What a configuration says of users. Raises ParseError for a NUL."""
    if "\0" in text:
        raise ParseError("a NUL in a GRUB configuration", offset=text.index("\0"))
    superusers: list[tuple[str, int]] = []
    passwords: list[Password] = []
    exported = always = False
    depth = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r")
        if line.startswith("#"):
            continue
        given = [(match[1].strip("\"'"), number) for match in _SUPERUSERS.finditer(line)]
        bare = _QUOTED.sub("", line)
        opened = len(_OPENS.findall(bare))
        outside = depth == 0 and not opened
        if given and outside:
            superusers.clear()
            exported = always
        superusers += given
        # After blocks that do not add up, or a way out of the file, no line is sure to be reached.
        lost = depth < 0 or _LEAVES.search(bare) is not None
        depth = -1 if lost else depth + opened - len(_CLOSES.findall(bare))
        if _EXPORT.search(line) is not None:
            exported, always = True, always or outside
        for match in _PASSWORD.finditer(line):
            passwords.append(Password(match[2].strip("\"'"), _kind(match[1], match[3].strip("\"'")), number))
    return Users(tuple(superusers), exported, tuple(passwords))


def _kind(command: str, secret: str) -> str:
    if command == "password":
        return "plain"
    if re.fullmatch(r"\$\{?GRUB2_PASSWORD\}?", secret):
        return "variable"
    return "pbkdf2" if _HASH.match(secret) else "broken"


def has_hash(text: str) -> bool:
    """Whether a user.cfg gives GRUB2_PASSWORD a hash; of several lines the last one counts."""
    given = [match[1] for line in text.split("\n") if (match := _USER_FILE.match(line)) is not None]
    return bool(given) and _HASH.match(given[-1]) is not None
