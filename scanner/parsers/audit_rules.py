"""Rules of the Linux audit system, one meaning for every spelling: `-w`, `-a always,exit`, `-a exit,always`.

A text is read as `auditctl -R` reads it: words split at blanks, `-D` throws away what came before, the first line that
auditctl cannot take ends the load (unless `-i` or `-c` came before), nothing is accepted after `-e 2`, and the kernel
refuses a rule that it has already.
Sources: auditctl(8), audit.rules(7), audit-userspace src/auditctl.c and lib/libaudit.c; kernel/auditfilter.c
(audit_add_rule, audit_compare_rule).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from scanner.model.records import dataclass
from scanner.parsers import audit_fields
from scanner.parsers.audit_fields import CertainError, FieldError

__all__ = ["ALL_CALLS", "Line", "Problem", "Rule", "RuleSet", "Settings", "load", "numbered"]

ALL_CALLS = ("all",)
_MAX_LINE = 6144
_MAX_RULES = 2000
_LISTS = frozenset({"task", "exit", "user", "exclude", "filesystem", "io_uring"})
_ARGUMENT = frozenset("CefrbaAdSFmRwWkpq")
_PLAIN = frozenset("hicslDvt")
_LONG = {
    "loginuid-immutable": False,
    "backlog_wait_time": True,
    "reset-lost": False,
    "reset_backlog_wait_time_actual": False,
    "signal": True,
}
_BOTH = ("b32", "b64")
_FIELD_AND_OPERATOR = re.compile(r"\w+[!<>=&]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of rules: its text, the file and the line (1-based) it starts in."""

    text: str
    source: str
    number: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule by meaning.

    `arch`: the ABIs it covers. `syscalls`: names, or `("all",)`. `kind`: `path` (that inode alone), `dir` (everything
    below), `watch` (`-w`: one of the two, depending on what lies there), or None. `perms`: letters of `rwxa` in that
    order, None without a filter. `auid_from`: lowest login uid that matches; `auid_unset`: whether processes nobody
    logged in for match. `filters`: the other conditions, normalised and sorted. `order`: fields and operators as they
    stood, by which the kernel tells two rules apart; `slash`: the path was written with one at its end. Neither is part
    of the meaning.
    """

    list: str
    action: str
    arch: tuple[str, ...]
    syscalls: tuple[str, ...]
    kind: str | None
    path: str | None
    perms: str | None
    auid_from: int
    auid_unset: bool
    filters: tuple[str, ...]
    keys: tuple[str, ...]
    source: str
    line: int
    order: tuple[str, ...] = field(default=(), compare=False)
    slash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Control lines in force at the end of the load; None = not set. `places`: which line set what."""

    enabled: int | None = None
    failure: int | None = None
    backlog: int | None = None
    rate: int | None = None
    backlog_wait: int | None = None
    ignore_errors: bool = False
    continue_loading: bool = False
    loginuid_immutable: bool = False
    places: tuple[tuple[str, str, int], ...] = ()

    def place(self, name: str) -> tuple[str | None, int | None]:
        """File and line that set `name` last."""
        for label, source, line in reversed(self.places):
            if label == name:
                return source, line
        return None, None


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that auditctl refuses. `fatal` = the load ends there.

    `doubtful`: another version of auditctl may take the line and go on, so what is loaded in the end is not certain.
    """

    source: str
    line: int
    reason: str
    fatal: bool
    doubtful: bool = True


@dataclass(slots=True)
class RuleSet:
    """What is loaded in the end, rules in the order the kernel tries them."""

    rules: list[Rule] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    problems: list[Problem] = field(default_factory=list)


def numbered(text: str, source: str) -> list[Line]:
    """The lines of one file."""
    return [Line(line, source, number) for number, line in enumerate(text.split("\n"), 1)]


def load(lines: Iterable[Line], *, listing: bool = False) -> RuleSet:
    """What auditctl would have loaded after these lines. Never raises: a bad line is a `Problem`.

    `listing`: they are what `auditctl -l` printed, where two rules may look alike.
    """
    result = RuleSet()
    for line in lines:
        text = line.text
        words = _words(text)
        if not words or words[0].startswith("#"):
            continue
        try:
            if len(text) > _MAX_LINE:
                raise FieldError(f"longer than {_MAX_LINE} characters")
            if "\0" in text:
                raise FieldError("a NUL byte")
            if result.settings.enabled == 2:
                raise CertainError("comes after -e 2, which locks the rules")
            if len(result.rules) >= _MAX_RULES:
                raise FieldError(f"more than {_MAX_RULES} rules")
            _apply(result, _options(words), line, listing=listing)
        except FieldError as error:
            fatal = not (result.settings.ignore_errors or result.settings.continue_loading)
            doubtful = not isinstance(error, CertainError)
            result.problems.append(Problem(line.source, line.number, str(error), fatal, doubtful))
            if fatal:
                break
    return result


def _words(text: str) -> list[str]:
    """Words split at spaces only; a backslash keeps the next space or backslash."""
    words: list[str] = []
    word: list[str] = []
    escaped = False
    for character in text:
        if escaped:
            if character not in " \\":
                word.append("\\")
            word.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == " ":
            if word:
                words.append("".join(word))
                word = []
        else:
            word.append(character)
    if escaped:
        word.append("\\")
    if word:
        words.append("".join(word))
    return words


def _options(words: Sequence[str]) -> list[tuple[str, str]]:
    """Options with their arguments, as getopt_long(3) takes the words apart."""
    options: list[tuple[str, str]] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word.startswith("--"):
            options.append(_long(word[2:], waiting))
            continue
        if not word.startswith("-") or word == "-":
            raise FieldError(f"a word without an option: {word[:80]}")
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter in _ARGUMENT:
                if not rest and not waiting:
                    raise FieldError(f"-{letter} needs an argument")
                options.append((letter, rest if rest else waiting.pop()))
                break
            if letter not in _PLAIN:
                raise FieldError(f"unknown option -{letter}")
            options.append((letter, ""))
    return options


def _long(word: str, waiting: list[str]) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    matching = [known for known in _LONG if known.startswith(name)] if name else []
    if name in _LONG:
        matching = [name]
    if len(matching) != 1:
        raise FieldError(f"unknown option --{name[:80]}")
    if not _LONG[matching[0]]:
        if equals:
            raise FieldError(f"--{name} takes no argument")
        return matching[0], ""
    if equals:
        return matching[0], value
    if not waiting:
        raise FieldError(f"--{name} needs an argument")
    return matching[0], waiting.pop()


def _apply(result: RuleSet, options: list[tuple[str, str]], line: Line, *, listing: bool) -> None:
    names = {name for name, _ in options}
    if names & {"a", "A", "w", "d", "W"}:
        _change_rules(result, options, line, listing=listing)
        return
    if "D" in names:
        keys = {value for name, value in options if name == "k"}
        result.rules = [rule for rule in result.rules if keys and not keys & set(rule.keys)]
        return
    changed: dict[str, object] = {}
    for name, value in options:
        if name in _NUMBERS:
            label, highest = _NUMBERS[name]
            changed[label] = _number(name, value, highest)
        elif name in _FLAGS:
            changed[_FLAGS[name]] = True
        elif name in {"S", "F", "C", "p", "k", "m", "R", "q", "h"}:
            raise FieldError(f"-{name} cannot stand in such a line")
    if "continue_loading" in changed:
        changed["ignore_errors"] = True
    places = tuple((label, line.source, line.number) for label in changed)
    result.settings = replace(result.settings, **changed, places=result.settings.places + places)  # type: ignore[arg-type]  # labels are the fields


_NUMBERS: dict[str, tuple[str, int | None]] = {
    "e": ("enabled", 2),
    "f": ("failure", 2),
    "b": ("backlog", None),
    "r": ("rate", None),
    "backlog_wait_time": ("backlog_wait", None),
}
_FLAGS = {"i": "ignore_errors", "c": "continue_loading", "loginuid-immutable": "loginuid_immutable"}


def _number(name: str, value: str, highest: int | None) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        raise FieldError(f"-{name} needs a number")
    number = int(value)
    if highest is not None and number > highest:
        raise FieldError(f"-{name} must be at most {highest}")
    return number


def _change_rules(result: RuleSet, options: list[tuple[str, str]], line: Line, *, listing: bool) -> None:
    builder = _Builder()
    for name, value in options:
        builder.take(name, value)
    rule = builder.rule(line)
    if builder.removes:
        result.rules = [known for known in result.rules if not _same_meaning(known, rule)]
    elif builder.prepends:
        result.rules.insert(0, rule)
    else:
        # The kernel looks for its like among the rules only when it is added at the end.
        twin = None if listing else next((known for known in result.rules if _twins(known, rule)), None)
        if twin is not None:
            raise CertainError(f"the rule of {twin.source}:{twin.line} exists already")
        result.rules.append(rule)


def _twins(known: Rule, rule: Rule) -> bool:
    """Whether the kernel takes both for one: the same fields in the same order, and the same key."""
    return known.order == rule.order and known == replace(rule, source=known.source, line=known.line)


def _same_meaning(known: Rule, gone: Rule) -> bool:
    """Whether a deletion hits a rule. Keys are left out: a rule that may be gone is not counted as there."""
    return replace(known, keys=(), source="", line=0, kind=None) == replace(gone, keys=(), source="", line=0, kind=None)


class _Builder:
    """Collects the options of one rule, in order, with auditctl's own conditions on that order."""

    def __init__(self) -> None:
        self.list = ""
        self.action = ""
        self.removes = False
        self.prepends = False
        self.syscalls: set[str] = set()
        self.watch: str | None = None
        self.perms: str | None = None
        self.keys: list[str] = []
        self.fields = audit_fields.Fields()
        self.order: list[str] = []
        self.slash = False

    def take(self, name: str, value: str) -> None:
        if name in "aAd":
            self._list(name, value)
        elif name in "wW":
            if self.list:
                raise FieldError("a watch cannot be combined with -a")
            self.list, self.action, self.removes = "exit", "always", name == "W"
            self.watch = audit_fields.path(value)
            self.slash = value.endswith("/")
        elif name == "p":
            if self.watch is None:
                raise FieldError("-p needs a watch before it")
            self.perms = audit_fields.perms(value)
        elif name == "k":
            if not self.list:
                raise FieldError("-k needs a rule before it")
            self.keys.append(audit_fields.key(value))
        elif name in "SFC":
            self._field(name, value)
        else:
            raise FieldError(f"-{name} cannot stand in a rule")

    def _list(self, name: str, value: str) -> None:
        if self.list:
            raise FieldError("two lists in one rule")
        parts = value.split(",")
        if len(parts) == 2 and parts[0] in {"always", "never"}:
            parts.reverse()
        if len(parts) != 2 or parts[0] not in _LISTS or parts[1] not in {"always", "never"}:
            raise FieldError(f"not a list and an action: {value[:80]}")
        self.list, self.action = parts
        self.removes, self.prepends = name == "d", name == "A"

    def _field(self, name: str, value: str) -> None:
        if name != "S":
            start = _FIELD_AND_OPERATOR.match(value) if name == "F" else None
            self.order.append(value if start is None else start[0])
            self.slash = self.slash or (self.order[-1] == "dir=" and value.endswith("/"))
        if not self.list or self.watch is not None:
            raise FieldError(f"-{name} needs -a before it")
        if name == "S":
            if self.list not in {"exit", "io_uring"}:
                raise FieldError(f"system calls cannot be named on the {self.list} list")
            calls = value.split(",")
            if not all(calls):
                raise FieldError("an empty system call name")
            self.syscalls.update(calls)
        elif name == "C":
            self.fields.compare(value)
        else:
            self.fields.add(value, after_syscall=bool(self.syscalls), on_list=self.list)

    def rule(self, line: Line) -> Rule:
        fields = self.fields
        keys = tuple(self.keys) + tuple(fields.keys)
        if self.watch is None and self.keys and not (self.syscalls or fields.has_subject):
            raise FieldError("a key needs a system call, a path or a program")
        syscalls = ALL_CALLS if not self.syscalls or "all" in self.syscalls else tuple(sorted(self.syscalls))
        arch = fields.arch
        if arch is None:
            # Numbers of named calls are those of the native ABI, taken as 64 bit; without names every ABI matches.
            arch = _BOTH if syscalls == ALL_CALLS else ("b64",)
        kind, place = (fields.kind, fields.path) if self.watch is None else ("watch", self.watch)
        perms = self.perms if self.watch is not None else fields.perms
        if self.watch is not None and perms is None:
            perms = "rwxa"
        return Rule(
            self.list,
            self.action,
            arch,
            syscalls,
            kind,
            place,
            perms,
            fields.auid_from,
            fields.auid_unset,
            tuple(sorted(fields.filters)),
            keys,
            line.source,
            line.number,
            tuple(self.order),
            self.slash,
        )
