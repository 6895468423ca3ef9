"""/etc/crypttab. Source: systemd, crypttab(5)."""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.mount_options import split

__all__ = ["Line", "parse"]

MAX_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One encrypted device: `name` below /dev/mapper, underlying `device`, `key_file` or None, options as written."""

    name: str
    device: str
    key_file: str | None
    options: tuple[str, ...]
    line: int

    def option(self, name: str) -> str | None:
        """The value of the last option of that name (empty for one without a value), or None."""
        value: str | None = None
        for option in self.options:
            key, _, text = option.partition("=")
            if key == name:
                value = text
        return value


def parse(text: str) -> list[Line]:
    """Entries in order. Raises ParseError for a line without a device."""
    found: list[Line] = []
    for number, raw in enumerate(text.split("\n"), 1):
        fields = raw.split()
        if not fields or fields[0].startswith("#"):
            continue
        if "\0" in raw:
            raise ParseError("a NUL byte in crypttab", line=number)
        if not 2 <= len(fields) <= 4:
            raise ParseError("crypttab entry must have two to four fields", line=number)
        if len(found) >= MAX_LINES:
            raise ParseError(f"more than {MAX_LINES} entries", line=number)
        key = fields[2] if len(fields) > 2 and fields[2] not in ("-", "none") else None
        options = tuple(split(fields[3], line=number)) if len(fields) > 3 and fields[3] != "-" else ()
        found.append(Line(fields[0], fields[1], key, options, number))
    return found
