"""aide.conf: macros, options, groups of attributes, and selection lines with their groups taken apart.

`NAME = a+b-c` defines a group (or sets an option, when the name is one); `/path GROUP`, `=/path GROUP` select, `!/path`
leaves out. Attributes of later definitions of the same group replace earlier ones. Conditions (`@@ifdef` and kin) are
not decided here: their branches are refused. Sources: aide.conf(5), aide(1).
"""

from __future__ import annotations

import re
from dataclasses import field

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Config", "Include", "Selection", "parse"]

_DEFINE = re.compile(r"@@define\s+([A-Za-z0-9_]+)(?:\s+(.*))?\Z")
_INCLUDE = re.compile(r"@@(x_include|include)\s+(\S+)(?:\s+(\S+))?")
_MACRO = re.compile(r"@@\{?([A-Za-z0-9_]+)\}?")
_GROUP = re.compile(r"([A-Za-z0-9_>]+)\s*=\s*(\S.*)\Z")
_SELECTION = re.compile(r"([!=]?)(/\S*)(?:\s+(?:[a-z,]+\s+)?(\S+))?\s*\Z")
_OPTIONS = frozenset(
    {
        *("database", "database_in", "database_out", "database_new", "database_attrs", "database_add_metadata"),
        *("verbose", "log_level", "report_level", "report_url", "report_format", "report_base16", "report_quiet"),
        *("report_append", "report_grouped", "report_summarize_changes", "report_ignore_added_attrs", "gzip_dbout"),
        *(
            "report_ignore_removed_attrs",
            "report_ignore_changed_attrs",
            "report_force_attrs",
            "report_ignore_e2fsattrs",
        ),
        *("report_detailed_init", "acl_no_symlink_follow", "warn_dead_symlinks", "root_prefix", "config_version"),
        *("summarize_changes", "syslog_format", "num_workers", "database_add_metadata", "ignore_list", "grouped"),
    }
)
_HASHES = frozenset(("md5", "sha1", "sha256", "sha512", "rmd160", "tiger", "haval", "crc32", "whirlpool", "gost"))
_META = frozenset(("p", "ftype", "i", "l", "n", "u", "g"))
_EXTRA = frozenset(("acl", "selinux", "xattrs", "e2fsattrs", "caps"))
_BUILT_IN: dict[str, frozenset[str]] = {
    "R": _META | {"s", "m", "c", "md5"} | _EXTRA,
    "L": _META | _EXTRA,
    "E": frozenset(),
    ">": _META | {"s", "growing"} | _EXTRA,
    "X": _EXTRA,
    "H": _HASHES,
}
_MAX_LINE = 65536
_MAX_MACRO_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """One selection line: how (`select`, `equals`, `leave out`), path expression, attributes, line (1-based)."""

    how: str
    pattern: str
    attributes: frozenset[str]
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Include:
    """An `@@include` that the caller has to follow: a file or a folder with an expression for names."""

    path: str
    names: str | None
    line: int


@dataclass(slots=True)
class Config:
    """What has been read so far; `parse` adds to it, so that included files share macros and groups."""

    macros: dict[str, str] = field(default_factory=dict)
    options: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    groups: dict[str, tuple[frozenset[str], str, int]] = field(default_factory=dict)
    selections: list[Selection] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)


def parse(config: Config, text: str, source: str) -> None:
    """Add one file to `config`. Raises ParseError for lines aide refuses and for conditions."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > _MAX_LINE:
            raise ParseError("line too long", line=number)
        if line.startswith("@@"):
            _directive(config, line, number)
        else:
            _statement(config, _expanded(config, line, number), source, number)


def _directive(config: Config, line: str, number: int) -> None:
    """Handle a line that begins with `@@`."""
    define = _DEFINE.match(line)
    word = line.split()[0]
    if define is not None:
        config.macros[define.group(1)] = (define.group(2) or "").strip()
    elif word == "@@undef":
        config.macros.pop(line[len(word) :].strip(), None)
    elif word.startswith(("@@if", "@@else", "@@endif")):
        raise ParseError("conditional parts are not supported", line=number)
    else:
        include = _INCLUDE.match(word + _expanded(config, line[len(word) :], number))
        if include is None:
            raise ParseError("an unknown directive", line=number)
        config.includes.append(Include(include.group(2), include.group(3), number))


def _expanded(config: Config, line: str, number: int) -> str:
    for _ in range(_MAX_MACRO_ROUNDS):
        if "@@" not in line:
            return line
        line = _MACRO.sub(lambda found: config.macros.get(found.group(1), ""), line)
        if len(line) > _MAX_LINE:
            raise ParseError("macros make the line too long", line=number)
    raise ParseError("macros that use each other", line=number)


def _statement(config: Config, line: str, source: str, number: int) -> None:
    selection = _SELECTION.match(line)
    if selection is not None:
        sign, pattern, group = selection.groups()
        if group is None and sign != "!":
            raise ParseError("a selection without attributes", line=number)
        how = {"": "select", "=": "equals", "!": "leave out"}[sign]
        attributes = _attributes(config, group, number) if group and sign != "!" else frozenset()
        config.selections.append(Selection(how, pattern, attributes, source, number))
        return
    named = _GROUP.match(line)
    if named is None:
        raise ParseError("not understood", line=number)
    name, value = named.groups()
    if name.lower() in _OPTIONS:
        config.options[name.lower()] = (value.strip(), source, number)
    else:
        config.groups[name] = (_attributes(config, value.strip(), number), source, number)


def _attributes(config: Config, expression: str, number: int) -> frozenset[str]:
    """Attributes of `a+b-c`, groups replaced by what they stand for. A word that is no group is an attribute."""
    found: frozenset[str] = frozenset()
    for sign, word in re.findall(r"([+-]?)([^+\s-]+)", expression):
        known = config.groups[word][0] if word in config.groups else _BUILT_IN.get(word, frozenset((word,)))
        found = found - known if sign == "-" else found | known
    if not found and expression not in ("E",) and not re.search(r"[A-Za-z>]", expression):
        raise ParseError("no attributes", line=number)
    return found
