"""Local mail: Postfix's settings and services, and the aliases.

Sources: postconf(5) (defaults of Postfix 3.x), master(5), aliases(5). The compiled alias database is not read; it is
taken to say what /etc/aliases says.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.secret_names import names_secret
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import postfix_conf

_MAIN = "/etc/postfix/main.cf"
_MASTER = "/etc/postfix/master.cf"
_ALIASES = ("/etc/aliases", "/etc/postfix/aliases", "/etc/mail/aliases")
# What Postfix takes where main.cf says nothing, for the names that rules ask about.
_DEFAULTS = {
    "alias_maps": "hash:/etc/aliases",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "mynetworks_style": "host",
    "relay_domains": "",
    "smtpd_client_restrictions": "",
    "smtpd_recipient_restrictions": "",
    "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination",
}


def _main(look: Look) -> dict[str, postfix_conf.Setting] | None:
    text = look.text(_MAIN)
    if text is None:
        return None
    try:
        return postfix_conf.main_cf(text)
    except ParseError as error:
        raise ParseError(f"{_MAIN}: {error}") from error


def _values(found: dict[str, postfix_conf.Setting]) -> dict[str, str]:
    return {**_DEFAULTS, **{name: setting.value for name, setting in found.items()}}


def _settings(look: Look) -> Json:
    found = look.shared(_main)
    if found is None:
        look.because("Postfix is not configured: there is no main.cf")
        return None
    values = _values(found)
    return [_setting(name, values, found.get(name)) for name in sorted(values)]


def _setting(name: str, values: dict[str, str], setting: postfix_conf.Setting | None) -> Json:
    expanded = postfix_conf.expand(values[name], values)
    # `static:user:password` stands where a table would.
    secret = names_secret(name) or "static:" in values[name]
    record: dict[str, Json] = {
        "key": name,
        "set": setting is not None,
        "source": _MAIN if setting is not None else None,
        "line": setting.line if setting is not None else None,
    }
    if secret:
        record["value"] = record["items"] = None
    elif expanded is not None:
        record["value"] = " ".join(expanded.split())
        record["items"] = expanded.replace(",", " ").split()
    return record


def _listeners(look: Look) -> Json:
    found = look.shared(_main)
    if found is None:
        look.because("Postfix is not configured: there is no main.cf")
        return None
    text = look.text(_MASTER)
    if text is None:
        look.gap(_MASTER, "missing: the services of Postfix")
        return []
    try:
        services = postfix_conf.master_cf(text)
    except ParseError as error:
        look.gap(_MASTER, reason_of(error))
        return []
    interfaces = postfix_conf.expand(_values(found)["inet_interfaces"], _values(found))
    return [_listener(service, interfaces) for service in services if service.type == "inet"]


def _listener(service: postfix_conf.Service, interfaces: str | None) -> Json:
    host, colon, port = service.name.rpartition(":")
    record: dict[str, Json] = {
        "service": service.name,
        "command": service.command,
        "port": port,
        "overrides": sorted(service.overrides),
        "source": _MASTER,
        "line": service.line,
    }
    if colon:
        record["loopback"] = _is_loopback(host)
    elif interfaces is not None:
        words = interfaces.replace(",", " ").split()
        record["loopback"] = bool(words) and all(word == "loopback-only" or _is_loopback(word) for word in words)
    return record


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _aliases(look: Look) -> Json:
    path = next((path for path in _ALIASES if look.entry(path) is not None), None)
    if path is None:
        look.because("there is no alias file")
        return None
    try:
        found = postfix_conf.aliases(look.text(path) or "")
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    # Of a name that stands twice the first entry is kept.
    first: dict[str, postfix_conf.Alias] = {}
    for alias in found:
        first.setdefault(alias.name, alias)
    return [
        {"name": name, "targets": list(first[name].targets), "source": path, "line": first[name].line}
        for name in sorted(first)
    ]


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "postfix.settings": _settings,
    "postfix.listeners": _listeners,
    "mail.aliases": _aliases,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


COLLECTOR = Collector(
    id="mail",
    facts=(
        FactSpec(
            "postfix.settings",
            "table",
            "Settings of main.cf and Postfix's defaults for some, by name; absent where there is no main.cf.",
            fields={
                "key": "text: name",
                "value": "text: value with references put in; missing: they cannot be followed; null: a secret",
                "items": "list: its words; missing likewise",
                "set": "flag: main.cf sets it",
                "source": "text: file; null for a default",
                "line": "number: line; null for a default",
            },
            sensitive={
                "value": "address",
                "items": "address",
                "value[key=myhostname,mydomain,myorigin,relayhost,mydestination]": "host",
                "items[key=myhostname,mydomain,myorigin,relayhost,mydestination]": "host",
            },
        ),
        FactSpec(
            "postfix.listeners",
            "table",
            "Services of master.cf that listen on the network, in its order; absent where there is no main.cf.",
            fields={
                "service": "text: name, smtp or 127.0.0.1:10025",
                "command": "text: program",
                "port": "text: port or its name",
                "loopback": "flag: bound to loopback addresses only; missing when that cannot be decided",
                "overrides": "list: names of main.cf that the service sets for itself",
                "source": "text: master.cf",
                "line": "number: line",
            },
        ),
        FactSpec(
            "mail.aliases",
            "table",
            "Entries of the alias file, by name; absent where there is none.",
            sensitive={"name": "user", "targets": "user"},
            fields={
                "name": "text: name in lower case",
                "targets": "list: where mail goes",
                "source": "text: file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
