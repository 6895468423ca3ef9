"""NetworkManager: its settings, and what each stored connection profile says of 802.1X, Wi-Fi security and zones.

Source: NetworkManager.conf(5), nm-settings-keyfile(5); NetworkManager `src/core/settings/plugins/keyfile/`. Values of
secrets never leave this file: only the names of those that are stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import nm_keyfile
from scanner.target.base import Entry

__all__ = ["COLLECTOR", "connection_zones"]

_FOLDERS = ("/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections")
_IFCFG = "/etc/sysconfig/network-scripts"
_CONF = "/etc/NetworkManager/NetworkManager.conf"
_CONF_FOLDERS = ("/usr/lib/NetworkManager/conf.d", "/etc/NetworkManager/conf.d")
_MAX_PROFILE = 1_000_000
_GROUPS = {"802-11-wireless": "wifi", "802-11-wireless-security": "wifi-security", "802-3-ethernet": "ethernet"}
_SECRETS = frozenset(
    [
        "802-1x.ca-cert-password",
        "802-1x.client-cert-password",
        "802-1x.password",
        "802-1x.password-raw",
        "802-1x.phase2-private-key-password",
        "802-1x.pin",
        "802-1x.private-key-password",
        "wifi-security.leap-password",
        "wifi-security.psk",
        "wifi-security.wep-key0",
        "wifi-security.wep-key1",
        "wifi-security.wep-key2",
        "wifi-security.wep-key3",
    ]
)
_NAME_CHECKS = ("domain-suffix-match", "domain-match", "altsubject-matches", "subject-match")
_KEY_HEAD = 4096


@dataclass(frozen=True, slots=True)
class _Profile:
    """One keyfile: where it lies, and its values as `group.key`."""

    path: str
    entry: Entry
    values: dict[str, str]


def _is_installed(look: Look) -> bool:
    places = ("/etc/NetworkManager", "/usr/lib/NetworkManager", "/usr/sbin/NetworkManager")
    if any(look.entry(place) is not None for place in places):
        return True
    look.because("NetworkManager is not installed")
    return False


def _profiles(look: Look) -> list[_Profile]:
    """Readable profiles by path; of two with one uuid that in /etc counts. Unreadable ones are gaps."""
    found: dict[str, _Profile] = {}
    for folder in _FOLDERS:
        for name in look.try_names(folder):
            if name.startswith(".") or name.endswith(("~", ".bak", ".rpmsave", ".rpmnew", ".rpmorig", ".nmmeta")):
                continue
            if folder != _FOLDERS[0] and not name.endswith(".nmconnection"):
                continue
            profile = _profile(look, f"{folder}/{name}")
            if profile is not None:
                found.setdefault(profile.values.get("connection.uuid", profile.path), profile)
    return sorted(found.values(), key=lambda profile: profile.path)


def _profile(look: Look, path: str) -> _Profile | None:
    text = look.try_text(path, _MAX_PROFILE)
    entry = look.entry(path)
    if text is None or entry is None:
        return None
    try:
        pairs = nm_keyfile.items(text)
    except ParseError as error:
        look.gap(path, reason_of(error))
        return None
    return _Profile(path, entry, {f"{_GROUPS.get(pair.group, pair.group)}.{pair.key}": pair.value for pair in pairs})


def connection_zones(look: Look) -> dict[str, list[str]]:
    """firewalld zone -> files of the connections that ask for it (keyfiles and old ifcfg files)."""
    found: dict[str, list[str]] = {}
    for profile in look.shared(_profiles):
        if zone := profile.values.get("connection.zone"):
            found.setdefault(zone, []).append(profile.path)
    for name in look.try_names(_IFCFG):
        if not name.startswith("ifcfg-"):
            continue
        path = f"{_IFCFG}/{name}"
        for zone in re.findall(r"^[ \t]*ZONE=[\"']?([^\s\"']+)", look.try_text(path, _MAX_PROFILE) or "", re.MULTILINE):
            found.setdefault(zone, []).append(path)
    return found


def _connections(look: Look) -> Json:
    if not _is_installed(look):
        return None
    return [_connection(look, profile) for profile in look.shared(_profiles)]


def _connection(look: Look, profile: _Profile) -> Json:
    values = profile.values
    eap = [word.lower() for word in nm_keyfile.words(values.get("802-1x.eap", ""))]
    kind = _GROUPS.get(values.get("connection.type", ""), values.get("connection.type"))
    ca = values.get("802-1x.ca-cert") or values.get("802-1x.ca-path")
    system_ca = values.get("802-1x.system-ca-certs", "").lower() in ("true", "1", "yes")
    checked = [key for key in _NAME_CHECKS if values.get(f"802-1x.{key}")]
    key_place, key_state = _private_key(look, profile)
    return {
        "source": profile.path,
        "id": values.get("connection.id"),
        "type": kind,
        "interface": values.get("connection.interface-name"),
        "zone": values.get("connection.zone"),
        "autoconnect": values.get("connection.autoconnect", "true").lower() not in ("false", "0", "no"),
        "wifi_security": _wifi_security(kind, values),
        "uses_8021x": bool(eap),
        "eap": eap,
        "inner": [
            word.lower()
            for key in ("phase2-auth", "phase2-autheap")
            for word in nm_keyfile.words(values.get(f"802-1x.{key}", ""))
        ],
        "ca_cert": _place(ca)[0] if ca else ("system" if system_ca else None),
        "name_checks": checked,
        "authenticates_server": bool(eap) and bool(ca or system_ca) and bool(checked),
        "private_key": key_place,
        "private_key_state": key_state,
        "stored_secrets": sorted(_stored(values)),
        "owner": str(profile.entry.uid),
        "mode": profile.entry.permissions,
    }


def _wifi_security(kind: str | None, values: dict[str, str]) -> str | None:
    """The security of a Wi-Fi network; None for other kinds."""
    if kind != "wifi":
        return None
    management = values.get("wifi-security.key-mgmt")
    return {None: "open", "none": "wep", "ieee8021x": "dynamic-wep"}.get(management, management)


def _stored(values: dict[str, str]) -> Iterator[str]:
    """Names of secrets that stand in the file itself: flags 0 (or none) mean that NetworkManager keeps them there."""
    for name in _SECRETS & values.keys():
        group, key = name.split(".", 1)
        flags = values.get(f"{group}.{re.sub(r'wep-key[0-3]', 'wep-key', key)}-flags", "0")
        if values[name] and flags in ("0", "0x0"):
            yield name


def _place(value: str) -> tuple[str, str]:
    """Where a certificate or key is: (path or kind, `file`, `token` or `inline`). Inline data is not repeated."""
    if value.startswith("pkcs11:"):
        return "pkcs11", "token"
    if value.startswith("data:"):
        return "inline", "inline"
    if value.startswith("file://"):
        return unquote(value.removeprefix("file://")), "file"
    numbers = nm_keyfile.words(value)
    if len(numbers) > 3 and all(re.fullmatch(r"[0-9]{1,3}", number) for number in numbers):
        # The oldest way to write it: every byte as a number.
        text = bytes(int(number) & 0xFF for number in numbers).rstrip(b"\0").decode("utf-8", "replace")
        return _place(text) if text.startswith(("/", "file://")) else ("inline", "inline")
    if value.startswith("/"):
        return value, "file"
    if len(value) > 255 or "\n" in value:
        return "inline", "inline"
    return f"{_FOLDERS[0]}/{value}", "file"


def _private_key(look: Look, profile: _Profile) -> tuple[str | None, str]:
    """(place, state) of the client's private key; state is none, token, inline, or what `_key_file` finds."""
    value = profile.values.get("802-1x.private-key")
    if not value:
        return None, "none"
    place, kind = _place(value)
    if kind != "file":
        return place, kind
    return place, _key_file(look, place)


