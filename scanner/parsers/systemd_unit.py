"""Unit files of systemd: their lines, how several files of one unit add up, and what unit names mean.

Sources: systemd.syntax(7) (comments, continuation, quoting), systemd.unit(5) (names, templates, aliases, empty
assignments), systemd.socket(5), systemd.timer(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "TYPES",
    "Listen",
    "Setting",
    "Unit",
    "at_least_weekly",
    "instance_of",
    "is_template",
    "listens",
    "may_be_alias",
    "parse",
    "schedule",
    "truth",
    "unit_type",
    "with_instance",
    "words",
]

TYPES = frozenset(
    ("service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope")
)

MAX_LINE = 1024 * 1024
"""Characters of one line after continuation; systemd refuses longer ones (LONG_LINE_MAX)."""

_LINE_END = re.compile(r"\r\n|\n\r|[\n\r\0]")
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment. `value` has no outer blanks, continuation lines are joined by a blank; `line` is 1-based."""

    section: str
    key: str
    value: str
    line: int


def parse(text: str) -> tuple[Setting, ...]:
    """The assignments of one unit file in order.

    As systemd does it, a line outside a section or without `=` is ignored. Raises ParseError for what makes systemd
    refuse the whole file: a section header that does not end, bytes that are no UTF-8, a line that is too long.
    """
    found: list[Setting] = []
    section = ""
    held: list[str] = []
    held_length = 0
    for number, raw in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), start=1):
        # A comment inside a continued value is left out, the value goes on after it.
        if raw.lstrip(" \t")[:1] in ("#", ";"):
            continue
        held_length += len(raw)
        if held_length > MAX_LINE:
            raise ParseError(f"longer than {MAX_LINE} characters", line=number)
        slashes = len(raw) - len(raw.rstrip("\\"))
        if slashes % 2:
            held.append(raw[:-1] + " ")
            continue
        line = ("".join(held) + raw).strip(" \t") if held else raw.strip(" \t")
        held.clear()
        held_length = 0
        section = _take(line, section, number, found)
    if held:
        _take("".join(held).strip(" \t"), section, text.count("\n") + 1, found)
    return tuple(found)


def _take(line: str, section: str, number: int, found: list[Setting]) -> str:
    """Add the assignment in `line`, if it is one; the section that holds from here on."""
    if not line:
        return section
    if not line.isascii() and any(0xD800 <= ord(char) <= 0xDFFF for char in line):
        raise ParseError("not UTF-8", line=number)
    if line[0] == "[":
        if line[-1] != "]":
            raise ParseError("section header without ']'", line=number)
        return line[1:-1]
    key, equals, value = line.partition("=")
    if section and equals:
        found.append(Setting(section, key.strip(" \t"), value.strip(" \t"), number))
    return section


@dataclass(frozen=True, slots=True)
class Unit:
    """What the main file and the drop-ins of one unit say together, in the order they are read."""

    settings: tuple[Setting, ...] = ()

    @classmethod
    def of(cls, files: Iterable[Sequence[Setting]]) -> Unit:
        """The unit made of its files: the main file first, then drop-ins by name."""
        return cls(tuple(setting for file in files for setting in file))

    def values(self, section: str, key: str) -> list[str]:
        """All values of a list setting; an empty assignment forgets what came before it."""
        kept: list[str] = []
        for setting in self.settings:
            if setting.section == section and setting.key == key:
                if setting.value:
                    kept.append(setting.value)
                else:
                    kept.clear()
        return kept

    def last(self, section: str, key: str) -> str | None:
        """The value of a setting that holds one: the last assignment; None when not set, or set to nothing."""
        value = None
        for setting in self.settings:
            if setting.section == section and setting.key == key:
                value = setting.value or None
        return value

    def names(self, section: str, key: str) -> list[str]:
        """Unit names of a list of names (`After=`, `WantedBy=` …), each once, in order of mention.

        Dependencies cannot be reset to nothing by an empty assignment (systemd.unit(5), Example 2), lists of
        `[Install]` can.
        """
        if section == "Unit":
            values = [item.value for item in self.settings if item.section == section and item.key == key]
        else:
            values = self.values(section, key)
        return list(dict.fromkeys(word for value in values for word in words(value)))

    def has(self, section: str) -> bool:
        """Whether any assignment stands in that section."""
        return any(setting.section == section for setting in self.settings)


_WORD = re.compile(
    r"""[ \t]*(?P<word>(?:"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | \\. | [^ \t"'\\])+)""", re.VERBOSE | re.DOTALL
)
_PIECE = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\\.|[^"'\\]+)""", re.DOTALL)


def words(value: str) -> list[str]:
    """`value` split at blanks, quotes removed, backslash escapes kept (names such as `dev-disk\\x2d1` need them).

    What follows an unbalanced quote is left out, as systemd ignores it.
    """
    found: list[str] = []
    position = 0
    while True:
        match = _WORD.match(value, position)
        if match is None:
            return found
        found.append("".join(a or b or c for a, b, c in _PIECE.findall(match["word"])))
        position = match.end()
        if position < len(value) and value[position] not in " \t":
            found.pop()
            return found


def truth(value: str | None, default: bool) -> bool:
    """A Boolean setting; what is no Boolean leaves the default (systemd ignores such a line)."""
    word = (value or "").lower()
    if word in ("1", "yes", "y", "true", "t", "on"):
        return True
    if word in ("0", "no", "n", "false", "f", "off"):
        return False
    return default


