"""What the service manager adds to sshd's command line: its options win over every configuration file.

Not a collector itself: `sshd` builds on it. Source: sshd(8) and sshd.c (the option string of its getopt(3) loop);
systemd.service(5), "Command lines"; systemd.exec(5), Environment= and EnvironmentFile=. Where no unit starts sshd, the
files that other service managers read are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors import unit_files
from scanner.collectors.base import Look
from scanner.collectors.path_globs import glob_paths
from scanner.model.errors import NotCollectedError, ParseError
from scanner.model.records import dataclass
from scanner.parsers import quoted_words, sshd_config
from scanner.parsers.sshd_effective import Setting
from scanner.parsers.systemd_unit import Unit, words

__all__ = ["Given", "given"]

_UNITS = ("sshd.service", "ssh.service", "sshd@.service", "ssh@.service")
_OTHERS = {"/etc/conf.d/sshd": "SSHD_OPTS", "/etc/default/ssh": "SSHD_OPTS", "/etc/sysconfig/sshd": "OPTIONS"}
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")
_SSHD = re.compile(r"(?:/\S*/)?sshd(?:-session|-auth)?\b")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WITH_ARGUMENT = frozenset("CEbcfghkopu")
_MEANS = {"p": "Port", "g": "LoginGraceTime", "h": "HostKey"}
"""Options that are a setting with their argument for a value."""
_ALONE = {"q": "LogLevel QUIET", "d": "LogLevel DEBUG1"}


@dataclass(frozen=True, slots=True)
class Given:
    """Settings of the command line in their order, the configuration file it names instead of the usual one, and the
    programs that units start."""

    settings: tuple[Setting, ...]
    config: str | None
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the command line and where it stands."""

    text: str
    source: str
    line: int


def given(look: Look) -> Given:
    """What the command line of sshd says.

    Raises ParseError for quotes that never end, NotCollectedError where a unit of sshd starts another program, whose
    doings nobody can know.
    """
    settings: list[Setting] = []
    config: str | None = None
    programs: list[str] = []
    for program, line in _command_lines(look):
        if program is not None:
            programs.append(program)
        for letter, value, word in _options(line):
            if letter == "f":
                config = value
            elif letter in _ALONE or (value and letter in ("o", *_MEANS)):
                text = _ALONE.get(letter) or (f"{_MEANS[letter]} {value}" if letter in _MEANS else value)
                settings.append(Setting(sshd_config.split_option(text, word.line), word.source, None))
    return Given(tuple(settings), config, tuple(programs))


def _options(line: list[_Word]) -> Iterator[tuple[str, str, _Word]]:
    """(letter, argument or "", word) of each option, as getopt(3) finds them: letters may share a word."""
    rest = iter(line)
    for word in rest:
        if word.text == "--" or not word.text.startswith("-") or word.text == "-":
            return
        for at, letter in enumerate(word.text[1:], 2):
            if letter not in _WITH_ARGUMENT:
                yield letter, "", word
                continue
            following = None if word.text[at:] else next(rest, None)
            yield letter, word.text[at:] or (following.text if following is not None else ""), word
            break


def _command_lines(look: Look) -> Iterator[tuple[str | None, list[_Word]]]:
    """(program, its words) for each command that starts sshd; the program is None where no unit says it."""
    files = unit_files.find(look)
    started = False
    for name in _UNITS:
        entry = files.named(name)
        found = files.unit(look, name)
        if entry is None or entry.real is None or found is None:
            continue
        for command in found[0].values("Service", "ExecStart"):
            program, rest = _program(command)
            if _SSHD.match(program) is None:
                raise NotCollectedError(f"{name} starts {program or 'nothing'}: what it tells sshd is not known")
            started = True
            yield program, _of_command(look, rest, entry.real, found[0], _line(found[0], command))
    if not started:
        for path, name in _OTHERS.items():
            yield None, _environment(look, path).get(name, [])


def _program(command: str) -> tuple[str, list[str]]:
    """The program of a command line and the words that follow it; behind an `@` the first is only what it is called."""
    parts = words(command)
    first = parts[0] if parts else ""
    program = first.lstrip("-@:+!|")
    own_name = "@" in first[: len(first) - len(program)]
    return program, parts[2 if own_name else 1 :]


def _of_command(look: Look, rest: list[str], path: str, unit: Unit, line: int) -> list[_Word]:
    """The words of a command line with the variables of its unit put in."""
    variables: dict[str, list[_Word]] = {}
    for value in unit.values("Service", "Environment"):
        for word in words(value):
            if pair := _ASSIGNMENT.fullmatch(word):
                variables[pair[1]] = _split(pair[2], path, _line(unit, value))
    for value in unit.values("Service", "EnvironmentFile"):
        place = value.removeprefix("-")
        for one in glob_paths(look, place) if re.search(r"[*?[]", place) else [place]:
            variables |= _environment(look, one)
    found: list[_Word] = []
    for word in rest:
        whole = _VARIABLE.fullmatch(word)
        if whole is not None:
            found += variables.get(whole[1] or whole[2], [])
        else:
            text = _BRACED.sub(lambda name: " ".join(one.text for one in variables.get(name[1], ())), word)
            found.append(_Word(text, path, line))
    return found


def _line(unit: Unit, value: str) -> int:
    return next((setting.line for setting in unit.settings if setting.value == value), 1)


def _environment(look: Look, path: str) -> dict[str, list[_Word]]:
    """Variables of an environment file, each split into words."""
    found: dict[str, list[_Word]] = {}
    for number, line in enumerate((look.text(path) or "").splitlines(), 1):
        if pair := _ASSIGNMENT.fullmatch(line):
            found[pair[1]] = _split(pair[2], path, number)
    return found


def _split(text: str, path: str, number: int) -> list[_Word]:
    """Words of a value: first the quotes around the whole of it go, then it is split at blanks."""
    try:
        parts = quoted_words.split(text, comments=True)
        found = [word for part in parts for word in quoted_words.split(part)]
    except ValueError as error:
        raise ParseError(f"{path}: {error}", line=number) from error
    return [_Word(word, path, number) for word in found]
