"""chronyd: directives, time sources and the user it runs as.

`include`, `confdir` and `sourcedir` are followed where they stand. Sources that DHCP hands out lie below /run and exist
only on a running system; they are not looked at here.
Source: chrony.conf(5) (confdir, sourcedir, include, maxpoll, user); chronyd(8), -u and -f.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.path_globs import glob_paths
from scanner.collectors.service_settings import command_line
from scanner.model.errors import LimitError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import chrony_conf, key_value
from scanner.parsers.chrony_conf import Directive

_CONFIGS = ("/etc/chrony.conf", "/etc/chrony/chrony.conf")
_UNITS = ("chronyd.service", "chrony.service")
_OPTION_FILES = {"/etc/sysconfig/chronyd": "OPTIONS", "/etc/default/chrony": "DAEMON_OPTS"}
_DEFAULT_MAXPOLL = 10
_MAX_DEPTH = 10
_MAX_FILES = 500


@dataclass(frozen=True, slots=True)
class _Placed:
    source: str
    directive: Directive


def _config(look: Look) -> list[_Placed] | None:
    """Every directive with its file, in the order of chronyd; None where chrony is not configured."""
    main = next((path for path in _CONFIGS if look.entry(path) is not None), None)
    if main is None:
        return None
    found: list[_Placed] = []
    work: list[tuple[Iterator[_Placed], int]] = [(iter(_file(look, main, must=True)), 0)]
    files = 0
    while work:
        place, depth = work[-1]
        placed = next(place, None)
        if placed is None:
            work.pop()
            continue
        found.append(placed)
        paths = _included(look, placed)
        files += len(paths)
        if files > _MAX_FILES or (paths and depth >= _MAX_DEPTH):
            raise LimitError(f"{placed.source}: includes more than is read here")
        only = chrony_conf.SOURCES if placed.directive.name == "sourcedir" else None
        work.extend((iter(_file(look, path, only=only)), depth + 1) for path in reversed(paths))
    return found


def _file(look: Look, path: str, *, must: bool = False, only: frozenset[str] | None = None) -> list[_Placed]:
    try:
        found = chrony_conf.parse(look.text(path) or "")
    except (ParseError, TargetError) as error:
        if must:
            raise
        look.gap(path, reason_of(error))
        return []
    return [_Placed(path, directive) for directive in found if only is None or directive.name in only]


def _included(look: Look, placed: _Placed) -> list[str]:
    """Files that a directive pulls in. Of two files of one name in several folders the first one counts."""
    name, words = placed.directive.name, placed.directive.words
    if name == "include" and words:
        try:
            return glob_paths(look, words[0])
        except (TargetError, ParseError) as error:
            look.gap(words[0], reason_of(error))
            return []
    suffix = {"confdir": ".conf", "sourcedir": ".sources"}.get(name)
    if suffix is None:
        return []
    chosen: dict[str, str] = {}
    for folder in words:
        for file in look.try_names(folder) if not folder.startswith(("/run/", "/var/run/")) else ():
            if file.endswith(suffix):
                chosen.setdefault(file, f"{folder.rstrip('/')}/{file}")
    return [chosen[file] for file in sorted(chosen)]


def _known(look: Look) -> list[_Placed] | None:
    found = look.shared(_config)
    if found is None:
        look.because("chrony is not configured: there is no chrony.conf")
        return None
    if "-f" in look.shared(_arguments):
        look.gap("chronyd", "unsupported: its command line names another configuration file")
    return found


def _arguments(look: Look) -> list[str]:
    return command_line(look, _UNITS, _OPTION_FILES)


def _settings(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    last = {placed.directive.name: number for number, placed in enumerate(found)}
    return [
        {
            "directive": placed.directive.name,
            "value": " ".join(placed.directive.words),
            "last": last[placed.directive.name] == number,
            "source": placed.source,
            "line": placed.directive.line,
        }
        for number, placed in enumerate(found)
    ]


def _sources(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    return [
        _source(placed) for placed in found if placed.directive.name in chrony_conf.SOURCES and placed.directive.words
    ]


def _source(placed: _Placed) -> Json:
    words = placed.directive.words
    options = chrony_conf.options(words[1:])
    maxpoll = options.get("maxpoll")
    number = key_value.whole_number(maxpoll) if maxpoll is not None else _DEFAULT_MAXPOLL
    if number is None:
        raise ParseError(f"{placed.source}: maxpoll {maxpoll} is no number", line=placed.directive.line)
    return {
        "kind": placed.directive.name,
        "address": words[0],
        "maxpoll": number,
        "maxpoll_set": maxpoll is not None,
        "nts": "nts" in options,
        "options": sorted(options),
        "source": placed.source,
        "line": placed.directive.line,
    }


def _daemon(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    user = _user_option(look.shared(_arguments))
    if user is None:
        for placed in found:
            if placed.directive.name == "user" and placed.directive.words:
                user = placed.directive.words[0]
    return {"user": user, "source": next(path for path in _CONFIGS if look.entry(path) is not None)}


def _user_option(arguments: Sequence[str]) -> str | None:
    """The value of the last -u, as getopt reads it."""
    user = None
    for number, word in enumerate(arguments):
        if word == "-u":
            user = arguments[number + 1] if number + 1 < len(arguments) else ""
        elif word.startswith("-u"):
            user = word[2:]
    return user


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "chrony.settings": _settings,
    "chrony.sources": _sources,
    "chrony.daemon": _daemon,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


_PLACE = {"source": "text: file", "line": "number: line"}

COLLECTOR = Collector(
    id="chrony",
    facts=(
        FactSpec(
            "chrony.settings",
            "table",
            "Every directive, in the order chronyd reads them; absent where there is no chrony.conf.",
            fields={
                "directive": "text: name in lower case",
                "value": "text: its words",
                "last": "flag: no later line has the same directive: this one counts where there can be one value only",
                **_PLACE,
            },
            sensitive={"value": "address", "value[directive=server,pool,peer]": "host"},
        ),
        FactSpec(
            "chrony.sources",
            "table",
            "Time sources that files name (server, pool, peer), in their order.",
            sensitive={"address": "host"},
            fields={
                "kind": "text: server, pool or peer",
                "address": "text: name or address",
                "maxpoll": "number: longest interval between requests, as a power of two seconds; 10 by default",
                "maxpoll_set": "flag: maxpoll is given",
                "nts": "flag: the source is authenticated by NTS",
                "options": "list: names of the options given",
                **_PLACE,
            },
        ),
        FactSpec(
            "chrony.daemon",
            "object",
            "How chronyd runs.",
            fields={
                "user": "text: user it changes to, from -u or the directive user; null: the built-in one",
                "source": "text: chrony.conf",
            },
        ),
    ),
    collect=collect,
)
