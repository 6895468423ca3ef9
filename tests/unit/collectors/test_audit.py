"""Audit facts from trees, and from a kernel whose auditctl answers as recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.fact import Fact
from scanner.target.base import CommandResult
from scanner.target.tree import TreeRuntime, TreeTarget
from tests.support import build, fact_of, facts_of

IDENTITY = "-w /etc/passwd -p wa -k identity\n"


def test_rules_of_both_files_in_natural_order(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/audit/rules.d/10-b.rules": "-w /etc/group -p wa -k identity\n",
            "/etc/audit/rules.d/9-a.rules": IDENTITY,
            "/etc/audit/audit.rules": "-w /etc/stale -p wa\n",
        },
    )
    fact = fact_of(tmp_path, "audit.rules")
    assert [(record["path"], record["source"], record["line"]) for record in fact.value] == [
        ("/etc/passwd", "/etc/audit/rules.d/9-a.rules", 1),
        ("/etc/group", "/etc/audit/rules.d/10-b.rules", 1),
    ]
    assert fact.complete


def test_without_a_folder_the_file_counts(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/audit.rules": IDENTITY})
    assert [record["source"] for record in fact_of(tmp_path, "audit.rules").value] == ["/etc/audit/audit.rules"]


def test_an_empty_folder_empties_the_file(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d": None, "/etc/audit/audit.rules": IDENTITY})
    fact = fact_of(tmp_path, "audit.rules")
    assert (fact.state, fact.value) == ("present", [])


def test_the_unit_may_name_the_file_that_is_loaded(tmp_path: Path) -> None:
    """A drop-in that calls auditctl -R instead of augenrules: the folder is not merged."""
    build(
        tmp_path,
        {
            "/etc/audit/rules.d/a.rules": "-w /etc/group -p wa -k identity\n",
            "/etc/audit/audit.rules": IDENTITY,
            "/usr/lib/systemd/system/audit-rules.service": "[Service]\nExecStart=/usr/bin/augenrules --load\n",
        },
    )
    assert [record["path"] for record in fact_of(tmp_path, "audit.rules").value] == ["/etc/group"]
    drop_in = "[Service]\nExecStart=\nExecStart=-/usr/sbin/auditctl -R /etc/audit/audit.rules\n"
    build(tmp_path, {"/etc/systemd/system/audit-rules.service.d/load.conf": drop_in})
    record = fact_of(tmp_path, "audit.rules").value[0]
    assert (record["path"], record["source"]) == ("/etc/passwd", "/etc/audit/audit.rules")


def test_no_audit_at_all(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), ["audit.rules", "audit.settings", "audit.watches:/etc/passwd"])
    assert {fact.state for fact in facts.values()} == {"absent"}
    assert "rules.d" in (facts["audit.rules"].reason or "")


def test_a_line_auditctl_refuses_leaves_the_rest_open(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/a.rules": IDENTITY + "-w /etc/shadow -p wz\n-e 2\n"})
    facts = facts_of(tmp_path, ["audit.rules", "audit.settings"])
    assert [record["path"] for record in facts["audit.rules"].value] == ["/etc/passwd"]
    assert "a.rules:2" in facts["audit.rules"].gaps[0]
    assert facts["audit.settings"].value["enabled"] is None
    assert not facts["audit.settings"].complete


def test_a_rule_that_exists_already_ends_the_load_for_certain(tmp_path: Path) -> None:
    """The kernel refuses it, so what stands behind it is known not to be there: no gap."""
    build(tmp_path, {"/etc/audit/rules.d/a.rules": IDENTITY + IDENTITY + "-w /etc/shadow -p wa\n-e 2\n"})
    facts = facts_of(tmp_path, ["audit.rules", "audit.settings", "audit.watches:/etc/shadow"])
    assert [record["path"] for record in facts["audit.rules"].value] == ["/etc/passwd"]
    assert not any(fact.gaps for fact in facts.values())
    assert (facts["audit.watches:/etc/shadow"].value, facts["audit.settings"].value["enabled"]) == ([], None)
    assert "exists already" in facts["audit.settings"].value["refused"][0]


def test_fields_stand_as_the_rule_names_them(tmp_path: Path) -> None:
    """What a rule leaves out matches everything; the record still shows what was written."""
    lines = "-a always,exit -F path=/usr/bin/su -F perm=x -F key=a\n-w /usr/bin/su -p x -k b\n"
    build(tmp_path, {"/etc/audit/rules.d/a.rules": lines})
    records = fact_of(tmp_path, "audit.watches:/usr/bin/su").value
    assert [(record["arch"], record["fields"], record["total"]) for record in records] == [
        ("b32", ["path=", "perm="], 4),
        ("b64", ["path=", "perm="], 4),
        ("b32", [], 4),
        ("b64", [], 4),
    ]


@pytest.mark.parametrize(
    ("line", "slash"),
    [
        ("-w /etc/sudoers.d/ -p wa", True),
        ("-w /etc/sudoers.d -p wa", False),
        ("-a always,exit -F dir=/etc/sudoers.d/ -F perm=wa", True),
        ("-a always,exit -F dir=/etc/sudoers.d -F perm=wa -F key=a/", False),
    ],
)
def test_a_slash_at_the_end_of_a_folder_is_kept_apart(tmp_path: Path, line: str, slash: bool) -> None:
    """It means the same, so that both see what lies below."""
    build(tmp_path, {"/etc/audit/rules.d/a.rules": f"{line}\n", "/etc/sudoers.d": None})
    records = fact_of(tmp_path, "audit.watches:/etc/sudoers.d/").value
    assert [record["slash"] for record in records] == [slash, slash]


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/a.rules": IDENTITY, "/etc/audit/rules.d/b.rules": ("link", "b.rules")})
    # It might hold a rule that silences all others.
    assert fact_of(tmp_path, "audit.rules").state == "error"


def test_settings_and_their_place(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/99.rules": "-e 2\n", "/etc/audit/rules.d/10.rules": "-f 2\n-b 64\n-c\n"})
    value = fact_of(tmp_path, "audit.settings").value
    assert (value["enabled"], value["failure"], value["backlog"]) == (2, 2, 64)
    assert value["continue_loading"]
    assert (value["source"], value["line"]) == ("/etc/audit/rules.d/99.rules", 1)


def test_watches_follow_the_links_of_parents(tmp_path: Path) -> None:
    build(
        tmp_path,
        {"/etc/audit/rules.d/a.rules": "-w /sbin/init -p x\n", "/usr/sbin/init": "", "/sbin": ("link", "usr/sbin")},
    )
    value = fact_of(tmp_path, "audit.watches:/usr/sbin/init").value
    assert [(record["arch"], record["path"], record["silenced_by"]) for record in value] == [
        ("b32", "/usr/sbin/init", None),
        ("b64", "/usr/sbin/init", None),
    ]


def test_a_silenced_call_names_its_silencer(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/a.rules": "-a never,task\n-a always,exit -F arch=b64 -S chmod -k x\n"})
    (record,) = fact_of(tmp_path, "audit.calls:chmod").value
    assert record["silenced_by"] == "/etc/audit/rules.d/a.rules:1"


def test_auditing_switched_off_silences_everything(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/a.rules": IDENTITY + "-e 0\n"})
    assert {record["silenced_by"] for record in fact_of(tmp_path, "audit.watches:/etc/passwd").value} == {
        "/etc/audit/rules.d/a.rules:2"
    }


def test_a_file_that_is_out_of_date_is_told(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/audit/rules.d/a.rules": IDENTITY, "/etc/audit/audit.rules": "## generated\n" + IDENTITY})
    assert fact_of(tmp_path, "audit.rules_file").value["matches_rules_d"] is True
    (tmp_path / "etc/audit/audit.rules").write_text("-D\n", encoding="utf-8")
    assert fact_of(tmp_path, "audit.rules_file").value["matches_rules_d"] is False


def test_privileged_programs_are_found_and_matched(tmp_path: Path) -> None:
    rule = "-a always,exit -F arch=b64 -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -k priv\n"
    build(tmp_path, {"/etc/audit/rules.d/a.rules": rule, "/usr/bin/su": "x", "/usr/bin/wall": "x", "/usr/bin/ls": "x"})
    os.chmod(tmp_path / "usr/bin/su", 0o4755)
    os.chmod(tmp_path / "usr/bin/wall", 0o2755)
    os.chmod(tmp_path / "usr/bin/ls", 0o755)
    value = fact_of(tmp_path, "audit.privileged_programs").value
    assert [(record["path"], record["arch"], record["recorded"]) for record in value] == [
        ("/usr/bin/su", "b32", False),
        ("/usr/bin/su", "b64", True),
        ("/usr/bin/wall", "b32", False),
        ("/usr/bin/wall", "b64", False),
    ]


# ---- the kernel's half: the answers of `auditctl -l` and `-s` as recorded on a running system -----------------------


class Answering(TreeRuntime):
    """A running half whose commands answer what a test says; everything else is the tree's."""

    answers: dict[tuple[str, ...], CommandResult]

    def command(self, name: str, *arguments: str) -> CommandResult:
        return self.answers[(name, *arguments)]


