"""The four account files: passwd, group, shadow and gshadow.

Formats: passwd(5), group(5), shadow(5), gshadow(5); hash prefixes: crypt(5) of libxcrypt. No hash ever leaves this
module: a password field becomes a state word and the name of its method.

A line that glibc would skip is reported as a `Problem`: who reads the result decides that it is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, Literal, TypeAlias, TypeVar

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "Group",
    "GroupShadow",
    "Parsed",
    "PasswordState",
    "Problem",
    "Shadow",
    "User",
    "parse_group",
    "parse_gshadow",
    "parse_passwd",
    "parse_shadow",
    "password_state",
]

T = TypeVar("T")

PasswordState: TypeAlias = Literal["empty", "locked", "no_login", "set"]

_MAX_ID = 2**32 - 1
_METHODS = (
    ("$y$", "yescrypt"),
    ("$gy$", "gost-yescrypt"),
    ("$sm3y$", "sm3-yescrypt"),
    ("$sm3$", "sm3crypt"),
    ("$7$", "scrypt"),
    ("$6$", "sha512"),
    ("$5$", "sha256"),
    ("$2a$", "bcrypt"),
    ("$2b$", "bcrypt"),
    ("$2x$", "bcrypt"),
    ("$2y$", "bcrypt"),
    ("$1$", "md5"),
    ("$sha1", "sha1"),
    ("$md5", "sunmd5"),
    ("$3$", "nt"),
)
_DES = re.compile(r"[./0-9A-Za-z]{13}(?:[./0-9A-Za-z]{11})*\Z")
_MARKS = re.compile(r"[*x]+|\*?(NP|LK|LOCKED)\*?")
_BSDI = re.compile(r"_[./0-9A-Za-z]{19}\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is not what its format says."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class User:
    """One passwd line. `password` is None when the field is `x`: the shadow file holds it."""

    name: str
    password: PasswordState | None
    hash_method: str | None
    uid: int
    gid: int
    home: str
    shell: str
    line: int


@dataclass(frozen=True, slots=True)
class Group:
    """One group line. `password` is None when the field is `x`."""

    name: str
    password: PasswordState | None
    gid: int
    members: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Shadow:
    """One shadow line. Days since 1970-01-01 (`last_change`, `expires`) or since the last change; None: not set."""

    name: str
    password: PasswordState
    hash_method: str | None
    last_change: int | None
    min_days: int | None
    max_days: int | None
    warn_days: int | None
    inactive_days: int | None
    expires: int | None
    line: int


@dataclass(frozen=True, slots=True)
class GroupShadow:
    """One gshadow line."""

    name: str
    password: PasswordState
    members: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """What a file holds: its entries in order, the lines that are no entries, and the `+`/`-` lines of NIS (compat)."""

    entries: tuple[T, ...]
    problems: tuple[Problem, ...]
    compat: tuple[tuple[int, str], ...]


def password_state(field: str) -> tuple[PasswordState, str | None]:
    """State word of a password field, and the method of the hash in it (also of one behind the lock sign `!`).

    `empty`: no password is asked. `locked`: a leading `!` (`usermod -L`). `no_login`: nothing a password can match
    (`*`, `x`, `NP`). `set`: a hash, or text that starts like one; its method is `unknown` when the prefix is new to us.
    """
    if field == "":
        return "empty", None
    method = _method(field.lstrip("!"))
    if field.startswith("!"):
        return "locked", method
    return ("no_login", None) if method is None else ("set", method)


def _method(text: str) -> str | None:
    for prefix, name in _METHODS:
        if text.startswith(prefix):
            return name
    if text.startswith("$"):
        return "unknown"
    if _BSDI.match(text):
        return "bsdi-des"
    return "des" if _DES.match(text) else None


def parse_passwd(text: str) -> Parsed[User]:
    """The users of a passwd file. Raises ParseError for binary input."""
    return _parse(text, 7, _user)


def parse_group(text: str) -> Parsed[Group]:
    """The groups of a group file. Raises ParseError for binary input."""
    return _parse(text, 4, _group)


def parse_shadow(text: str) -> Parsed[Shadow]:
    """The entries of a shadow file. Raises ParseError for binary input.

    The last field is reserved, and a line that ends before it is read as if it were empty (shadow-utils, lib/shadow.c).
    """
    return _parse(text, 9, _shadow, may_lack_last=True)


def parse_gshadow(text: str) -> Parsed[GroupShadow]:
    """The entries of a gshadow file. Raises ParseError for binary input."""
    return _parse(text, 4, _group_shadow)


def _parse(text: str, width: int, make: Callable[[list[str], int], T], *, may_lack_last: bool = False) -> Parsed[T]:
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    entries: list[T] = []
    problems: list[Problem] = []
    compat: list[tuple[int, str]] = []
    # Lines end in "\n" and nothing else: splitlines() would also cut at form feeds and Unicode line ends.
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        fields = stripped.split(":")
        if fields[0][:1] in ("+", "-"):
            compat.append((number, fields[0][:256]))
            continue
        try:
            if may_lack_last and len(fields) == width - 1:
                fields.append("")
            if len(fields) != width:
                raise ValueError(f"{len(fields)} fields instead of {width}")
            if not fields[0]:
                raise ValueError("the name is empty")
            entries.append(make(fields, number))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    return Parsed(tuple(entries), tuple(problems), tuple(compat))


def _user(fields: list[str], line: int) -> User:
    state, method = _visible(fields[1])
    return User(fields[0], state, method, _id(fields[2]), _id(fields[3]), fields[5], fields[6], line)


def _group(fields: list[str], line: int) -> Group:
    return Group(fields[0], _visible(fields[1])[0], _id(fields[2]), _names(fields[3]), line)


def _shadow(fields: list[str], line: int) -> Shadow:
    state, method = password_state(fields[1])
    days = [_days(field) for field in fields[2:8]]
    return Shadow(fields[0], state, method, days[0], days[1], days[2], days[3], days[4], days[5], line)


def _group_shadow(fields: list[str], line: int) -> GroupShadow:
    return GroupShadow(fields[0], password_state(fields[1])[0], _names(fields[3]), line)


def _visible(field: str) -> tuple[PasswordState | None, str | None]:
    """The state of a password field of passwd or group, where `x` alone points at the shadow file.

    Text in these readable files that is neither a usual mark nor a hash we know is taken for a hash we do not know.
    """
    if field == "x":
        return None, None
    state, method = password_state(field)
    if state == "no_login" and not _MARKS.fullmatch(field):
        return "set", "unknown"
    return state, method


def _id(field: str) -> int:
    if not (field.isascii() and field.isdigit()) or len(field) > 10 or int(field) > _MAX_ID:
        raise ValueError("an id is not a number of 32 bits")
    return int(field)


def _days(field: str) -> int | None:
    if field == "":
        return None
    digits = field.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        raise ValueError("an aging field is not a number")
    return int(field)


def _names(field: str) -> tuple[str, ...]:
    return tuple(name for name in field.rstrip("\r").split(",") if name)
