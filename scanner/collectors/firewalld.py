"""firewalld: firewalld.conf, zones, policies, services and direct rules as its permanent configuration has them.

Source: firewalld.conf(5), firewalld.zones(5), firewalld.zone(5), firewalld.policy(5), firewalld.direct(5). A file in
/etc/firewalld replaces the whole file of that name in /usr/lib/firewalld: nothing of the replaced one survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TypeVar

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.network_manager import connection_zones
from scanner.model.errors import DamagedError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import firewalld_xml
from scanner.parsers.firewalld_xml import Opening, RichRule

T = TypeVar("T")

_CONF = "/etc/firewalld/firewalld.conf"
_PLACES = ("/etc/firewalld", "/usr/lib/firewalld")
_FALLBACK_ZONE = "public"
_LISTS = (
    "services",
    "ports",
    "protocols",
    "source_ports",
    "icmp_blocks",
    "forward_ports",
    "interfaces",
    "sources",
)
_FLAGS = {"Lockdown": "no", "IPv6_rpfilter": "yes", "StrictForwardPorts": "no", "AllowZoneDrifting": "no"}


def _installed(look: Look) -> bool:
    """Whether firewalld has left anything at all in this tree."""
    if any(look.entry(place) is not None for place in _PLACES):
        return True
    look.because("neither /etc/firewalld nor /usr/lib/firewalld exists")
    return False


def _files(look: Look, folder: str) -> dict[str, tuple[str, str | None]]:
    """Name -> (path, path of the file it replaces) of the XML files in a folder of both places."""
    found: dict[str, tuple[str, str | None]] = {}
    for place in reversed(_PLACES):
        for name in look.names(f"{place}/{folder}"):
            path = f"{place}/{folder}/{name}"
            if name.endswith(".xml"):
                replaced = found.get(name[:-4])
                found[name[:-4]] = (path, replaced[0] if replaced else None)
            elif place == _PLACES[0] and any(inner.endswith(".xml") for inner in look.names(path)):
                look.gap(path, "unsupported: a zone split over a directory")
    return dict(sorted(found.items()))


_SERVICE_LISTS = ("ports", "protocols", "source_ports", "includes")


def _each(look: Look, folder: str, parse: Callable[[str], T]) -> Iterator[tuple[str, str, str | None, T]]:
    """Name, path, replaced path and contents of every file in a folder; one that cannot be read is a gap."""
    for name, (path, replaced) in _files(look, folder).items():
        text = look.try_text(path, firewalld_xml.MAX_CHARACTERS)
        if text is None:
            if look.link(path) is not None:
                look.gap(path, "missing: a link that leads nowhere")
            continue
        try:
            yield name, path, replaced, parse(text)
        except ParseError as error:
            look.gap(path, reason_of(error))


def _conf(look: Look) -> dict[str, tuple[str, int]]:
    return firewalld_xml.conf(look.text(_CONF) or "")


def _default_name(look: Look) -> str:
    return _conf(look).get("DefaultZone", (_FALLBACK_ZONE, 0))[0]


def _config(look: Look) -> Json:
    if not _installed(look):
        return None
    values = _conf(look)

    def flag(key: str) -> bool:
        return values.get(key, (_FLAGS[key], 0))[0].lower() in ("yes", "true")

    backend, line = values.get("FirewallBackend", ("nftables", 0))
    known = backend.lower() in ("nftables", "iptables")
    return {
        "default_zone": _default_name(look),
        "default_zone_line": values["DefaultZone"][1] if "DefaultZone" in values else None,
        "backend": backend.lower() if known else "nftables",
        "backend_line": line or None,
        "backend_named": bool(line) and known,
        "lockdown": flag("Lockdown"),
        "ipv6_rpfilter": values.get("IPv6_rpfilter", ("yes", 0))[0].lower() not in ("no", "false"),
        "strict_forward_ports": flag("StrictForwardPorts"),
        "allow_zone_drifting": flag("AllowZoneDrifting"),
        "log_denied": values.get("LogDenied", ("off", 0))[0],
        "source": _CONF if look.entry(_CONF) is not None else None,
    }


def _all_zones(look: Look) -> list[Json]:
    default = _default_name(look)
    rows = []
    bound = _bound_by_connections(look)
    for name, path, replaced, zone in _each(look, "zones", lambda text: firewalld_xml.opening(text, "zone")):
        users = ["default"] if name == default else []
        users += [f"interface {item}" for item in sorted(zone.interfaces) if item != "lo"]
        users += [f"source {item}" for item in sorted(zone.sources)]
        users += [f"connection {item}" for item in sorted(bound.get(name, ()))]
        rows.append(_zone(name, path, replaced, zone, users))
    return rows


def _bound_by_connections(look: Look) -> dict[str, list[str]]:
    """Zone -> NetworkManager connections that ask for it."""
    try:
        return connection_zones(look)
    except (TargetError, ParseError) as error:
        look.gap("NetworkManager connections", reason_of(error))
        return {}


def _zone(name: str, path: str, replaced: str | None, zone: Opening, users: list[str]) -> Json:
    return {
        "name": name,
        "source": path,
        "overrides": replaced,
        "target": zone.target,
        **{key: sorted(getattr(zone, key)) for key in _LISTS},
        "rich_rules": [_rich(rule) for rule in zone.rich_rules],
        "masquerade": zone.masquerade,
        "forward": zone.forward,
        "icmp_block_inversion": zone.icmp_block_inversion,
        "ignored": zone.ignored,
        "in_use": bool(users),
        "used_by": users,
        "open": _open(zone),
    }


def _open(zone: Opening) -> list[str]:
    """Everything the zone or policy lets in beyond its target, each beginning with its kind."""
    rules = [rule for rule in zone.rich_rules if rule.action in ("accept", "mark") or _opens(rule)]
    return [
        *(f"service {item}" for item in sorted(zone.services)),
        *(f"port {item}" for item in sorted(zone.ports)),
        *(f"protocol {item}" for item in sorted(zone.protocols)),
        *(f"source-port {item}" for item in sorted(zone.source_ports)),
        *(f"forward-port {item}" for item in sorted(zone.forward_ports)),
        *(_rich_text(rule) for rule in rules),
    ]


def _opens(rule: RichRule) -> bool:
    """Forwarding and masquerading carry no action of their own."""
    return (rule.element or "").startswith(("forward-port", "masquerade"))


def _rich_text(rule: RichRule) -> str:
    words = [rule.action or "", rule.element or "everything"]
    words += [f"from {'not ' * rule.source_inverted}{rule.source}"] if rule.source else []
    words += [f"to {'not ' * rule.destination_inverted}{rule.destination}"] if rule.destination else []
    kind = "icmp-rule" if (rule.element or "").startswith("icmp-type ") else "rich-rule"
    return " ".join([kind, *(word for word in words if word)])


def _rich(rule: RichRule) -> Json:
    return asdict(rule)


def _zones(look: Look) -> Json:
    return look.shared(_all_zones) if _installed(look) else None


def _default_zone(look: Look) -> Json:
    if not _installed(look):
        return None
    name = _default_name(look)
    zone = next((row for row in look.shared(_all_zones) if row["name"] == name), None)
    if zone is None:
        raise DamagedError(f"{_CONF}: DefaultZone={name}, and there is no readable zone of that name")
    return zone


def _policies(look: Look) -> Json:
    if not _installed(look):
        return None
    return [
        {
            "name": name,
            "source": path,
            "overrides": replaced,
            "target": found.target,
            "priority": found.priority,
            "ingress_zones": found.ingress_zones,
            "egress_zones": found.egress_zones,
            **{key: sorted(getattr(found, key)) for key in _LISTS if key not in ("interfaces", "sources")},
            "rich_rules": [_rich(rule) for rule in found.rich_rules],
            "masquerade": found.masquerade,
            "ignored": found.ignored,
            "open": _open(found),
        }
        for name, path, replaced, found in _each(look, "policies", lambda text: firewalld_xml.opening(text, "policy"))
    ]


def _openings(look: Look) -> Json:
    """One record for each thing let in: the question of every firewall review."""
    zones, policies, direct = _zones(look), _policies(look), _direct(look)
    if zones is None:
        return None
    changed = _redefined(look)

    def told(text: str) -> str:
        return (
            f"{text} (redefined)" if text.removeprefix("service ") in changed and text.startswith("service ") else text
        )

    rows = [
        _opening(f"zone {zone['name']}", told(text), zone["in_use"], zone["source"])
        for zone in zones
        for text in [*(["everything"] if zone["target"] == "ACCEPT" else []), *zone["open"]]
    ]
    rows += [
        _opening(f"policy {policy['name']}", told(text), bool(policy["egress_zones"]), policy["source"])
        for policy in policies
        for text in [*(["everything"] if policy["target"] == "ACCEPT" else []), *policy["open"]]
    ]
    rows += [_opening("direct", f"direct {row['family']} {row['arguments']}", True, row["source"]) for row in direct]
    return rows


def _redefined(look: Look) -> frozenset[str]:
    """Services of the vendor that a file below /etc makes mean something else: their name alone says nothing."""
    folder = f"{_PLACES[0]}/services"
    if not look.try_names(folder):
        return frozenset()
    found = set()
    for name, path, replaced, service in _each(look, "services", firewalld_xml.service):
        if replaced is None or not path.startswith(folder):
            continue
        try:
            before = firewalld_xml.service(look.try_text(replaced, firewalld_xml.MAX_CHARACTERS) or "")
        except ParseError:
            found.add(name)
            continue
        if any(set(getattr(service, key)) != set(getattr(before, key)) for key in _SERVICE_LISTS):
            found.add(name)
    return frozenset(found)


def _opening(place: str, text: str, in_use: bool, source: str) -> Json:
    return {"place": place, "kind": text.split(" ", 1)[0], "opening": text, "in_use": in_use, "source": source}


def _services(look: Look) -> Json:
    if not _installed(look):
        return None
    return [
        {
            "name": name,
            "source": path,
            "overrides": replaced,
            "ports": list(found.ports),
            "protocols": list(found.protocols),
            "source_ports": list(found.source_ports),
            "includes": list(found.includes),
        }
        for name, path, replaced, found in _each(look, "services", firewalld_xml.service)
    ]


def _direct(look: Look) -> Json:
    if not _installed(look):
        return None
    path = f"{_PLACES[0]}/direct.xml"
    text = look.text(path, firewalld_xml.MAX_CHARACTERS)
    if text is None:
        return []
    return [
        {"kind": kind, "family": family, "place": place, "arguments": arguments, "source": path}
        for kind, family, place, arguments in firewalld_xml.direct(text)
    ]


def collect(look: Look) -> Iterator[Fact]:
    """See the declarations below."""
    yield from look.facts(
        {
            "firewalld.config": _config,
            "firewalld.zones": _zones,
            "firewalld.default_zone": _default_zone,
            "firewalld.policies": _policies,
            "firewalld.services": _services,
            "firewalld.direct": _direct,
            "firewalld.openings": _openings,
        }
    )


_OPENING_FIELDS = {
    "services": "list: names of services let in, sorted",
    "ports": "list: `port/protocol` let in, sorted",
    "protocols": "list: protocols let in, sorted",
    "source_ports": "list: `port/protocol` of senders let in, sorted",
    "icmp_blocks": "list: ICMP types refused, sorted",
    "forward_ports": "list: `port/protocol to port at address`, sorted",
    "rich_rules": "list: records family, priority, source, source_inverted, destination, destination_inverted, "
    "element, action (accept, reject, drop, mark or null)",
    "masquerade": "flag: source addresses are rewritten",
    "ignored": "list: elements that firewalld does not understand and leaves out",
    "open": "list: everything it lets in beyond its target, in words",
}
_FILE_FIELDS = {
    "name": "text: name, that of the file",
    "source": "text: the file",
    "overrides": "text: the file below /usr/lib that it replaces, or null",
}
_ZONE_FIELDS = {
    **_FILE_FIELDS,
    "target": "text: what becomes of other traffic: default (rejects), ACCEPT, %%REJECT%% or DROP",
    **_OPENING_FIELDS,
    "interfaces": "list: interfaces bound by the file, sorted",
    "sources": "list: source addresses bound by the file, sorted",
    "forward": "flag: traffic between its interfaces and sources is let through",
    "icmp_block_inversion": "flag: icmp_blocks are let in and all others refused",
    "in_use": "flag: it is the default zone, or something other than lo is bound to it",
    "used_by": "list: `default`, `interface NAME`, `source ADDRESS`, `connection FILE`",
}

COLLECTOR = Collector(
    id="firewalld",
    facts=(
        FactSpec(
            "firewalld.config",
            "object",
            "firewalld.conf with firewalld's own defaults for what it does not say.",
            fields={
                "default_zone": "text: DefaultZone, public where none is named",
                "default_zone_line": "number: its line, null when it is the default",
                "backend": "text: nftables or iptables",
                "backend_line": "number: its line, null when it is the default",
                "backend_named": "flag: that line names one of the two; anything else is ignored",
                "lockdown": "flag: only programs on a list may change the firewall",
                "ipv6_rpfilter": "flag: IPv6 reverse path filter in any of its modes",
                "strict_forward_ports": "flag: published container ports need a forward-port",
                "allow_zone_drifting": "flag: packets may go through several zones",
                "log_denied": "text: which refused packets are logged",
                "source": "text: the file, null when there is none",
            },
        ),
        FactSpec(
            "firewalld.zones",
            "table",
            "Every zone of the permanent configuration, by name.",
            fields=_ZONE_FIELDS,
            sensitive={
                "sources": "address",
                "rich_rules": "address",
                "forward_ports": "address",
                "open": "address",
                "used_by": "address",
            },
        ),
        FactSpec(
            "firewalld.default_zone",
            "object",
            "The zone that takes every interface and source that is bound to none.",
            fields=_ZONE_FIELDS,
            sensitive={
                "sources": "address",
                "rich_rules": "address",
                "forward_ports": "address",
                "open": "address",
                "used_by": "address",
            },
        ),
        FactSpec(
            "firewalld.policies",
            "table",
            "Policies between zones of the permanent configuration, by name.",
            fields={
                **_FILE_FIELDS,
                "target": "text: CONTINUE, ACCEPT, REJECT or DROP",
                "priority": "number: lower ones come first, negative ones before the zones",
                "ingress_zones": "list: where traffic comes from; ANY and HOST are special",
                "egress_zones": "list: where it goes to; ANY and HOST are special",
                **_OPENING_FIELDS,
            },
            sensitive={"rich_rules": "address", "forward_ports": "address", "open": "address"},
        ),
        FactSpec(
            "firewalld.services",
            "table",
            "What each service name stands for, by name.",
            fields={
                **_FILE_FIELDS,
                "ports": "list: `port/protocol`",
                "protocols": "list: protocols",
                "source_ports": "list: `port/protocol` of senders",
                "includes": "list: other services it stands for",
            },
        ),
        FactSpec(
            "firewalld.direct",
            "table",
            "Rules of direct.xml, which come before all zones, in the order of the file.",
            fields={
                "kind": "text: chain, rule or passthrough",
                "family": "text: ipv4, ipv6 or eb",
                "place": "text: table and chain",
                "arguments": "text: the arguments of iptables",
                "source": "text: the file",
            },
            sensitive={"arguments": "address"},
        ),
        FactSpec(
            "firewalld.openings",
            "table",
            "One record for each thing that zones, policies and direct rules let in, in that order.",
            fields={
                "place": "text: `zone NAME`, `policy NAME` or direct",
                "kind": "text: service, port, protocol, source-port, forward-port, rich-rule, icmp-rule, direct, "
                "or everything (a target of ACCEPT)",
                "opening": "text: kind and what it lets in (`service ssh`); a direct rule is listed whatever it does",
                "in_use": "flag: something is bound to the zone",
                "source": "text: the file",
            },
            sensitive={"opening": "address"},
        ),
    ),
    collect=collect,
)
