"""rsyslogd: settings, actions, inputs and the log files it writes.

/etc/rsyslog.conf is read with what it includes, in the order of the daemon. Objects that are switched off
(`config.enabled="off"`) are left out. Source: rsyslog.conf(5); rsyslog manual, "include()", "$IncludeConfig",
"Configuration parameters: input modules"; UMask=: systemd.exec(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.files import record_of
from scanner.collectors.path_globs import glob_paths
from scanner.collectors.rsyslog_actions import Action, Placed, actions, is_on
from scanner.collectors.secret_names import names_secret
from scanner.collectors.service_settings import service
from scanner.model.errors import LimitError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import rsyslog_conf, rsyslog_selector
from scanner.parsers.rsyslog_conf import Statement

_CONFIG = "/etc/rsyslog.conf"
_MAX_FILES = 500
_MAX_DEPTH = 20
_SYSTEMD_UMASK = "0022"
# Old directives that open a port, and the input module each belongs to.
_LISTENERS = {
    "inputtcpserverrun": "imtcp",
    "inputptcpserverrun": "imptcp",
    "inputrelpserverrun": "imrelp",
    "inputgssserverrun": "imgssapi",
    "udpserverrun": "imudp",
}
_NETWORK = frozenset({"imudp", "imtcp", "imptcp", "imrelp", "imgssapi", "imdtls", "im3195", "imhttp"})
_OPTION_FILES = ("/etc/sysconfig/rsyslog", "/etc/default/rsyslog")


def _statements(look: Look) -> list[Placed] | None:
    """The whole configuration in order; None when there is none."""
    if look.entry(_CONFIG) is None:
        return None
    for path in _OPTION_FILES:
        if re.search(r"^\s*(?:SYSLOGD|RSYSLOGD)_OPTIONS=.*-f", look.try_text(path) or "", re.MULTILINE):
            look.gap(path, "unsupported: rsyslogd is given another configuration file")
    found: list[Placed] = []
    files = 0
    pending: list[tuple[Iterator[Placed], int]] = [(iter(_file(look, _CONFIG, None)), 0)]
    while pending:
        place, depth = pending[-1]
        placed = next(place, None)
        if placed is None:
            pending.pop()
            continue
        pattern = _included(placed.statement)
        if pattern is None:
            found.append(placed)
            continue
        if depth >= _MAX_DEPTH:
            raise ParseError(f"{placed.source}: files include each other deeper than {_MAX_DEPTH} times")
        paths = _paths(look, pattern, placed)
        files += len(paths)
        if files > _MAX_FILES:
            raise LimitError(f"{placed.source}: more than {_MAX_FILES} included files")
        for path in reversed(paths):
            pending.append((iter(_file(look, path, placed.statement)), depth + 1))
    return found


def _included(statement: Statement) -> str | None:
    if statement.kind == "directive" and statement.name == "includeconfig":
        return statement.text
    if statement.kind == "object" and statement.name == "include":
        return statement.parameter("file") or ""
    return None


def _paths(look: Look, pattern: str, placed: Placed) -> list[str]:
    """Files that an include means. One that cannot be looked up is a gap."""
    if not pattern.startswith("/"):
        look.gap(placed.source, f"unsupported: an include of {pattern or 'a text'}")
        return []
    pattern = f"{pattern}*" if pattern.endswith("/") else pattern
    try:
        found = [path for path in glob_paths(look, pattern) if not _is_folder(look, path)]
    except (TargetError, ParseError) as error:
        look.gap(pattern, reason_of(error))
        return []
    required = placed.statement.kind == "object" and placed.statement.parameter("mode") != "optional"
    if not found and required and not re.search(r"[*?[]", pattern):
        look.gap(pattern, "missing: it is included")
    return found


def _is_folder(look: Look, path: str) -> bool:
    entry = look.entry(path)
    return entry is not None and entry.type == "directory"


def _file(look: Look, path: str, around: Statement | None) -> list[Placed]:
    """The statements of one file that are on, with the conditions around its include."""
    try:
        text = look.text(path)
        found = rsyslog_conf.parse(text or "")
    except (ParseError, TargetError) as error:
        if around is None:
            raise
        look.gap(path, reason_of(error))
        return []
    placed = []
    for statement in found:
        switch = statement.parameter("config.enabled")
        if switch is not None and not is_on(switch):
            continue
        if around is not None:
            statement = replace(
                statement,
                selectors=(*around.selectors, *statement.selectors),
                guarded=around.guarded or statement.guarded,
                ruleset=statement.ruleset if statement.ruleset is not None else around.ruleset,
            )
        placed.append(Placed(path, statement))
    return placed


# ---- facts ---------------------------------------------------------------------------------------------------------


def _known(look: Look) -> list[Placed] | None:
    found = look.shared(_statements)
    if found is None:
        look.because(f"{_CONFIG} does not exist")
    return found


def _settings(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    records: list[Json] = []
    for placed in found:
        statement = placed.statement
        if statement.kind == "directive":
            records.append(_setting(placed, "directive", None, statement.name, statement.text))
        elif statement.kind == "object" and statement.name in ("global", "module", "main_queue"):
            module = statement.parameter("load")
            for name in sorted(statement.parameters):
                value = ", ".join(statement.parameters[name])
                records.append(_setting(placed, statement.name, module, name, value))
    return records


def _setting(placed: Placed, kind: str, module: str | None, name: str, value: str) -> Json:
    line = placed.statement.line
    shown = None if names_secret(name) else value
    return {"kind": kind, "module": module, "name": name, "value": shown, "source": placed.source, "line": line}


def _actions(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    for placed in found:
        statement = placed.statement
        if statement.name in ("module", "input") and statement.kind == "object" and _is_local(statement):
            look.gap(placed.source, f"unsupported: line {statement.line} binds local messages to a ruleset")
    umask = look.shared(_umask)
    return [_action(action, umask, found) for action in actions(found)]


def _is_local(statement: Statement) -> bool:
    name = statement.parameter("load") or statement.parameter("type")
    return name in ("imjournal", "imuxsock", "imklog") and "ruleset" in statement.parameters


def _umask(look: Look) -> int:
    """The umask that systemd starts the daemon with."""
    unit = service(look, "rsyslog.service")
    value = unit.last("Service", "UMask") if unit is not None else None
    return _octal(value or _SYSTEMD_UMASK)


def _octal(text: str) -> int:
    if not re.fullmatch(r"[0-7]{1,4}", text):
        raise ParseError(f"{text[:20]!r} is no umask")
    return int(text, 8)


def _own_umask(statements: Sequence[Placed]) -> int | None:
    """A umask that rsyslogd sets for itself."""
    own = None
    for placed in statements:
        statement = placed.statement
        if statement.kind == "directive" and statement.name == "umask":
            own = _octal(statement.text)
        elif statement.kind == "object" and statement.name == "global" and statement.parameter("umask") is not None:
            own = _octal(statement.parameter("umask") or "")
    return own


def _action(action: Action, umask: int, statements: Sequence[Placed]) -> Json:
    own = _own_umask(statements)
    mode = action.mode
    statement = action.placed.statement
    return {
        "type": action.type,
        "selector": ";".join(statement.selectors) or None,
        "guarded": action.guarded,
        "ruleset": statement.ruleset,
        "full": list(action.full),
        "everything": len(action.full) == len(rsyslog_selector.FACILITIES),
        "file": action.file,
        "dynamic": action.dynamic,
        "mode_set": None if mode is None else f"{mode:04o}",
        "mode_made": None if mode is None else f"{mode & ~(umask if own is None else own):04o}",
        "target": action.target,
        "port": action.port,
        "protocol": action.protocol,
        "driver": action.driver,
        "auth_mode": action.auth_mode,
        "peers": list(action.peers),
        "tls": action.tls,
        "tls_said": action.tls_said,
        "source": action.placed.source,
        "line": statement.line,
    }


def _inputs(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    records: list[Json] = []
    for placed in found:
        statement = placed.statement
        if statement.kind == "directive" and statement.name in _LISTENERS:
            records.append(_input(placed, _LISTENERS[statement.name], "listener", statement.text))
        elif statement.kind == "directive" and statement.name == "modload":
            records.append(_input(placed, statement.text.removesuffix(".so"), "module", None))
        elif statement.kind == "object" and statement.name == "module":
            name = (statement.parameter("load") or "").removesuffix(".so")
            records.append(_input(placed, name, "module", None))
        elif statement.kind == "object" and statement.name == "input":
            records.append(_input(placed, statement.parameter("type") or "", "listener", statement.parameter("port")))
    return [record for record in records if record["type"].startswith("im")]


def _input(placed: Placed, kind: str, role: str, port: str | None) -> dict[str, Json]:
    name = kind.rpartition("/")[2].lower()
    line = placed.statement.line
    network = name in _NETWORK
    return {"type": name, "role": role, "network": network, "port": port, "source": placed.source, "line": line}


def _log_files(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    records: list[Json] = []
    seen: set[str] = set()
    for action in actions(found):
        place = f"{action.placed.source} line {action.placed.statement.line}"
        if action.dynamic:
            look.gap(place, "unsupported: file names made by a template")
        if action.file is None or action.file in seen or not action.file.startswith("/") or _is_terminal(action.file):
            continue
        seen.add(action.file)
        try:
            record = record_of(look, action.file)
        except NotCollectedError:
            raise
        except TargetError as error:
            look.gap(action.file, reason_of(error))
            continue
        records.append(
            {
                "path": action.file,
                "exists": record is not None,
                **{key: record[key] if record is not None else None for key in _COPIED},
                "source": action.placed.source,
                "line": action.placed.statement.line,
            }
        )
    return records


_COPIED = ("type", "owner", "owner_name", "group", "group_name", "mode")


def _is_terminal(path: str) -> bool:
    return path.startswith("/dev/")


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "rsyslog.settings": _settings,
    "rsyslog.actions": _actions,
    "rsyslog.inputs": _inputs,
    "rsyslog.log_files": _log_files,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


_PLACE = {"source": "text: file", "line": "number: line"}

# What the marks of `sensitive` are about: settings that name people or machines.
_PEOPLE = "name=actionfileowner,actionfilegroup,fileowner,filegroup,dirowner,dirgroup,privdroptouser,privdroptogroup"

COLLECTOR = Collector(
    id="rsyslog",
    facts=(
        FactSpec(
            "rsyslog.settings",
            "table",
            "Directives and parameters of global(), module() and main_queue(), in the order they are read.",
            fields={
                "kind": "text: directive, global, module or main_queue",
                "module": "text: what module() loads; null for others",
                "name": "text: name in lower case, a directive without its $",
                "value": "text: value, items of an array joined by commas; null: it holds a secret and is not shown",
                **_PLACE,
            },
            sensitive={
                f"value[{_PEOPLE}]": "user",
                "value[name=localhostname]": "host",
            },
        ),
        FactSpec(
            "rsyslog.actions",
            "table",
            "What rsyslogd does with messages, in the order of its configuration.",
            sensitive={"target": "host", "peers": "host"},
            fields={
                "type": "text: omfile, omfwd, omrelp, omusrmsg, ompipe, omprog …",
                "selector": "text: facility.priority filters around it; null: none",
                "guarded": "flag: some other condition decides too (if, property filter, BSD block, fallback)",
                "ruleset": "text: ruleset it stands in; null: the default one",
                "full": "list: facilities all of whose local messages surely come here",
                "everything": "flag: all messages of all facilities surely come here",
                "file": "text: file that omfile writes; null: other type, or a name made by a template",
                "dynamic": "flag: the name of the file is made by a template",
                "mode_set": "text: mode asked for a new file, before the umask; null when it writes no file",
                "mode_made": "text: mode that a new file gets, after the umask of the service; null likewise",
                "target": "text: host that messages are sent to; null when none are",
                "port": "text: port or service; null: not given",
                "protocol": "text: udp, tcp or relp; null when nothing is sent",
                "driver": "text: stream driver of omfwd; null: none",
                "auth_mode": "text: how the receiver is authenticated, x509/name; null: not set",
                "peers": "list: names the receiver's certificate may have",
                "tls": "flag: messages are sent encrypted; null when nothing is sent",
                "tls_said": "text: the parameter tls of an omfwd action, which omfwd does not know; null: none",
                **_PLACE,
            },
        ),
        FactSpec(
            "rsyslog.inputs",
            "table",
            "Input modules that are loaded and listeners that are opened, in the order of the configuration.",
            fields={
                "type": "text: module, imtcp",
                "role": "text: module (loaded) or listener (opened)",
                "network": "flag: it takes messages from other hosts",
                "port": "text: port; null: not given",
                **_PLACE,
            },
        ),
        FactSpec(
            "rsyslog.log_files",
            "table",
            "Files that omfile writes, by their first mention; terminals are left out.",
            fields={
                "path": "text: path",
                "exists": "flag: it is there; when not, the next fields are null",
                "type": "text: file, directory …",
                "owner": "text: uid",
                "owner_name": "text: user name; null: no local user",
                "group": "text: gid",
                "group_name": "text: group name; null: no local group",
                "mode": "text: permission bits, 0640",
                **_PLACE,
            },
        ),
    ),
    collect=collect,
)
