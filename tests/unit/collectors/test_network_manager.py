"""networkmanager.connections and networkmanager.config over small trees; no secret may come out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of

FOLDER = "/etc/NetworkManager/system-connections"
SECRET = "correct-horse-battery"


def connections(root: Path, files: dict[str, Content]) -> Fact:
    return fact_of(build(root, files), "networkmanager.connections")


def only(fact: Fact) -> dict[str, Any]:
    assert fact.state == "present", fact.reason
    assert len(fact.value) == 1
    found: dict[str, Any] = fact.value[0]
    return found


def profile(**values: str) -> str:
    lines = ["[connection]", "id=lan", "uuid=1", "type=ethernet", "zone=work", "[802-1x]"]
    return "\n".join([*lines, *(f"{key.replace('_', '-')}={value}" for key, value in values.items())]) + "\n"


def test_absent(tmp_path: Path) -> None:
    for name in ("networkmanager.connections", "networkmanager.config"):
        assert fact_of(build(tmp_path, {"/etc": None}), name).state == "absent"


def test_installed_without_profiles(tmp_path: Path) -> None:
    assert connections(tmp_path, {"/etc/NetworkManager": None}).value == []


def test_an_8021x_profile(tmp_path: Path) -> None:
    text = profile(
        eap="TLS;",
        ca_cert="/etc/ca.pem",
        domain_suffix_match="example.com",
        private_key="/etc/key.pem",
        private_key_password=SECRET,
    )
    files: dict[str, Content] = {
        f"{FOLDER}/lan.nmconnection": text,
        "/etc/key.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n",
    }
    root = build(tmp_path, files)
    os.chmod(root / FOLDER.lstrip("/") / "lan.nmconnection", 0o600)
    fact = fact_of(root, "networkmanager.connections")
    row = only(fact)
    assert (row["id"], row["type"], row["zone"], row["mode"]) == ("lan", "ethernet", "work", "0600")
    assert (row["uses_8021x"], row["eap"], row["authenticates_server"]) == (True, ["tls"], True)
    assert (row["private_key"], row["private_key_state"]) == ("/etc/key.pem", "encrypted")
    assert row["stored_secrets"] == ["802-1x.private-key-password"]
    assert SECRET not in repr(fact)
    assert all(evidence.sha256 is None for evidence in fact.evidence)


@pytest.mark.parametrize(
    ("content", "state"),
    [
        ("-----BEGIN PRIVATE KEY-----\n", "plaintext"),
        ("junk\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", "plaintext"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "encrypted"),
        ("-----BEGIN TSS2 PRIVATE KEY-----\n", "tpm"),
        (b"\x30\x82\x01", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_key_file_at_rest(tmp_path: Path, content: Content, state: str) -> None:
    files: dict[str, Content] = {
        f"{FOLDER}/a": profile(eap="tls", private_key="file:///etc/k%20ey"),
        "/etc/k ey": content,
    }
    row = only(connections(tmp_path, files))
    assert (row["private_key"], row["private_key_state"]) == ("/etc/k ey", state)


@pytest.mark.parametrize(
    ("value", "place", "state"),
    [
        ("pkcs11:token=x;pin-value=" + SECRET, "pkcs11", "token"),
        ("data:;base64," + SECRET, "inline", "inline"),
        ("/run/keys/k", "/run/keys/k", "runtime"),
        ("/nowhere", "/nowhere", "missing"),
        ("47;110;111;119;104;101;114;101;0;", "/nowhere", "missing"),
        ("48;130;1;2;3;", "inline", "inline"),
        ("k.pem", f"{FOLDER}/k.pem", "missing"),
        ("", None, "none"),
    ],
)
def test_where_a_private_key_is(tmp_path: Path, value: str, place: str | None, state: str) -> None:
    fact = connections(tmp_path, {f"{FOLDER}/a": profile(eap="tls", private_key=value)})
    row = only(fact)
    assert (row["private_key"], row["private_key_state"]) == (place, state)
    assert SECRET not in repr(fact)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"eap": "peap", "ca_cert": "/x"}, False),
        ({"eap": "peap", "domain_suffix_match": "x"}, False),
        ({"eap": "peap", "system_ca_certs": "true", "altsubject_matches": "DNS:x;"}, True),
        ({"eap": "peap", "ca_cert": "/x", "domain_match": "x"}, True),
        ({"eap": "peap", "ca_cert": "", "domain_match": "x"}, False),
        ({"ca_cert": "/x", "domain_match": "x"}, False),
    ],
)
def test_whether_the_server_is_authenticated(tmp_path: Path, values: dict[str, str], expected: bool) -> None:
    row = only(connections(tmp_path, {f"{FOLDER}/a": profile(**values)}))
    assert row["authenticates_server"] is expected


@pytest.mark.parametrize(
    ("group", "security"),
    [
        ("", "open"),
        ("[wifi-security]\nkey-mgmt=none\n", "wep"),
        (f"[802-11-wireless-security]\nkey-mgmt=wpa-psk\npsk={SECRET}\n", "wpa-psk"),
        ("[wifi-security]\nkey-mgmt=sae\npsk-flags=1\npsk=\n", "sae"),
    ],
)
def test_wifi(tmp_path: Path, group: str, security: str) -> None:
    fact = connections(tmp_path, {f"{FOLDER}/w": f"[connection]\ntype=802-11-wireless\n{group}"})
    row = only(fact)
    assert (row["type"], row["wifi_security"]) == ("wifi", security)
    assert row["stored_secrets"] == (["wifi-security.psk"] if SECRET in group else [])
    assert SECRET not in repr(fact)


def test_the_local_profile_counts_and_what_is_no_profile_does_not(tmp_path: Path) -> None:
    usr = "/usr/lib/NetworkManager/system-connections"
    files: dict[str, Content] = {
        f"{FOLDER}/a.nmconnection": "[connection]\nuuid=1\nid=local\n",
        f"{FOLDER}/b.nmconnection~": "[connection]\nuuid=2\n",
        f"{FOLDER}/.c.nmconnection": "[connection]\nuuid=3\n",
        f"{usr}/a.nmconnection": "[connection]\nuuid=1\nid=shipped\n",
        f"{usr}/d": "[connection]\nuuid=4\n",
    }
    assert only(connections(tmp_path, files))["id"] == "local"


def test_a_malformed_profile_is_a_gap(tmp_path: Path) -> None:
    fact = connections(tmp_path, {f"{FOLDER}/a": "nothing\n", f"{FOLDER}/b": profile(eap="tls")})
    assert len(fact.value) == 1
    assert fact.gaps[0].startswith("malformed")


def test_settings_are_merged_in_the_order_of_networkmanager(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/NetworkManager/conf.d/10.conf": "[main]\ndns=dnsmasq\nplugins=a\n",
        "/usr/lib/NetworkManager/conf.d/20.conf": "[main]\ndns=systemd-resolved\n",
        "/etc/NetworkManager/NetworkManager.conf": "[main]\ndns=none\nplugins+=b\n",
        "/etc/NetworkManager/conf.d/20.conf": "[main]\n#dns=dnsmasq\nplugins-=a\n",
    }
    fact = fact_of(build(tmp_path, files), "networkmanager.config")
    assert [(row["key"], row["value"], row["source"], row["line"]) for row in fact.value] == [
        ("dns", "none", "/etc/NetworkManager/NetworkManager.conf", 2),
        ("plugins", "b", "/etc/NetworkManager/conf.d/20.conf", 3),
    ]


def test_malformed_settings_are_an_error(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/etc/NetworkManager/NetworkManager.conf": "dns=none\n"}
    assert fact_of(build(tmp_path, files), "networkmanager.config").state == "error"