def running(root: Path, listing: str, status: str, wanted: list[str], code: int = 0) -> dict[str, Fact]:
    target = TreeTarget(build(root, {"/proc/version": "Linux", "/etc": None}), runtime=True)
    runtime = Answering(target.tree)
    runtime.answers = {
        ("auditctl", "-l"): CommandResult(code, listing.encode(), b"You must be root to run this program."),
        ("auditctl", "-s"): CommandResult(code, status.encode(), b"You must be root to run this program."),
    }
    target.runtime = runtime
    try:
        return collect(target, wanted)[0]
    finally:
        target.close()


def test_loaded_rules_and_status(tmp_path: Path) -> None:
    listing = (
        "-w /etc/passwd -p wa -k identity\n"
        "-a always,exit -F arch=b64 -S chmod,fchmod -F auid>=1000 -F auid!=-1 -F key=perm_mod\n"
    )
    status = "enabled 2\nfailure 1\npid 831\nrate_limit 0\nbacklog_limit 8192\nlost 0\nbacklog 0\nloginuid_immutable 0 unlocked\n"
    wanted = ["audit.loaded", "audit.status", "audit.loaded_calls:chmod", "audit.loaded_watches:/etc/passwd"]
    facts = running(tmp_path, listing, status, wanted)
    assert len(facts["audit.loaded"].value) == 2
    assert facts["audit.loaded_calls:chmod"].value[0]["auid_from"] == 1000
    assert [record["arch"] for record in facts["audit.loaded_watches:/etc/passwd"].value] == ["b32", "b64"]
    assert facts["audit.status"].value == {
        "enabled": 2,
        "failure": 1,
        "backlog": 8192,
        "rate": 0,
        "loginuid_immutable": False,
        "daemon": True,
    }


def test_a_kernel_without_rules(tmp_path: Path) -> None:
    fact = running(tmp_path, "No rules\n", "", ["audit.loaded"])["audit.loaded"]
    assert (fact.state, fact.value) == ("present", [])


@pytest.mark.parametrize(("listing", "code"), [("", 4), ("nonsense\n", 0)])
def test_a_listing_that_says_nothing_is_an_error(tmp_path: Path, listing: str, code: int) -> None:
    facts = running(tmp_path, listing, "junk\n", ["audit.loaded", "audit.status", "audit.loaded_calls:chmod"], code)
    assert {fact.state for fact in facts.values()} == {"error"}


def test_an_image_has_no_kernel(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc": None}), "audit.loaded_calls:chmod")
    assert fact.state == "not_collected"
