"""SELinux and AppArmor facts from trees."""

from __future__ import annotations

import bz2
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import Content, build, fact_of, facts_of

CONFIG = "SELINUX=enforcing\nSELINUXTYPE=targeted\n"
BASE = "/etc/selinux/targeted"
MODULES = "/var/lib/selinux/targeted/active/modules"
POLICY = """(handleunknown allow) (class file (read)) (classorder (file)) (sid kernel) (sidorder (kernel))
(user u) (role r) (type kernel_t) (type agent_t) (roletype r kernel_t) (userrole u r)
(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(level low (s0)) (levelrange lh (low low)) (userlevel u low) (userrange u lh)
(sidcontext kernel (u r kernel_t lh)) (allow agent_t kernel_t (file (read)))
(boolean selinuxuser_execheap false)
(booleanif selinuxuser_execheap (true (allow agent_t agent_t (file (read)))))
(typepermissive agent_t)
"""


@pytest.fixture
def policy(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A binary policy with one permissive type, made by the real compiler."""
    if shutil.which("secilc") is None:
        pytest.skip("secilc is not installed: make test installs it")
    folder = tmp_path_factory.mktemp("policy")
    (folder / "p.cil").write_text(POLICY, encoding="utf-8")
    command = ["secilc", "-c", "33", "-o", str(folder / "p"), "-f", str(folder / "fc"), str(folder / "p.cil")]
    subprocess.run(command, check=True)
    return (folder / "p").read_bytes()


def test_a_policy_with_a_permissive_type(tmp_path: Path, policy: bytes) -> None:
    build(
        tmp_path, {"/etc/selinux/config": CONFIG, f"{BASE}/policy/policy.33": policy, f"{BASE}/policy/policy.9": b"old"}
    )
    wanted = ["selinux.config", "selinux.policy", "selinux.type:agent_t", "selinux.type:none_t", "selinux.booleans"]
    facts = facts_of(tmp_path, wanted)
    assert facts["selinux.config"].value["mode"] == "enforcing"
    value = facts["selinux.policy"].value
    assert (value["path"], value["permissive_types"]) == (f"{BASE}/policy/policy.33", ["agent_t"])
    assert (value["handle_unknown"], value["types"]) == ("allow", 2)
    assert facts["selinux.type:agent_t"].value["permissive"] is True
    assert facts["selinux.type:none_t"].value["defined"] is False
    assert facts["selinux.booleans"].value == [
        {"name": "selinuxuser_execheap", "value": False, "source": f"{BASE}/policy/policy.33"}
    ]


def test_enforcing_without_a_policy(tmp_path: Path) -> None:
    facts = facts_of(
        build(tmp_path, {"/etc/selinux/config": CONFIG}), ["selinux.config", "selinux.policy", "selinux.type:x"]
    )
    assert facts["selinux.config"].state == "present"
    assert {facts["selinux.policy"].state, facts["selinux.type:x"].state} == {"absent"}
    assert "no compiled policy" in (facts["selinux.policy"].reason or "")


def test_no_selinux_at_all(tmp_path: Path) -> None:
    names = ["selinux.config", "selinux.policy", "selinux.booleans", "selinux.modules_permissive"]
    facts = facts_of(build(tmp_path, {"/etc": None}), names)
    assert {fact.state for fact in facts.values()} == {"absent"}
    assert fact_of(tmp_path, "selinux.autorelabel").value is False


def test_malformed_files_are_errors(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/selinux/config": CONFIG, f"{BASE}/policy/policy.33": b"\x8c\xff\x7c\xf9 and no more"})
    assert fact_of(tmp_path, "selinux.policy").state == "error"
    (tmp_path / "etc/selinux/config").write_text("SELINUXTYPE=../../etc\n", encoding="utf-8")
    assert fact_of(tmp_path, "selinux.config").state == "error"


def module(priority: int, name: str, text: str, *, packed: bool = True) -> dict[str, Content]:
    data = bz2.compress(text.encode()) if packed else text.encode()
    return {f"{MODULES}/{priority}/{name}/cil": data}


def test_permissive_statements_of_active_modules(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/selinux/config": CONFIG,
            **module(400, "permissive_a_t", "(typepermissive a_t)"),
            **module(100, "low", "(typepermissive low_t)", packed=False),
            **module(200, "low", "(type x_t)"),
            **module(100, "off", "(typepermissive off_t)"),
            f"{MODULES}/disabled/off": "",
        },
    )
    assert fact_of(tmp_path, "selinux.modules_permissive").value == [
        {
            "type": "a_t",
            "module": "permissive_a_t",
            "priority": 400,
            "source": f"{MODULES}/400/permissive_a_t/cil",
            "line": 1,
        }
    ]


def test_the_store_of_ostree_systems_and_of_semanage_conf(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/selinux/config": CONFIG,
            "/etc/selinux/semanage.conf": "# x\nstore-root = /srv/store # here\n",
            "/srv/store/targeted/active/modules/100/m/cil": "(typepermissive m_t)",
            "/etc/selinux/targeted/active/modules/100/n/cil": "(typepermissive n_t)",
        },
    )
    assert [record["type"] for record in fact_of(tmp_path, "selinux.modules_permissive").value] == ["m_t"]


def test_a_damaged_module_is_a_gap(tmp_path: Path) -> None:
    build(
        tmp_path, {"/etc/selinux/config": CONFIG, f"{MODULES}/100/bad/cil": b"BZh9 not", f"{MODULES}/100/hll/hll": b"x"}
    )
    fact = fact_of(tmp_path, "selinux.modules_permissive")
    assert (fact.value, len(fact.gaps)) == ([], 2)


CONTEXTS = "/usr/bin/.* -- system_u:object_r:bin_t:s0\n/usr/bin/agent -- system_u:object_r:agent_exec_t:s0\n"


def test_labels_expected_and_found(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/selinux/config": CONFIG,
            f"{BASE}/contexts/files/file_contexts": CONTEXTS,
            f"{BASE}/contexts/files/file_contexts.subs_dist": "/opt/bin /usr/bin\n",
            "/usr/bin/agent": "",
            "/opt/bin/agent": "",
        },
    )
    value = fact_of(tmp_path, "selinux.contexts:/opt/bin/agent").value
    assert (value["expected_type"], value["actual"], value["matches"], value["line"]) == (
        "agent_exec_t",
        None,
        False,
        2,
    )
    if os.getuid() == 0:
        os.setxattr(tmp_path / "usr/bin/agent", "security.selinux", b"system_u:object_r:agent_exec_t:s0\0")
        value = fact_of(tmp_path, "selinux.contexts:/usr/bin/agent").value
        assert (value["actual_type"], value["matches"]) == ("agent_exec_t", True)
    assert fact_of(tmp_path, "selinux.contexts:/usr/bin/none").state == "absent"


def test_a_label_without_a_policy_to_expect_one(tmp_path: Path) -> None:
    value = fact_of(build(tmp_path, {"/usr/bin/agent": ""}), "selinux.contexts:/usr/bin/agent").value
    assert (value["expected"], value["actual"], value["matches"]) == (None, None, False)


def test_autorelabel(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/.autorelabel": ""}), "selinux.autorelabel").value is True


# ---- the running half ------------------------------------------------------------------------------------------------

RUNNING: dict[str, Content] = {
    "/sys/fs/selinux/enforce": "1",
    "/sys/fs/selinux/mls": "1",
    "/sys/fs/selinux/deny_unknown": "0",
    "/sys/fs/selinux/reject_unknown": "0",
    "/sys/fs/selinux/policyvers": "33",
    "/sys/fs/selinux/booleans/selinuxuser_execheap": "0 1",
    "/proc/1/attr/current": "system_u:system_r:init_t:s0\0",
    "/proc/1/comm": "systemd\n",
    "/proc/20/attr/current": "system_u:system_r:agent_t:s0",
    "/proc/20/comm": "agent\n",
    "/proc/21/attr/current": "system_u:system_r:agent_t:s0",
    "/proc/21/comm": "agent\n",
    "/proc/22/comm": "gone\n",
    "/proc/sys/x": "",
}


def test_an_enforcing_kernel(tmp_path: Path) -> None:
    names = ["selinux.status", "selinux.boolean_values", "selinux.processes"]
    facts = facts_of(build(tmp_path, RUNNING), names, runtime=True)
    assert facts["selinux.status"].value == {
        "enabled": True,
        "mode": "enforcing",
        "mls": True,
        "deny_unknown": False,
        "reject_unknown": False,
        "policy_version": "33",
    }
    assert facts["selinux.boolean_values"].value == [{"name": "selinuxuser_execheap", "value": False, "pending": True}]
    assert [(one["command"], one["domain"]) for one in facts["selinux.processes"].value] == [
        ("agent", "agent_t"),
        ("systemd", "init_t"),
    ]
    assert facts["selinux.processes"].evidence[-1].source == "/proc/*/attr/current"


def test_a_kernel_without_selinux(tmp_path: Path) -> None:
    names = ["selinux.status", "selinux.boolean_values", "selinux.processes"]
    facts = facts_of(build(tmp_path, {"/proc/1/comm": "init\n", "/sys/x": ""}), names, runtime=True)
    assert (facts["selinux.status"].value["enabled"], facts["selinux.status"].value["mode"]) == (False, "disabled")
    assert {facts["selinux.processes"].state, facts["selinux.boolean_values"].state} == {"absent"}


def test_garbage_in_enforce_is_no_mode(tmp_path: Path) -> None:
    build(tmp_path, {"/sys/fs/selinux/enforce": "maybe", "/proc/x": ""})
    assert fact_of(tmp_path, "selinux.status", runtime=True).value["mode"] is None


def test_an_image_has_no_running_half(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, RUNNING), ["selinux.status", "selinux.processes", "apparmor.status"])
    assert {fact.state for fact in facts.values()} == {"not_collected"}


def test_apparmor_profiles(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/etc/apparmor.d/usr.bin.man": "profile man /usr/bin/man {\n}\n",
            "/etc/apparmor.d/lenient": "# flags=(complain)\nprofile x /x flags=(attach_disconnected, complain) {\n}\n",
            "/etc/apparmor.d/off": "profile off /off {\n}\n",
            "/etc/apparmor.d/disable/off": ("link", "/etc/apparmor.d/off"),
            "/etc/apparmor.d/tunables/global": "",
        },
    )
    value = fact_of(tmp_path, "apparmor.profiles").value
    assert [(one["name"], one["mode"]) for one in value] == [
        ("lenient", "complain"),
        ("off", "disabled"),
        ("usr.bin.man", "enforce"),
    ]
    assert fact_of(build(tmp_path / "none", {"/etc": None}), "apparmor.profiles").state == "absent"


def test_apparmor_running(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "/sys/module/apparmor/parameters/enabled": "Y\n",
            "/sys/kernel/security/apparmor/profiles": "man (enforce)\nx y (complain)\n/usr/bin/z (kill)\nodd\n",
        },
    )
    assert fact_of(tmp_path, "apparmor.status", runtime=True).value == {
        "enabled": True,
        "profiles": 3,
        "enforcing": 2,
        "complaining": 1,
    }
