"""fapolicyd facts from trees."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of, facts_of

CONF = "/etc/fapolicyd/fapolicyd.conf"
STOCK = {
    "/etc/fapolicyd/rules.d/10-languages.rules": "%languages=text/x-lua,text/x-perl\n",
    "/etc/fapolicyd/rules.d/20-dracut.rules": "# c\nallow perm=any uid=0 : dir=/var/tmp/\n",
    "/etc/fapolicyd/rules.d/42-trusted.rules": "allow perm=execute all : trust=1\n",
    "/etc/fapolicyd/rules.d/72-shell.rules": "allow perm=any all : ftype=text/x-shellscript\n",
    "/etc/fapolicyd/rules.d/90-deny-execute.rules": "deny_audit perm=execute all : all\n",
    "/etc/fapolicyd/rules.d/95-allow-open.rules": "allow perm=open all : all\n",
}


def test_settings_with_defaults(tmp_path: Path) -> None:
    value = fact_of(build(tmp_path, {CONF: "# c\npermissive = 0\nintegrity = SHA256\n"}), "fapolicyd.settings").value
    assert (value["permissive"], value["integrity"], value["line"]) == (False, "sha256", 2)
    assert value["trust"] == ["rpmdb", "file"]
    assert value["watch_fs"] == ["ext4", "xfs", "tmpfs"]


def test_mounts_left_out_of_watching(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "a", {CONF: ""}), "fapolicyd.settings").value["ignore_mounts"] == []
    text = "ignore_mounts = /dev/shm/,/var,/\n"
    value = fact_of(build(tmp_path / "b", {CONF: text}), "fapolicyd.settings").value
    assert value["ignore_mounts"] == ["/dev/shm", "/var", "/"]


def test_settings_the_daemon_refuses(tmp_path: Path) -> None:
    for number, line in enumerate(("permissive=0", "permissive = yes", "integrity = md5")):
        assert fact_of(build(tmp_path / str(number), {CONF: line + "\n"}), "fapolicyd.settings").state == "error"


def test_not_installed(tmp_path: Path) -> None:
    names = ["fapolicyd.settings", "fapolicyd.rules", "fapolicyd.decisions", "fapolicyd.root_escapes"]
    facts = facts_of(build(tmp_path, {"/etc": None}), [*names, "fapolicyd.rules_origin"])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_the_parts_are_compiled_at_every_start(tmp_path: Path) -> None:
    build(tmp_path, {**STOCK, "/etc/fapolicyd/compiled.rules": "allow perm=any all : all\n"})
    assert fact_of(tmp_path, "fapolicyd.rules_origin").value["compiled_is_current"] is False
    rules = fact_of(tmp_path, "fapolicyd.rules").value
    assert [(rule["decision"], rule["last"]) for rule in rules][-2:] == [("deny_audit", False), ("allow", True)]
    assert rules[0]["source"] == "/etc/fapolicyd/rules.d/20-dracut.rules"


def test_the_legacy_file_comes_before_everything(tmp_path: Path) -> None:
    build(tmp_path, {**STOCK, "/etc/fapolicyd/fapolicyd.rules": "allow perm=any all : all\n"})
    assert fact_of(tmp_path, "fapolicyd.rules_origin").value["origin"] == "fapolicyd.rules"
    assert {one["decision"] for one in fact_of(tmp_path, "fapolicyd.decisions").value} == {"allow"}


def test_compiled_rules_alone_count(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/fapolicyd/compiled.rules": "deny perm=any all : all\n"})
    assert fact_of(tmp_path, "fapolicyd.rules_origin").value["origin"] == "compiled.rules"
    assert {one["decision"] for one in fact_of(tmp_path, "fapolicyd.decisions").value} == {"deny"}


def test_decisions_of_the_stock_rules(tmp_path: Path) -> None:
    value = fact_of(build(tmp_path, STOCK), "fapolicyd.decisions").value
    allowed = [(one["folder"], one["uid"]) for one in value if one["decision"] == "allow"]
    assert allowed == [("/var/tmp/", 0)]
    assert next(one for one in value if one["decision"] == "allow")["line"] == 2


def test_root_always_has_a_way(tmp_path: Path) -> None:
    ways = [one["way"] for one in fact_of(build(tmp_path, STOCK), "fapolicyd.root_escapes").value]
    assert ways == ["stop", "trust", "execute", "script"]


def test_a_bad_rule_is_an_error_with_its_place(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/fapolicyd/rules.d/1.rules": "deny perm=any\n"}), "fapolicyd.rules")
    assert fact.state == "error"
    assert "/etc/fapolicyd/rules.d/1.rules" in (fact.reason or "")