# ---- names ---------------------------------------------------------------------------------------------------------


def unit_type(name: str) -> str | None:
    """The type that a unit file name ends with, or None when it is no valid unit name."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or suffix not in TYPES or not _NAME.match(name) or stem[0] == "@":
        return None
    return suffix


def is_template(name: str) -> bool:
    """`getty@.service`."""
    return "@" in name and name.partition("@")[2].rpartition(".")[0] == ""


def instance_of(name: str) -> str | None:
    """The template that the unit instance `name` is made from, or None when it is no instance."""
    stem, _, suffix = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}@.{suffix}" if at and instance and prefix else None


def may_be_alias(link: str, target: str) -> bool:
    """Whether systemd takes a link `link` to `target` as another name: same type, both plain, both templates, or an
    instance of a template or of the same instance name. Source: systemd.unit(5), aliases."""
    if unit_type(target) is None or unit_type(link) != unit_type(target):
        return False
    if is_template(link):
        return is_template(target)
    if instance_of(link) is None:
        return not is_template(target) and instance_of(target) is None
    if is_template(target):
        return True
    return instance_of(target) is not None and _instance(link) == _instance(target)


def _instance(name: str) -> str:
    return name.rpartition(".")[0].partition("@")[2]


def with_instance(template: str, instance: str) -> str:
    """`getty@.service` and `tty1` make `getty@tty1.service`."""
    prefix, _, suffix = template.partition("@")
    return f"{prefix}@{instance}{suffix}"


# ---- sockets and timers --------------------------------------------------------------------------------------------

_LISTENS = {
    "ListenStream": "stream",
    "ListenDatagram": "datagram",
    "ListenSequentialPacket": "seqpacket",
    "ListenFIFO": "fifo",
    "ListenSpecial": "special",
    "ListenNetlink": "netlink",
    "ListenMessageQueue": "mqueue",
    "ListenUSBFunction": "usb",
}


@dataclass(frozen=True, slots=True)
class Listen:
    """One place a socket unit listens at. `family` is inet, unix, vsock or other; `port` only for inet and vsock."""

    kind: str
    address: str
    family: str
    host: str | None = None
    port: int | None = None


def listens(unit: Unit, name: str = "") -> list[Listen]:
    """Where a socket unit listens. An empty assignment of any `Listen…=` forgets all places so far.

    `name`: of the unit; its instance stands for `%i` and `%I`.
    """
    own = _instance(name) if instance_of(name) is not None else None
    found: list[Listen] = []
    for setting in unit.settings:
        if setting.section != "Socket" or setting.key not in _LISTENS:
            continue
        if setting.value:
            value = setting.value if own is None else re.sub("%[iI]", lambda _: own, setting.value)
            found.append(_listen(_LISTENS[setting.key], value))
        else:
            found.clear()
    return found


def _listen(kind: str, address: str) -> Listen:
    if kind not in ("stream", "datagram", "seqpacket"):
        return Listen(kind, address, "other")
    if address.startswith(("/", "@")) or re.match("%[tSCLEhTV]", address):
        return Listen(kind, address, "unix")
    if address.startswith("vsock:"):
        host, _, port = address.removeprefix("vsock:").rpartition(":")
        return Listen(kind, address, "vsock", host or None, _port(port))
    if address.isdecimal():
        return Listen(kind, address, "inet", None, _port(address))
    host, _, port = address.rpartition(":")
    return Listen(kind, address, "inet", host.strip("[]") or None, _port(port))


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None


_MONOTONIC = ("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec")


def schedule(unit: Unit) -> tuple[list[str], list[str]]:
    """Calendar expressions, and monotonic timers as `Key=value`. An empty assignment of any of them forgets all."""
    calendar: list[str] = []
    monotonic: list[str] = []
    for setting in unit.settings:
        if setting.section != "Timer" or setting.key not in (*_MONOTONIC, "OnCalendar"):
            continue
        if not setting.value:
            calendar.clear()
            monotonic.clear()
        elif setting.key == "OnCalendar":
            calendar.append(setting.value)
        else:
            monotonic.append(f"{setting.key}={setting.value}")
    return calendar, monotonic


_DAILY = re.compile(r"(?:(?:[A-Za-z]{3,9}(?:\.\.|,|-)?)+ )?(?:\*-\*-\*)?(?:(?:^| )[0-9*:/.,]+)?(?: [A-Za-z/_]+)?")
_OFTEN = frozenset(("minutely", "hourly", "daily", "weekly"))
_SPAN = re.compile(r"([0-9]{1,9}) ?([a-z]*)")
_SECONDS = {"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600}
_SECONDS |= {"hour": 3600, "d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}


def at_least_weekly(calendar: Sequence[str], monotonic: Sequence[str]) -> bool:
    """Whether a schedule (see `schedule`) comes round every week at the latest, as far as that is plain to see: a
    calendar expression that leaves year, month and day open, or a span after the last run."""
    for expression in calendar:
        if expression.lower() in _OFTEN or (expression.strip() and _DAILY.fullmatch(expression)):
            return True
    for item in monotonic:
        key, _, span = item.partition("=")
        if key not in ("OnUnitActiveSec", "OnUnitInactiveSec"):
            continue
        parts = _SPAN.findall(span.lower())
        known = [_SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s")) for _, unit in parts]
        if (
            parts
            and all(known)
            and sum(int(n) * (one or 0) for (n, _), one in zip(parts, known, strict=True)) <= 604_800
        ):
            return True
    return False
