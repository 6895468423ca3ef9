"""What the service manager adds to sshd's command line: `-o`, `-p` and `-f` win over every configuration file.

Not a collector itself: `sshd` builds on it. Source: sshd(8); systemd.service(5), "Command lines"; systemd.exec(5),
Environment= and EnvironmentFile=. Where no unit starts sshd, the files that other service managers read are taken.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from scanner.collectors import unit_files
from scanner.collectors.base import Look
from scanner.model.errors import ParseError
from scanner.parsers import sshd_config
from scanner.parsers.sshd_effective import Setting
from scanner.parsers.systemd_unit import Unit, words

__all__ = ["Given", "given"]

_UNITS = ("sshd.service", "ssh.service", "sshd@.service", "ssh@.service")
_OTHERS = {"/etc/conf.d/sshd": "SSHD_OPTS", "/etc/default/ssh": "SSHD_OPTS", "/etc/sysconfig/sshd": "OPTIONS"}
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_SSHD = re.compile(r"[-@:+!|]*(?:/\S*/)?sshd(?:-session|-auth)?\b")


@dataclass(frozen=True, slots=True)
class Given:
    """Settings of the command line in their order, and the configuration file it names instead of the usual one."""

    settings: tuple[Setting, ...]
    config: str | None


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the command line and where it stands."""

    text: str
    source: str
    line: int


def given(look: Look) -> Given:
    """What the command line of sshd says. Raises ParseError for quotes that never end."""
    settings: list[Setting] = []
    config: str | None = None
    rest = _words(look)
    for word in rest:
        option, value = word.text[:2], word.text[2:]
        if option not in ("-o", "-p", "-f"):
            continue
        if not value:
            following = next(rest, None)
            value = following.text if following is not None else ""
        if option == "-f":
            config = value
        elif value:
            text = value if option == "-o" else f"Port {value}"
            settings.append(Setting(sshd_config.split_option(text, word.line), word.source, None))
    return Given(tuple(settings), config)


def _words(look: Look) -> Iterator[_Word]:
    files = unit_files.find(look)
    started = False
    for name in _UNITS:
        entry = files.named(name)
        found = files.unit(look, name)
        if entry is None or entry.real is None or found is None:
            continue
        commands = [line for line in found[0].values("Service", "ExecStart") if _SSHD.match(line)]
        started = started or bool(commands)
        for command in commands:
            yield from _of_command(look, command, entry.real, found[0])
    if not started:
        for path, name in _OTHERS.items():
            yield from _environment(look, path).get(name, ())


def _of_command(look: Look, command: str, path: str, unit: Unit) -> Iterator[_Word]:
    """The words of a command line with the variables of its unit put in."""
    variables: dict[str, list[_Word]] = {}
    for value in unit.values("Service", "Environment"):
        for word in words(value):
            if pair := _ASSIGNMENT.fullmatch(word):
                variables[pair[1]] = _split(pair[2], path, _line(unit, value))
    for value in unit.values("Service", "EnvironmentFile"):
        variables |= _environment(look, value.removeprefix("-"))
    for word in words(command)[1:]:
        variable = re.fullmatch(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", word)
        if variable is None:
            yield _Word(word, path, _line(unit, command))
        else:
            yield from variables.get(variable[1], ())


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
        found = [word for part in shlex.split(text, comments=True) for word in shlex.split(part)]
    except ValueError as error:
        raise ParseError(f"{path}: {error}", line=number) from error
    return [_Word(word, path, number) for word in found]
