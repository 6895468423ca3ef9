"""SSSD: snippets over the main file, secrets left out, domains; OpenSC's card drivers; libuser."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of

MAIN = """[sssd]
domains = a, B
certificate_verification = ocsp_dgst=sha1
# [pam]
[domain/a]
cache_credentials = True
ldap_default_authtok = hunter2
[domain/b]
[domain/c]
enabled = true
[certmap/a/rule]
"""


def test_settings(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/sssd/sssd.conf": MAIN,
            "/etc/sssd/conf.d/10.conf": "[SSSD]\nCertificate_Verification = ocsp_dgst=sha512,\n  partial_chain\n",
            "/etc/sssd/conf.d/.hidden.conf": "[sssd]\ncertificate_verification = no_verification\n",
            "/etc/sssd/conf.d/20.txt": "[sssd]\ncertificate_verification = no_verification\n",
        },
    )
    rows = {(row["section"], row["key"]): row for row in fact_of(tmp_path, "sssd.settings").value}
    row = rows["sssd", "certificate_verification"]
    assert row["items"] == ["ocsp_dgst=sha512", "partial_chain"]
    assert (row["source"], row["line"]) == ("/etc/sssd/conf.d/10.conf", 2)
    assert rows["domain/a", "ldap_default_authtok"]["value"] is None
    assert "hunter2" not in str(rows)


def test_domains_and_sections(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/sssd/sssd.conf": MAIN, "/etc/sssd/conf.d/1.conf": "[domain/a]\ncache_credentials=false\n"})
    assert [
        (row["name"], row["enabled"], row["cache_credentials"]) for row in fact_of(tmp_path, "sssd.domains").value
    ] == [
        ("a", True, False),
        ("b", True, False),
        ("c", True, False),
    ]
    sections = fact_of(tmp_path, "sssd.sections").value
    assert [row["name"] for row in sections if row["kind"] == "certmap"] == ["certmap/a/rule"]
    assert "pam" not in {row["name"] for row in sections}


def test_absent_empty_and_broken(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {"/etc": None}), "sssd.settings").state == "absent"
    assert fact_of(build(tmp_path / "b", {"/usr/sbin/sssd": "x"}), "sssd.domains").value == []
    assert fact_of(build(tmp_path / "c", {"/etc/sssd/sssd.conf": "[sssd\n"}), "sssd.settings").state == "error"
    build(tmp_path / "d", {"/etc/sssd/sssd.conf": MAIN, "/etc/sssd/conf.d/1.conf": "nothing\n"})
    assert fact_of(tmp_path / "d", "sssd.settings").gaps


def test_card_drivers(tmp_path: Path) -> None:
    text = "app default {\n  # card_drivers = old;\n  card_drivers = cac, internal;\n}\n"
    build(tmp_path / "a", {"/etc/opensc.conf": text, "/etc/opensc-x86_64.conf": "card_drivers = default;\n"})
    rows = fact_of(tmp_path / "a", "opensc.card_drivers").value
    assert [(row["drivers"], row["source"], row["line"]) for row in rows] == [
        (["default"], "/etc/opensc-x86_64.conf", 1),
        (["cac", "internal"], "/etc/opensc.conf", 3),
    ]
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "opensc.card_drivers").state == "absent"
    build(tmp_path / "c", {"/etc/opensc.conf": ("link", "opensc.conf")})
    assert (
        fact_of(tmp_path / "c", "opensc.card_drivers").state == "error"
        or fact_of(tmp_path / "c", "opensc.card_drivers").gaps
    )


def test_libuser(tmp_path: Path) -> None:
    text = "[Defaults]\nCrypt_Style = sha512\ncrypt_style = md5\n[ldap]\nuser = x\n"
    build(tmp_path / "a", {"/etc/libuser.conf": text})
    assert [
        (row["section"], row["key"], row["value"], row["line"])
        for row in fact_of(tmp_path / "a", "libuser.settings").value
    ] == [("defaults", "crypt_style", "sha512", 2)]
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "libuser.settings").state == "absent"
    assert (
        fact_of(build(tmp_path / "c", {"/etc/libuser.conf": "crypt_style=md5\n"}), "libuser.settings").state == "error"
    )
