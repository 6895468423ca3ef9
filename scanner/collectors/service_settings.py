"""How a service is started: its unit's settings and the variables that its environment file gives to the command line.

Helpers of collectors that need one unit and not the graph of all. Sources: systemd.unit(5), systemd.exec(5)
(EnvironmentFile=).
"""

from __future__ import annotations

from scanner.collectors.base import Look
from scanner.collectors.unit_files import FOLDERS
from scanner.model.errors import ParseError
from scanner.parsers import quoted_words, systemd_unit
from scanner.parsers.systemd_unit import Unit

__all__ = ["command_line", "service", "variable"]

_MAX_WORDS = 10_000


def service(look: Look, name: str) -> Unit | None:
    """The unit with its drop-ins; None when no folder has a file of that name, or it is masked. Raises ParseError."""
    path = next((path for folder in FOLDERS if look.entry(path := f"{folder}/{name}", follow=False) is not None), None)
    if path is None or look.link(path) == "/dev/null":
        return None
    files = [path, *look.drop_ins([f"{folder}/{name}.d" for folder in FOLDERS], ".conf")]
    return Unit.of(systemd_unit.parse(look.text(file) or "") for file in files)


def variable(text: str, name: str) -> list[str]:
    """Words of the last assignment of a variable in an environment file. Raises ParseError for an open quote."""
    words: list[str] = []
    for number, line in enumerate(text.replace("\\\n", " ").split("\n"), 1):
        key, equals, value = line.strip().partition("=")
        if equals and key.removeprefix("export ").strip() == name:
            words = [word for part in _split(value, number) for word in _split(part, number)]
    return words


def _split(text: str, line: int) -> list[str]:
    try:
        words = quoted_words.split(text)
    except ValueError as error:
        raise ParseError(f"cannot be split into words: {error}", line=line) from None
    if len(words) > _MAX_WORDS:
        raise ParseError(f"more than {_MAX_WORDS} words", line=line)
    return words


def command_line(look: Look, units: tuple[str, ...], files: dict[str, str]) -> list[str]:
    """Arguments of a daemon: those of ExecStart= of the first unit that is there, then those of the variables that the
    environment files (path to variable name) set."""
    words: list[str] = []
    for name in units:
        unit = service(look, name)
        if unit is not None:
            for command in unit.values("Service", "ExecStart"):
                words += [word for word in systemd_unit.words(command)[1:] if not word.startswith("$")]
            break
    for path, name in files.items():
        words += variable(look.text(path) or "", name)
    return words
