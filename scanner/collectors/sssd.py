"""SSSD's configuration, and the card drivers of OpenSC.

sssd.conf is read first, then the files of conf.d that end in .conf and are not hidden, in byte order; the last value
of a key counts. Values of keys that hold secrets are never shown. Sources: sssd.conf(5), FILE FORMAT and "CONFIGURATION
SNIPPETS"; opensc.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.secret_names import names_secret
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import ini_lines

_MAIN = "/etc/sssd/sssd.conf"
_VENDOR = "/usr/lib/sssd/sssd.conf"
_FOLDER = "/etc/sssd/conf.d"
_PROGRAMS = ("/usr/sbin/sssd", "/usr/lib/systemd/system/sssd.service")
_TRUE = frozenset({"true", "yes", "1"})
_DRIVERS = re.compile(r"card_drivers[ \t]*=[ \t]*([^;{}\n]+);?")
_OPENSC = re.compile(r"opensc[^/]*\.conf\Z")

_Key = tuple[str, str]


def _settings_by_key(look: Look) -> dict[_Key, dict[str, Json]] | None:
    """The setting that counts for each (section, key), names in lower case; None where SSSD is not configured.

    A section stands there too, under an empty key.
    """
    main = _MAIN if look.entry(_MAIN) is not None else _VENDOR
    folder = [f"{_FOLDER}/{name}" for name in look.try_names(_FOLDER)]
    files = [path for path in folder if path.endswith(".conf") and not path.startswith(f"{_FOLDER}/.")]
    if look.entry(main) is None and not files:
        return None
    found: dict[_Key, dict[str, Json]] = {}
    for path in [main, *files]:
        try:
            lines = ini_lines.parse(look.text(path) or "", continued=True)
        except (ParseError, TargetError) as error:
            if path == main:
                raise
            look.gap(path, reason_of(error))
            continue
        for line in lines:
            value = None if names_secret(line.key) else line.value
            found[line.section.lower(), line.key.lower()] = {
                "section": line.section.lower(),
                "key": line.key.lower(),
                "value": value,
                "items": None if value is None else [item.strip() for item in value.split(",") if item.strip()],
                "source": path,
                "line": line.line,
            }
    return found


def _known(look: Look) -> dict[_Key, dict[str, Json]] | None:
    found = look.shared(_settings_by_key)
    if found is None:
        if any(look.entry(path) is not None for path in _PROGRAMS):
            return {}
        look.because("SSSD is not installed")
    return found


def _settings(look: Look) -> Json:
    found = _known(look)
    return None if found is None else [found[key] for key in sorted(found) if key[1]]


def _sections(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    return [
        {
            "name": found[key]["section"],
            "kind": key[0].partition("/")[0],
            "source": found[key]["source"],
            "line": found[key]["line"],
        }
        for key in sorted(found)
        if not key[1]
    ]


def _domains(look: Look) -> Json:
    found = _known(look)
    if found is None:
        return None
    listed = found.get(("sssd", "domains"), {}).get("items") or []
    enabled = {str(name).lower() for name in listed}
    records: list[Json] = []
    for section, key in sorted(found):
        if key or section.count("/") != 1 or not section.startswith("domain/"):
            continue
        name = section.partition("/")[2]
        switch = found.get((section, "enabled"), {}).get("value")
        cached = found.get((section, "cache_credentials"))
        records.append(
            {
                "name": name,
                "enabled": str(switch).lower() in _TRUE if switch is not None else name in enabled,
                "cache_credentials": cached is not None and str(cached["value"]).lower() in _TRUE,
                "source": (cached or found[section, ""])["source"],
                "line": (cached or found[section, ""])["line"],
            }
        )
    return records


def _card_drivers(look: Look) -> Json:
    paths = [f"/etc/{name}" for name in look.names("/etc") if _OPENSC.match(name)]
    paths += [f"/etc/opensc/{name}" for name in look.try_names("/etc/opensc") if _OPENSC.match(name)]
    if not paths:
        look.because("OpenSC is not installed: there is no opensc.conf")
        return None
    records: list[Json] = []
    for path in paths:
        for number, line in enumerate((look.try_text(path) or "").split("\n"), 1):
            for match in _DRIVERS.finditer(line.partition("#")[0]):
                names = [name.strip(" \t\r\"'") for name in match[1].split(",")]
                records.append({"drivers": [name for name in names if name], "source": path, "line": number})
    return records


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "sssd.settings": _settings,
    "sssd.sections": _sections,
    "sssd.domains": _domains,
    "opensc.card_drivers": _card_drivers,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


_PLACE = {"source": "text: file", "line": "number: line"}

# What the marks of `sensitive` are about: settings that name people or machines.
_MACHINES = (
    "key=ad_hostname,ad_server,ad_domain,ad_backup_server,ldap_uri,ldap_backup_uri,ldap_search_base,"
    "krb5_realm,krb5_server,ipa_server,ipa_hostname,ipa_domain,dns_discovery_domain,default_domain_suffix"
)
_PEOPLE = (
    "key=simple_allow_users,simple_deny_users,simple_allow_groups,simple_deny_groups,ldap_default_bind_dn,filter_users"
)

COLLECTOR = Collector(
    id="sssd",
    facts=(
        FactSpec(
            "sssd.settings",
            "table",
            "The setting that counts for each section and key; absent where SSSD is not installed.",
            fields={
                "section": "text: section in lower case, pam or domain/example.com",
                "key": "text: key in lower case",
                "value": "text: value; null: it holds a secret and is not shown",
                "items": "list: its parts between commas; null likewise",
                **_PLACE,
            },
            sensitive={
                f"value[{_MACHINES}]": "host",
                f"items[{_MACHINES}]": "host",
                f"value[{_PEOPLE}]": "user",
                f"items[{_PEOPLE}]": "user",
            },
        ),
        FactSpec(
            "sssd.sections",
            "table",
            "Sections by name; absent where SSSD is not installed.",
            fields={"name": "text: section", "kind": "text: its first part, certmap of certmap/domain/rule", **_PLACE},
        ),
        FactSpec(
            "sssd.domains",
            "table",
            "Domains that have a section, by name; absent where SSSD is not installed.",
            sensitive={"name": "host"},
            fields={
                "name": "text: domain in lower case",
                "enabled": "flag: SSSD uses it",
                "cache_credentials": "flag: credentials are kept for logins without the server; off by default",
                **_PLACE,
            },
        ),
        FactSpec(
            "opensc.card_drivers",
            "table",
            "Each list of card drivers in OpenSC's configuration; absent where there is none.",
            fields={"drivers": "list: names of drivers", **_PLACE},
        ),
    ),
    collect=collect,
)
