"""The syntax of a shell script as plain data: words with their expansions, and commands with their structure.

Understood is the POSIX shell command language (XCU 2) and of bash(1): `[[ ]]`, `(( ))`, arrays, `<<<`, `function`,
process substitution (as an unknown word). Nothing is expanded or run here; see `shell_run`.
"""

from __future__ import annotations

from typing import TypeAlias

from scanner.model.records import dataclass

__all__ = [
    "AndOr",
    "Arithmetic",
    "Assign",
    "Case",
    "Command",
    "Compare",
    "For",
    "Function",
    "Group",
    "If",
    "Literal",
    "Loop",
    "Part",
    "Pipe",
    "Redirect",
    "Run",
    "Sequence",
    "Simple",
    "Sum",
    "Variable",
    "Word",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """Text as it stands. `quoted`: no splitting and no pattern characters."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name` or `${name…}`. `rest` is what follows the name inside the braces (`:-x`, `#*/`), `""` when nothing."""

    name: str
    rest: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Run:
    """`$(…)`, or backquotes."""

    body: Sequence
    quoted: bool


@dataclass(frozen=True, slots=True)
class Sum:
    """`$((…))`."""

    text: str
    quoted: bool


Part: TypeAlias = Literal | Variable | Run | Sum
Word: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """`name=value`; an array has `items` instead of a value. `adds` for `+=`."""

    name: str
    value: Word
    items: tuple[Word, ...] | None = None
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """`sign` without descriptor (`<`, `>`, `<<<`, `<<` …); for `<<` the word is an unknown text."""

    sign: str
    descriptor: str
    word: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple command; without words it only assigns."""

    assigns: tuple[Assign, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`[[ … ]]` as a flat run of words; operators and parentheses are unquoted literals among them."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`(( … ))` as a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands joined by `|`; `negated` by a leading `!`."""

    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class AndOr:
    """`first` and what follows it, each with the sign before it (`&&` or `||`)."""

    first: Command
    rest: tuple[tuple[str, Command], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; the flag says that the command is put into the background."""

    items: tuple[tuple[Command, bool], ...]


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with their bodies, and what is done when none holds."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, or `until` when `until` is set."""

    condition: Sequence
    body: Sequence
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words`; `words` None for the positional parameters or a C-style loop."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True, slots=True)
class Case:
    """`case word in` with patterns and bodies; `falls` when a body ends with something else than `;;`."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence], ...]
    falls: bool


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }`, or `( … )` when `subshell`; with its redirections (also those of a whole `if` or loop)."""

    body: Command
    subshell: bool
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of a function."""

    name: str
    body: Command


Command: TypeAlias = Simple | Compare | Arithmetic | Pipe | AndOr | Sequence | If | Loop | For | Case | Group | Function
