"""What following a shell script is made of: its state, the ways a command can end, and the world around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

from scanner.model.records import dataclass
from scanner.parsers.shell_values import Text, UndecidedError

__all__ = ["ARRAY", "MAX_ROUNDS", "Answer", "Path", "State", "World", "either", "joined", "merged", "within"]

Answer: TypeAlias = tuple[int | None, Text]
"""Exit status and output of a program; None where that is open."""

MAX_ROUNDS = 150
"""Rounds of one loop, and items of a list, that are followed one by one."""

ARRAY = "\x1f"
"""What separates the items of an array inside one text."""

_MAX_PATHS = 160
_MAX_OUTPUT = 8192


class World(Protocol):
    """What a script can find out. Both answers may be open."""

    def file(self, path: str) -> tuple[bool, str | None]:
        """Whether it is known what lies at `path`, and the text (None: nothing lies there)."""

    def program(self, name: str, arguments: Sequence[Text], stdin: Text) -> Answer | None:
        """What a program answers; None when all is open."""

    def script(self, path: str) -> tuple[bool, str | None]:
        """Like `file`, for a script that is read in with `source`."""

    def installed(self, name: str) -> bool | None:
        """Whether the program exists; None when that is open."""


@dataclass(frozen=True, slots=True)
class State:
    """What the shell knows at one moment.

    `functions`: name and number of the body (the runner keeps the bodies). `open`: names that are not set are unknown.
    """

    names: tuple[tuple[str, Text], ...] = ()
    functions: tuple[tuple[str, int], ...] = ()
    errexit: bool = False
    pipefail: bool = False
    open: bool = False
    status: int = 0

    def get(self, name: str) -> Text:
        """The value of a variable; None when it is not known."""
        for known, value in self.names:
            if known == name:
                return value
        if name in ("UID", "EUID", "#"):
            return "0"
        # Lower-case names are the script's own, and it gets no arguments: unset is empty. Others may come from the
        # environment.
        is_own = name.isdigit() or name in ("@", "*") or name.upper() != name
        return "" if is_own and not self.open else None

    def put(self, name: str, value: Text) -> State:
        """This state with a variable set."""
        rest = tuple(pair for pair in self.names if pair[0] != name)
        return replace(self, names=tuple(sorted((*rest, (name, value)), key=lambda pair: pair[0])))

    def ended(self, status: int) -> State:
        """This state after a command with that exit status."""
        return self if self.status == status else replace(self, status=status)


@dataclass(frozen=True, slots=True)
class Path:
    """One way that a command can end. `flow`: exit, return, break, continue or empty. `exempt`: not for `set -e`."""

    state: State
    out: Text = ""
    flow: str = ""
    exempt: bool = False


def either(state: State, answer: bool | None, out: Text = "") -> Iterator[Path]:
    """The ways a yes-or-no question can end: one, or both when the answer is open."""
    if answer is not False:
        yield Path(state.ended(0), out)
    if answer is not True:
        yield Path(state.ended(1), out)


def joined(first: Text, second: Text) -> Text:
    """One text after the other; unknown when either is, or when it gets too long."""
    if first is None or second is None or len(first) + len(second) > _MAX_OUTPUT:
        return None
    return first + second


def merged(paths: list[Path]) -> list[Path]:
    """The paths, each once."""
    found = list(dict.fromkeys(paths))
    within(found)
    return found


def within(found: Iterable[object]) -> None:
    """Raise UndecidedError when there are more possibilities than are followed."""
    if len(list(found)) > _MAX_PATHS:
        raise UndecidedError("the script has too many paths")
