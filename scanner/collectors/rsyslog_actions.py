"""What rsyslogd's configuration does with messages: its actions with everything that decides about them.

Shared by the facts of the rsyslog collector. Old `$` directives change the old-style actions below them and no
`action()` object; objects take their defaults from `module(load="builtin:…")`. Which messages surely come to an action
is worked out for the default ruleset: filters around it, and discards and guards before it.
Source: rsyslog manual, "omfile", "omfwd", "omrelp", "Rulesets"; rsyslog, tools/omfile.c and tools/omfwd.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import rsyslog_selector
from scanner.parsers.rsyslog_conf import Statement
from scanner.parsers.rsyslog_selector import Masks

__all__ = ["Action", "Placed", "actions", "is_on"]

_MAX_STEPS = 100_000
_TLS_DRIVERS = frozenset({"gtls", "ossl", "mbedtls"})
_DEFAULT_MODE = 0o644
_SOMETIMES = (
    "action.execonlywhenpreviousissuspended",
    "action.execonlyeverynthtime",
    "action.execonlyonceeveryinterval",
)
_TARGET = re.compile(r"(?:\([^)]*\))?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:;\s]+))(?::(?P<port>\w+))?")


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement and the file it stands in."""

    source: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `mode`: permission bits asked for a new file. `full`: facilities all of whose messages surely come
    here; `tls`: what is sent is encrypted; `tls_said`: a parameter of that name, which omfwd does not know. Fields that
    do not belong to its type are None or empty."""

    type: str
    placed: Placed
    file: str | None = None
    dynamic: bool = False
    mode: int | None = None
    target: str | None = None
    port: str | None = None
    protocol: str | None = None
    driver: str | None = None
    auth_mode: str | None = None
    peers: tuple[str, ...] = ()
    tls: bool | None = None
    tls_said: str | None = None
    guarded: bool = False
    full: tuple[str, ...] = ()


@dataclass(slots=True)
class _Defaults:
    """What directives and module parameters have set so far."""

    mode: int = _DEFAULT_MODE
    object_mode: int = _DEFAULT_MODE
    driver: str | None = None
    driver_mode: str = "0"
    auth_mode: str | None = None
    peers: list[str] = field(default_factory=list)
    fallback: bool = False
    channels: dict[str, str] = field(default_factory=dict)
    global_driver: str | None = None


def is_on(value: str | None) -> bool:
    """The truth of a switch as rsyslogd reads it."""
    return (value or "").lower() in ("on", "yes", "true", "1")


def actions(statements: Sequence[Placed]) -> list[Action]:
    """Every action in the order of the files. Raises ParseError for a mode that is none."""
    defaults = _Defaults(global_driver=_global_driver(statements))
    full = _full(statements)
    found = []
    for placed in statements:
        statement = placed.statement
        action = None
        if statement.kind == "directive":
            _directive(statement, defaults)
        elif statement.kind == "object" and statement.name == "module":
            if statement.parameter("load") == "builtin:omfile":
                defaults.object_mode = _mode(statement.parameter("filecreatemode"), _DEFAULT_MODE, statement.line)
        elif statement.kind == "action":
            action = _object(placed, defaults)
        elif statement.kind == "legacy":
            action = _legacy(placed, defaults)
        if action is not None:
            found.append(replace(action, full=() if action.guarded else full.get(id(placed), ())))
    return found


def _global_driver(statements: Sequence[Placed]) -> str | None:
    """The stream driver for actions that name none; it counts for the whole configuration, wherever it stands."""
    driver = None
    for placed in statements:
        statement = placed.statement
        if statement.kind == "object" and statement.name == "global":
            driver = statement.parameter("defaultnetstreamdriver") or driver
        elif statement.kind == "directive" and statement.name == "defaultnetstreamdriver":
            driver = statement.text
    return driver


def _directive(statement: Statement, defaults: _Defaults) -> None:
    name, value = statement.name, statement.text
    if name == "filecreatemode":
        defaults.mode = _mode(value, _DEFAULT_MODE, statement.line)
    elif name == "actionsendstreamdriver":
        defaults.driver = value
    elif name == "actionsendstreamdrivermode":
        defaults.driver_mode = value
    elif name == "actionsendstreamdriverauthmode":
        defaults.auth_mode = value
    elif name == "actionsendstreamdriverpermittedpeer":
        defaults.peers += [peer for peer in (part.strip() for part in value.split(",")) if peer]
    elif name == "actionexeconlywhenpreviousissuspended":
        defaults.fallback = is_on(value)
    elif name == "outchannel":
        channel, _, rest = value.partition(",")
        defaults.channels[channel.strip()] = rest.split(",")[0].strip()
    elif name == "resetconfigvariables":
        fresh = _Defaults(object_mode=defaults.object_mode, channels=defaults.channels)
        defaults.mode, defaults.driver, defaults.driver_mode = fresh.mode, fresh.driver, fresh.driver_mode
        defaults.auth_mode, defaults.peers, defaults.fallback = fresh.auth_mode, fresh.peers, fresh.fallback


def _mode(text: str | None, default: int, line: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"[0-7]{3,4}", text):
        raise ParseError(f"{text[:20]!r} is no file mode", line=line)
    return int(text, 8)


def _object(placed: Placed, defaults: _Defaults) -> Action:
    """An `action()` object."""
    statement = placed.statement
    kind = (statement.parameter("type") or "").lower().removeprefix("builtin:")
    guarded = statement.guarded or any(statement.parameter(name) not in (None, "off", "0") for name in _SOMETIMES)
    action = Action(kind, placed, guarded=guarded)
    if kind == "omfile":
        mode = _mode(statement.parameter("filecreatemode"), defaults.object_mode, statement.line)
        dynamic = statement.parameter("dynafile")
        return replace(action, file=statement.parameter("file"), dynamic=dynamic is not None, mode=mode)
    if kind not in ("omfwd", "omrelp"):
        return action
    action = replace(action, target=statement.parameter("target"), port=statement.parameter("port"))
    if kind == "omrelp":
        return replace(
            action,
            protocol="relp",
            auth_mode=statement.parameter("tls.authmode"),
            peers=statement.parameters.get("tls.permittedpeer", ()),
            tls=is_on(statement.parameter("tls")),
        )
    protocol = (statement.parameter("protocol") or "udp").lower()
    driver = statement.parameter("streamdriver") or statement.parameter("streamdriver.name") or defaults.global_driver
    return _encrypted(
        replace(
            action,
            protocol=protocol,
            driver=driver,
            tls_said=statement.parameter("tls"),
            auth_mode=statement.parameter("streamdriverauthmode") or statement.parameter("streamdriver.authmode"),
            peers=statement.parameters.get("streamdriverpermittedpeers")
            or statement.parameters.get("streamdriver.permittedpeers", ()),
        ),
        statement.parameter("streamdrivermode") or statement.parameter("streamdriver.mode") or "0",
    )


def _encrypted(action: Action, driver_mode: str) -> Action:
    """`action` with `tls` decided: a driver that can, told to, over a connection (UDP has no stream driver)."""
    tls = action.protocol == "tcp" and action.driver in _TLS_DRIVERS and driver_mode == "1"
    peers = tuple(peer.strip() for text in action.peers for peer in text.split(",") if peer.strip())
    return replace(action, tls=tls, peers=peers)


def _legacy(placed: Placed, defaults: _Defaults) -> Action:
    """The action of a sysklogd line."""
    text = placed.statement.text
    guarded = placed.statement.guarded or defaults.fallback
    bare = text.removeprefix("-")
    channel = re.match(r"(?::omfile:)?\$(\S+)", text)
    if channel is not None:
        file = defaults.channels.get(channel[1])
        return Action("omfile", placed, file=file, dynamic=file is None, mode=defaults.mode, guarded=guarded)
    if bare.startswith(("/", "?")):
        path = re.split(r"[;\s]", bare, maxsplit=1)[0]
        dynamic = path.startswith("?")
        file = None if dynamic else path
        return Action("omfile", placed, file=file, dynamic=dynamic, mode=defaults.mode, guarded=guarded)
    if text.startswith("@"):
        return _legacy_forward(placed, defaults, guarded)
    if text.startswith(":omrelp:"):
        action = Action("omrelp", placed, protocol="relp", tls=False, guarded=guarded)
        return _targeted(action, text.removeprefix(":omrelp:"))
    if text.startswith(":"):
        return Action(text[1:].partition(":")[0].lower(), placed, guarded=guarded)
    kind = {"|": "ompipe", "^": "omprog", ">": "database"}.get(text[:1], "omusrmsg")
    return Action(kind, placed, guarded=guarded)


def _legacy_forward(placed: Placed, defaults: _Defaults, guarded: bool) -> Action:
    text = placed.statement.text
    action = Action(
        "omfwd",
        placed,
        protocol="tcp" if text.startswith("@@") else "udp",
        driver=defaults.driver or defaults.global_driver,
        auth_mode=defaults.auth_mode,
        peers=tuple(defaults.peers),
        guarded=guarded,
    )
    defaults.peers = []  # an action takes them with it
    return _encrypted(_targeted(action, text.lstrip("@")), defaults.driver_mode)


def _targeted(action: Action, text: str) -> Action:
    match = _TARGET.match(text)
    if match is None:
        return action
    return replace(action, target=match["six"] or match["host"], port=match["port"])


# ---- which messages come to an action ------------------------------------------------------------------------------


def _full(statements: Sequence[Placed]) -> dict[int, tuple[str, ...]]:
    """Facilities all of whose messages surely reach a statement of the default ruleset, by identity of the statement.

    A discard takes away what it may take, a guarded one too.
    """
    rulesets: dict[str | None, list[Placed]] = {}
    default: str | None = None
    for placed in statements:
        rulesets.setdefault(placed.statement.ruleset, []).append(placed)
        if placed.statement.kind == "directive" and placed.statement.name == "defaultruleset":
            default = placed.statement.text
    left: Masks = rsyslog_selector.EVERYTHING
    found: dict[int, tuple[str, ...]] = {}
    for placed, around, sure in _steps(rulesets, default):
        statement = placed.statement
        try:
            chosen = _chosen((*around, *statement.selectors))
        except ParseError:
            # rsyslogd refuses the filter; what is behind it must not count as reached, nor as kept.
            chosen = rsyslog_selector.EVERYTHING if statement.kind == "discard" else _NOTHING
        if statement.kind == "discard":
            left = tuple(mask & ~gone for mask, gone in zip(left, chosen, strict=True))
        elif statement.kind in ("action", "legacy") and sure:
            here = rsyslog_selector.whole(tuple(mask & one for mask, one in zip(left, chosen, strict=True)))
            found[id(placed)] = tuple(here)
    return found


_NOTHING: Masks = (0,) * len(rsyslog_selector.FACILITIES)


def _chosen(selectors: Sequence[str]) -> Masks:
    masks = rsyslog_selector.EVERYTHING
    for selector in selectors:
        masks = tuple(mask & one for mask, one in zip(masks, rsyslog_selector.decode(selector), strict=True))
    return masks


def _steps(
    rulesets: dict[str | None, list[Placed]], default: str | None
) -> Iterator[tuple[Placed, tuple[str, ...], bool]]:
    """The statements of the default ruleset with those of called rulesets in their places: (statement, filters around
    the call, whether no condition is around the call). A ruleset that is called twice is followed once."""
    called = {default}
    work: list[tuple[Placed, tuple[str, ...], bool]] = [
        (placed, (), True) for placed in reversed(rulesets.get(default, []))
    ]
    for _ in range(_MAX_STEPS):
        if not work:
            return
        placed, around, sure = work.pop()
        statement = placed.statement
        if statement.kind != "call":
            yield placed, around, sure
        elif statement.text not in called:
            called.add(statement.text)
            inner = (*around, *statement.selectors)
            inside = sure and not statement.guarded
            work.extend((one, inner, inside) for one in reversed(rulesets.get(statement.text, [])))
    raise ParseError(f"more than {_MAX_STEPS} statements")
