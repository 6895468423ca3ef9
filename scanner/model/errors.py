"""The one error tree. Only `scanner.cli` turns an error into an exit code."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AssayError",
    "ContentError",
    "DamagedError",
    "DeniedError",
    "InputError",
    "LimitError",
    "MissingError",
    "NotCollectedError",
    "ParseError",
    "PartialError",
    "TargetError",
    "UsageError",
]


class AssayError(Exception):
    """Something a person can act on: what is wrong, where, and what to do about it."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(AssayError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 2


class ContentError(AssayError):
    """A rule, control, profile or waiver file is wrong; `where` is file:line."""

    exit_code = 2


class InputError(AssayError):
    """A snapshot, assessment or target that was handed in cannot be used."""

    exit_code = 2


class ParseError(AssayError):
    """Bytes that are not what their format says. `line` (1-based) or `offset` (bytes) points at the place."""

    exit_code = 3

    def __init__(self, message: str, *, line: int | None = None, offset: int | None = None, where: str = "") -> None:
        place = f"line {line}: " if line is not None else f"offset {offset}: " if offset is not None else ""
        super().__init__(place + message, where=where)
        self.line = line
        self.offset = offset


class TargetError(AssayError):
    """Something of the inspected system cannot be read. The scan goes on; the facts behind it say so."""

    exit_code = 3
    state = "error"


class MissingError(TargetError):
    """The path does not exist in the target."""


class DeniedError(TargetError):
    """The operating system refused the read (permission)."""


class DamagedError(TargetError):
    """The medium or file system gave nonsense: I/O error, loop, wrong type of file."""


class PartialError(DamagedError):
    """Only some names of a directory can be told, the rest of it is lost. `names`: those, in no order."""

    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = list(names)


class LimitError(TargetError):
    """A budget of `scanner.target.limits` was reached."""


class NotCollectedError(TargetError):
    """Nobody can look here: the target kind has no such thing, it is encrypted, or it is unsupported."""

    state = "not_collected"
