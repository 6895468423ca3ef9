"""firewalld's files: zones, policies, services and direct rules (XML), and firewalld.conf.

Source: firewalld.zone(5), firewalld.policy(5), firewalld.service(5), firewalld.direct(5), firewalld.conf(5); firewalld
`src/firewall/core/io/`. As there, an invalid rich rule is dropped and the rest of the file kept; we keep a mark of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Opening", "RichRule", "Service", "conf", "direct", "opening", "service"]

MAX_ELEMENTS = 20_000
"""Elements of one file."""

MAX_CHARACTERS = 2_000_000
"""Characters of one file."""

_TARGETS = {"zone": ("default", "ACCEPT", "%%REJECT%%", "DROP"), "policy": ("CONTINUE", "ACCEPT", "REJECT", "DROP")}
_ACTIONS = ("accept", "reject", "drop", "mark")
_ELEMENTS = {
    "service": ("name",),
    "port": ("port", "protocol"),
    "protocol": ("value",),
    "icmp-block": ("name",),
    "icmp-type": ("name",),
    "masquerade": (),
    "forward-port": ("port", "protocol", "to-port", "to-addr"),
    "source-port": ("port", "protocol"),
    "tcp-mss-clamp": ("value",),
}
_CONF_KEYS = frozenset(
    [
        "AllowZoneDrifting",
        "AutomaticHelpers",
        "CleanupModulesOnExit",
        "CleanupOnExit",
        "DefaultZone",
        "FirewallBackend",
        "FlushAllOnReload",
        "IPv6_rpfilter",
        "IndividualCalls",
        "Lockdown",
        "LogDenied",
        "MinimalMark",
        "NftablesCounters",
        "NftablesFlowtable",
        "NftablesTableOwner",
        "RFC3964_IPv4",
        "ReloadPolicy",
        "StrictForwardPorts",
    ]
)


@dataclass(frozen=True, slots=True)
class RichRule:
    """A rich rule. `family` None: both; `element`: what it matches (`port 22/tcp`); `action` None: it only logs."""

    family: str | None
    priority: int
    source: str | None
    source_inverted: bool
    destination: str | None
    destination_inverted: bool
    element: str | None
    action: str | None


@dataclass(slots=True)
class Opening:
    """A zone or a policy: what it does with traffic that nothing names (`target`), and everything it lets through.

    `target` of a zone is default, ACCEPT, %%REJECT%% or DROP; of a policy CONTINUE, ACCEPT, REJECT or DROP.
    """

    target: str
    priority: int = 0
    services: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    source_ports: list[str] = field(default_factory=list)
    icmp_blocks: list[str] = field(default_factory=list)
    forward_ports: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    ingress_zones: list[str] = field(default_factory=list)
    egress_zones: list[str] = field(default_factory=list)
    rich_rules: list[RichRule] = field(default_factory=list)
    masquerade: bool = False
    forward: bool = False
    icmp_block_inversion: bool = False
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Service:
    """What a service name stands for: `22/tcp` and the like, and other services it includes."""

    ports: tuple[str, ...]
    protocols: tuple[str, ...]
    source_ports: tuple[str, ...]
    includes: tuple[str, ...]


def _root(text: str, *names: str) -> Element:
    from xml.etree import ElementTree

    if len(text) > MAX_CHARACTERS:
        raise ParseError(f"longer than {MAX_CHARACTERS} characters")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ParseError("a document type is refused")
    try:
        # Undecodable bytes were kept as surrogates: no XML parser takes them.
        root = ElementTree.fromstring(text.encode("utf-8"))  # noqa: S314 - no DTD, bounded
    except ElementTree.ParseError as error:
        raise ParseError(f"not XML: {error}", line=error.position[0]) from error
    except (UnicodeEncodeError, LookupError, ValueError) as error:
        raise ParseError("not XML in UTF-8") from error
    if root.tag not in names:
        raise ParseError(f"the root element is {root.tag[:40]}, not {' or '.join(names)}")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise ParseError(f"more than {MAX_ELEMENTS} elements")
    return root


def _need(element: Element, *names: str) -> list[str]:
    values = [element.get(name) for name in names]
    if any(value is None for value in values):
        raise ParseError(f"<{element.tag}> without {' and '.join(names)}")
    return [value for value in values if value is not None]


def _true(element: Element) -> bool:
    return element.get("invert", "").lower() in ("yes", "true")


def opening(text: str, kind: str) -> Opening:
    """A zone or policy file (`kind` says which). Raises ParseError for what firewalld refuses to load."""
    root = _root(text, kind)
    allowed = _TARGETS[kind]
    target = root.get("target") or allowed[0]
    if target not in allowed:
        raise ParseError(f"target {target[:40]} is none of {', '.join(allowed)}")
    found = Opening(target, priority=_number(root.get("priority", "0")))
    for element in root:
        _child(found, element, kind)
    return found


def _number(text: str) -> int:
    try:
        return int(text[:12])
    except ValueError:
        raise ParseError(f"{text[:20]} is not a number") from None


def _child(found: Opening, element: Element, kind: str) -> None:
    """One child of a zone or policy."""
    tag = element.tag
    flags = {"masquerade": "masquerade", "forward": "forward", "icmp-block-inversion": "icmp_block_inversion"}
    named = {
        "service": found.services,
        "icmp-block": found.icmp_blocks,
        "interface": found.interfaces,
        "ingress-zone": found.ingress_zones,
        "egress-zone": found.egress_zones,
    }
    if tag in ("short", "description"):
        return
    if tag in flags:
        setattr(found, flags[tag], True)
    elif tag in named:
        _add(named[tag], _need(element, "name")[0])
    elif tag in ("port", "source-port"):
        _add(found.ports if tag == "port" else found.source_ports, "/".join(_need(element, "port", "protocol")))
    elif tag == "protocol":
        _add(found.protocols, _need(element, "value")[0])
    elif tag == "forward-port":
        _add(found.forward_ports, _described(element).removeprefix("forward-port "))
    elif tag == "source" and kind == "zone":
        _zone_source(found, element)
    elif tag == "rule":
        _rule(found, element)
    else:
        found.ignored.append(f"<{str(tag)[:40]}>")


def _add(where: list[str], value: str) -> None:
    if value not in where:
        where.append(value)


def _zone_source(found: Opening, element: Element) -> None:
    address, ipset = element.get("address"), element.get("ipset")
    if (address is None) == (ipset is None) or element.get("invert") is not None:
        found.ignored.append("<source>")
    else:
        _add(found.sources, address if address is not None else f"ipset:{ipset}")


def _described(element: Element) -> str:
    """`port 22/tcp`, `forward-port 80/tcp to 8080 at 192.0.2.1`."""
    tag = element.tag
    if tag == "forward-port":
        port, protocol = _need(element, "port", "protocol")
        to = f" to {element.get('to-port')}" if element.get("to-port") else ""
        at = f" at {element.get('to-addr')}" if element.get("to-addr") else ""
        return f"{tag} {port}/{protocol}{to}{at}"
    if tag == "tcp-mss-clamp":
        return f"{tag} {element.get('value') or 'pmtu'}"
    return " ".join(part for part in (tag, "/".join(_need(element, *_ELEMENTS[tag]))) if part)


def _rule(found: Opening, rule: Element) -> None:
    """A rich rule, or a mark in `ignored` when firewalld would drop it."""
    family = rule.get("family")
    ends: dict[str, tuple[str, bool]] = {}
    elements: list[str] = []
    actions: list[str] = []
    valid = family in (None, "ipv4", "ipv6")
    for child in rule:
        if child.tag in ("source", "destination"):
            value = child.get("address") or child.get("mac")
            if value is None and child.get("ipset"):
                value = f"ipset:{child.get('ipset')}"
            valid = valid and child.tag not in ends and value is not None
            ends[child.tag] = (value or "", _true(child))
        elif child.tag in _ELEMENTS:
            elements.append(_described(child))
        elif child.tag in _ACTIONS:
            actions.append(str(child.tag))
        elif child.tag not in ("log", "nflog", "audit"):
            valid = False
    if not valid or len(elements) > 1 or len(actions) > 1:
        found.ignored.append("<rule>")
        return
    source, source_inverted = ends.get("source", (None, False))
    destination, destination_inverted = ends.get("destination", (None, False))
    found.rich_rules.append(
        RichRule(
            family,
            _number(rule.get("priority", "0")),
            source,
            source_inverted,
            destination,
            destination_inverted,
            elements[0] if elements else None,
            actions[0] if actions else None,
        )
    )


def service(text: str) -> Service:
    """A service file. Raises ParseError."""
    root = _root(text, "service")
    pairs = {"port": ("port", "protocol"), "source-port": ("port", "protocol")}
    found: dict[str, list[str]] = {"port": [], "source-port": [], "protocol": [], "include": []}
    for element in root:
        tag = str(element.tag)
        if tag in pairs:
            port, protocol = element.get("port", ""), element.get("protocol")
            if not protocol:
                raise ParseError(f"<{tag}> without protocol")
            # A port element without a number is the old way to name a protocol.
            _add(found[tag] if port else found["protocol"], f"{port}/{protocol}" if port else protocol)
        elif tag == "protocol":
            _add(found[tag], _need(element, "value")[0])
        elif tag == "include":
            _add(found[tag], _need(element, "service")[0])
    return Service(*(tuple(found[name]) for name in ("port", "protocol", "source-port", "include")))


def direct(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Chains, rules and passthroughs of direct.xml: (kind, family, table and chain, arguments). Raises ParseError."""
    for element in _root(text, "direct"):
        kind = str(element.tag)
        if kind in ("chain", "rule", "passthrough"):
            place = " ".join(part for part in (element.get("table"), element.get("chain")) if part)
            yield kind, _need(element, "ipv")[0], place, " ".join((element.text or "").split())


def conf(text: str) -> dict[str, tuple[str, int]]:
    """firewalld.conf: key -> (value, line). The first of two wins; unknown keys and malformed lines are skipped."""
    found: dict[str, tuple[str, int]] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        pair = [part.strip() for part in raw.split("=", 2)]
        if raw.strip()[:1] in ("", "#", ";") or len(pair) != 2:
            continue
        if pair[0] in _CONF_KEYS and pair[1]:
            found.setdefault(pair[0], (pair[1], number))
    return found