def _key_file(look: Look, path: str) -> str:
    """plaintext, encrypted, tpm, unknown (no PEM), runtime (lies in /run) or missing. Only its head is read."""
    if path.startswith(("/run/", "/var/run/", "/dev/", "/proc/")):
        return "runtime"
    try:
        head = look.peek(path, 0, _KEY_HEAD)
    except MissingError:
        return "missing"
    except NotCollectedError:
        raise
    except TargetError as error:
        look.gap(path, reason_of(error))
        return "unknown"
    if b"-----BEGIN TSS2 PRIVATE KEY-----" in head:
        return "tpm"
    if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in head or b"Proc-Type: 4,ENCRYPTED" in head:
        return "encrypted"
    if b"PRIVATE KEY-----" in head:
        return "plaintext"
    return "unknown"


def _config(look: Look) -> Json:
    if not _is_installed(look):
        return None
    names = {name: f"{folder}/{name}" for folder in _CONF_FOLDERS for name in look.try_names(folder)}
    shipped = [path for _, path in sorted(names.items()) if path.startswith(_CONF_FOLDERS[0])]
    local = [path for _, path in sorted(names.items()) if path.startswith(_CONF_FOLDERS[1])]
    held: dict[tuple[str, str], Json] = {}
    for path in [*(path for path in shipped if path.endswith(".conf")), _CONF, *local]:
        text = look.try_text(path) if path.endswith(".conf") else None
        if text is None:
            continue
        for item in nm_keyfile.items(text, operators=True):
            _merge(held, item, path)
    return [held[key] for key in sorted(held)]


