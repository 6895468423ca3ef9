"""The facts of the system-wide crypto policy over small trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of, facts_of

ETC = "/etc/crypto-policies"
SHARE = "/usr/share/crypto-policies"
PERSISTENT = [f"crypto_policy.{name}" for name in ("configured", "backends", "modules", "ssh")]
PURE: dict[str, Content] = {
    f"{ETC}/config": "DEFAULT\n",
    f"{ETC}/state/current": "DEFAULT\n",
    f"{ETC}/back-ends/openssl.config": ("link", f"{SHARE}/DEFAULT/openssl.txt"),
    f"{ETC}/back-ends/opensshserver.config": ("link", f"{SHARE}/DEFAULT/opensshserver.txt"),
    f"{SHARE}/DEFAULT/openssl.txt": "x\n",
    f"{SHARE}/DEFAULT/opensshserver.txt": "Ciphers aes256-ctr,aes128-cbc\nMACs hmac-sha1\n",
    f"{SHARE}/LEGACY/openssl.txt": "x\n",
}


def configured(root: Path, files: dict[str, Content]) -> Fact:
    return fact_of(build(root, files), "crypto_policy.configured")


def test_absent(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), PERSISTENT)
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_a_pure_policy(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, PURE), PERSISTENT)
    value = facts["crypto_policy.configured"].value
    assert (value["policy"], value["subpolicies"], value["applied"]) == ("DEFAULT", [], True)
    assert (value["overridden"], value["local"], value["custom_policy"]) == ([], [], False)
    assert [(row["name"], row["kind"], row["overridden"]) for row in facts["crypto_policy.backends"].value] == [
        ("opensshserver", "link", False),
        ("openssl", "link", False),
    ]
    assert [(row["backend"], row["keyword"], row["values"]) for row in facts["crypto_policy.ssh"].value] == [
        ("opensshserver", "ciphers", ["aes256-ctr", "aes128-cbc"]),
        ("opensshserver", "macs", ["hmac-sha1"]),
    ]
    assert facts["crypto_policy.modules"].value == []


@pytest.mark.parametrize(
    ("change", "overridden"),
    [
        ({f"{ETC}/back-ends/openssl.config": ("link", f"{SHARE}/LEGACY/openssl.txt")}, ["openssl"]),
        ({f"{ETC}/back-ends/openssl.config": "by hand\n"}, ["openssl"]),
        ({f"{ETC}/back-ends/openssl.config": ("link", "/nowhere")}, ["openssl"]),
        ({f"{ETC}/back-ends/openssl.config": "made\n", f"{ETC}/local.d/openssl-x.config": "y\n"}, []),
        ({f"{ETC}/config": "DEFAULT:NO-SHA1\n"}, ["opensshserver", "openssl"]),
        ({f"{ETC}/config": None}, None),
    ],
)
def test_back_ends_that_do_not_follow(tmp_path: Path, change: dict[str, Content], overridden: list[str] | None) -> None:
    fact = configured(tmp_path, PURE | change)
    if overridden is None:
        assert fact.state == "error"
    else:
        assert fact.value["overridden"] == overridden


def test_a_policy_with_modules(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{ETC}/config": "DEFAULT:NO-WEAKMAC:GONE\n",
        f"{ETC}/state/current": "DEFAULT\n",
        f"{ETC}/back-ends/openssl.config": "generated\n",
        f"{ETC}/policies/modules/NO-WEAKMAC.pmod": "mac = -*-128*\n",
        f"{SHARE}/policies/modules/NO-WEAKMAC.pmod": "mac = nothing\n",
    }
    facts = facts_of(build(tmp_path, files), PERSISTENT)
    value = facts["crypto_policy.configured"].value
    assert (value["configured"], value["applied"], value["overridden"]) == ("DEFAULT:NO-WEAKMAC:GONE", False, [])
    modules = facts["crypto_policy.modules"]
    assert [(row["module"], row["key"], row["scope"], row["values"]) for row in modules.value] == [
        ("NO-WEAKMAC", "mac", None, ["-*-128*"])
    ]
    assert "GONE.pmod" in modules.gaps[0]


def test_an_own_definition_behind_a_known_name(tmp_path: Path) -> None:
    fact = configured(tmp_path, PURE | {f"{ETC}/policies/DEFAULT.pol": "x\n"})
    assert fact.value["custom_policy"] is True


def test_a_configuration_without_a_policy(tmp_path: Path) -> None:
    value = configured(tmp_path, PURE | {f"{ETC}/config": "# DEFAULT\n"}).value
    assert (value["policy"], value["configured"], value["applied"]) == (None, None, False)


@pytest.mark.parametrize("text", ["DEFAULT\nLEGACY\n", "\x00\n"])
def test_malformed(tmp_path: Path, text: str) -> None:
    fact = configured(tmp_path, PURE | {f"{ETC}/config": text})
    assert fact.state == "error"
    assert "malformed" in str(fact.reason)


def test_programs_with_a_configuration_of_their_own(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/named.conf": 'options {\n /* include "/etc/crypto-policies/back-ends/bind.config"; */\n};\n',
        "/etc/ipsec.conf": "# x\ninclude /etc/crypto-policies/back-ends/libreswan.config\n",
    }
    fact = fact_of(build(tmp_path, files), "crypto_policy.applications")
    assert [(row["name"], row["follows"]) for row in fact.value] == [("bind", False), ("libreswan", True)]


def test_fips_mode_of_the_kernel(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/sys/crypto/fips_enabled": "1\n"})
    assert fact_of(root, "crypto_policy.running", runtime=True).value["fips_enabled"] is True
    assert fact_of(root, "crypto_policy.running").state == "not_collected"
