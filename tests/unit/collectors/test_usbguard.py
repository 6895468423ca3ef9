"""USBGuard facts from trees."""

from __future__ import annotations

from pathlib import Path

from tests.support import Content, build, fact_of, facts_of

CONFIG = "/etc/usbguard/usbguard-daemon.conf"
SETTINGS = "# c\nRuleFile=/etc/usbguard/rules.conf\nRuleFolder=/etc/usbguard/rules.d/\nImplicitPolicyTarget = reject\n"


def tree(root: Path, rules: str = "", extra: dict[str, Content] | None = None, settings: str = SETTINGS) -> Path:
    return build(root, {CONFIG: settings, "/etc/usbguard/rules.conf": rules, **(extra or {})})


def test_settings_with_defaults(tmp_path: Path) -> None:
    value = fact_of(tree(tmp_path), "usbguard.settings").value
    assert value["implicit_policy_target"] == "reject"
    assert value["present_device_policy"] == "apply-policy"
    assert value["present_controller_policy"] == "keep"
    assert value["authorized_default"] == "none"
    assert value["audit_backend"] is None
    assert value["lines"] == {"ImplicitPolicyTarget": 4, "RuleFile": 2, "RuleFolder": 3}


def test_who_may_talk_to_the_daemon(tmp_path: Path) -> None:
    value = fact_of(tree(tmp_path / "a"), "usbguard.settings").value
    assert (value["ipc_users"], value["ipc_groups"], value["ipc_files"], value["ipc_names"]) == ([], [], None, [])
    settings = f"{SETTINGS}IPCAccessControlFiles=/etc/usbguard/IPCAccessControl.d/\n"
    value = fact_of(tree(tmp_path / "b", settings=settings), "usbguard.settings").value
    assert value["ipc_names"] == []
    files: dict[str, Content] = {
        f"/etc/usbguard/IPCAccessControl.d/{name}": "Devices=ALL\n" for name in ("joe", ":wheel")
    }
    value = fact_of(tree(tmp_path / "c", extra=files, settings=settings), "usbguard.settings").value
    assert value["ipc_names"] == [":wheel", "joe"]


def test_nothing_set_means_block(tmp_path: Path) -> None:
    build(tmp_path, {CONFIG: "AuditFilePath=/var/log/x\nIPCAllowedUsers=root joe\n"})
    value = fact_of(tmp_path, "usbguard.settings").value
    assert (value["implicit_policy_target"], value["audit_backend"], value["ipc_users"]) == (
        "block",
        "FileAudit",
        ["root", "joe"],
    )
    assert fact_of(tmp_path, "usbguard.rules").value == []


def test_not_installed(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), ["usbguard.settings", "usbguard.rules", "usbguard.classes"])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_settings_the_daemon_refuses(tmp_path: Path) -> None:
    for number, line in enumerate(("Colour=red", "ImplicitPolicyTarget=maybe", "no equal sign", " # indented")):
        root = tree(tmp_path / str(number), settings=line + "\n")
        assert fact_of(root, "usbguard.settings").state == "error"


def test_every_file_of_the_folder_counts_after_the_rule_file(tmp_path: Path) -> None:
    extra: dict[str, Content] = {
        "/etc/usbguard/rules.d/20-b.conf": "allow with-interface 03:*:*\n",
        "/etc/usbguard/rules.d/10-a.conf.bak": "allow\n",
        "/etc/usbguard/rules.d/sub": None,
    }
    value = fact_of(tree(tmp_path, "reject with-interface one-of { 08:*:* }\n", extra), "usbguard.rules").value
    assert [(rule["position"], rule["target"], rule["source"].rsplit("/", 1)[1]) for rule in value] == [
        (1, "reject", "rules.conf"),
        (2, "allow", "10-a.conf.bak"),
        (3, "allow", "20-b.conf"),
    ]
    assert [rule["admits_everything"] for rule in value] == [False, True, False]
    assert [rule["admits_storage"] for rule in value] == [False, False, False]


def test_a_missing_rule_file_is_absent_and_a_bad_rule_an_error(tmp_path: Path) -> None:
    """Without its file the daemon does not start: there are no rules, which is known. A bad rule may be a newer one."""
    for name in ("usbguard.rules", "usbguard.classes"):
        fact = fact_of(build(tmp_path / "a", {CONFIG: SETTINGS}), name)
        assert (fact.state, "does not exist" in (fact.reason or "")) == ("absent", True)
    fact = fact_of(tree(tmp_path / "b", "allow\nallow with-interface 3:0:1\n"), "usbguard.classes")
    assert fact.state == "error"
    assert "line 2" in (fact.reason or "")


def test_classes(tmp_path: Path) -> None:
    text = "reject with-interface one-of { 08:*:* }\nallow with-interface one-of { 03:*:* 0b:*:* }\n"
    value = fact_of(tree(tmp_path, text), "usbguard.classes").value
    assert [(one["name"], one["decision"], one["explicit"], one["line"]) for one in value] == [
        ("audio", "reject", False, None),
        ("hid", "allow", True, 2),
        ("storage", "reject", True, 1),
        ("smart-card", "allow", True, 2),
        ("video", "reject", False, None),
    ]


def test_controllers(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/sys/bus/usb/devices/usb1/authorized_default": "0\n",
            "/sys/bus/usb/devices/usb2/authorized_default": "1\n",
            "/sys/bus/usb/devices/1-1/authorized": "1\n",
        },
    )
    value = fact_of(tmp_path, "usb.controllers", runtime=True).value
    assert [(one["name"], one["authorized_default"]) for one in value] == [("usb1", "0"), ("usb2", "1")]
    assert fact_of(tmp_path, "usb.controllers").state == "not_collected"


def test_a_machine_without_usb(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/sys/x": ""}), "usb.controllers", runtime=True).value == []


def test_a_refused_setting_says_why(tmp_path: Path) -> None:
    settings = f"{SETTINGS}AuditBackend=None\n"
    facts = facts_of(tree(tmp_path / "a", settings=settings), ["usbguard.settings", "usbguard.refused"])
    assert (facts["usbguard.settings"].state, len(facts["usbguard.refused"].value)) == ("error", 1)
    assert fact_of(tree(tmp_path / "b"), "usbguard.refused").value == []
    assert fact_of(build(tmp_path / "c", {"/etc": None}), "usbguard.refused").state == "absent"