def _merge(held: dict[tuple[str, str], Json], item: nm_keyfile.Item, path: str) -> None:
    place = (item.group, item.key)
    before = nm_keyfile.words(held[place]["value"]) if place in held else []
    value = item.value
    if item.operator == "+":
        value = ",".join(dict.fromkeys([*before, *nm_keyfile.words(value)]))
    elif item.operator == "-":
        value = ",".join(word for word in before if word not in nm_keyfile.words(value))
    held[place] = {"section": item.group, "key": item.key, "value": value, "source": path, "line": item.line}


def collect(look: Look) -> Iterator[Fact]:
    """See the declarations below."""
    yield from look.facts({"networkmanager.connections": _connections, "networkmanager.config": _config})


COLLECTOR = Collector(
    id="network_manager",
    facts=(
        FactSpec(
            "networkmanager.connections",
            "table",
            "Stored connection profiles by path, without any secret.",
            sensitive={"id": "host"},
            fields={
                "source": "text: the keyfile",
                "id": "text: the name people see",
                "type": "text: ethernet, wifi, vpn, bridge …",
                "interface": "text: the interface it is for, null for any",
                "zone": "text: firewalld zone it asks for, null for the default zone",
                "autoconnect": "flag: it comes up by itself",
                "wifi_security": "text: open, wep, dynamic-wep, wpa-psk, sae, wpa-eap …; null when it is no Wi-Fi",
                "uses_8021x": "flag: it authenticates by 802.1X",
                "eap": "list: EAP methods, lower-case",
                "inner": "list: methods inside a tunnel, lower-case",
                "ca_cert": "text: CA certificate's path, `system`, `inline`, `pkcs11`, or null",
                "name_checks": "list: which checks of the server's name are set",
                "authenticates_server": "flag: 802.1X with a CA and a name check",
                "private_key": "text: path, `pkcs11` or `inline`; null when there is none",
                "private_key_state": "text: none, token, tpm, encrypted, plaintext, inline, runtime, missing, unknown",
                "stored_secrets": "list: names of secrets that stand in the file, never their values",
                "owner": "text: user number of the file's owner",
                "mode": "text: permission bits",
            },
        ),
        FactSpec(
            "networkmanager.config",
            "table",
            "NetworkManager.conf and its drop-ins merged, by section and key.",
            fields={
                "section": "text: section",
                "key": "text: key",
                "value": "text: value after += and -=",
                "source": "text: the file that set it last",
                "line": "number: line",
            },
            sensitive={"value": "address", "value[key=uri]": "host"},
        ),
    ),
    collect=collect,
)
