"""What the running kernel reports about its own protections."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import Content, build, fact_of

SECURITY = "/sys/kernel/security"
CPU = "/sys/devices/system/cpu"
SHUFFLE = "/sys/module/page_alloc/parameters/shuffle"
TCB = "measure func=BPRM_CHECK mask=MAY_EXEC\n"


@pytest.mark.parametrize(
    ("name", "files", "wanted"),
    [
        ("kernel.lockdown", {f"{SECURITY}/lockdown": "none integrity [confidentiality]\n"}, "confidentiality"),
        ("kernel.module_signatures_enforced", {"/sys/module/module/parameters/sig_enforce": "Y\n"}, True),
        ("kernel.page_alloc_shuffle", {SHUFFLE: "N\n"}, False),
        (
            "kernel.taints",
            {"/proc/sys/kernel/tainted": "12288\n"},
            {"value": 12288, "reasons": ["out-of-tree module", "unsigned module"]},
        ),
        (
            "kernel.ima",
            {f"{SECURITY}/ima/violations": "0\n", f"{SECURITY}/ima/runtime_measurements_count": "812\n"},
            {"measuring": True, "policy_readable": False},
        ),
        (
            "kernel.ima",
            {
                f"{SECURITY}/ima/violations": "0\n",
                f"{SECURITY}/ima/runtime_measurements_count": "1\n",
                f"{SECURITY}/ima/policy": TCB,
            },
            {"measuring": False, "policy_readable": True},
        ),
        (
            "kernel.evm",
            {f"{SECURITY}/evm": "3\n"},
            {"state": 3, "hmac": True, "signatures": True, "metadata_writes": False},
        ),
        (
            "kernel.vulnerabilities",
            {f"{CPU}/vulnerabilities/mds": "Mitigation: Clear CPU buffers; SMT vulnerable\n"},
            [{"name": "mds", "status": "vulnerable", "detail": "Mitigation: Clear CPU buffers; SMT vulnerable"}],
        ),
        (
            "kernel.smt",
            {f"{CPU}/smt/active": "0\n", f"{CPU}/smt/control": "off\n"},
            {"active": False, "control": "off"},
        ),
        ("kernel.vsyscall", {"/proc/self/maps": "55d0-55d1 rw-p 0 00:00 0 [heap]\n"}, "none"),
        ("kernel.cpu_flags", {"/proc/cpuinfo": "flags : nx fpu\n"}, ["fpu", "nx"]),
    ],
)
def test_present(tmp_path: Path, name: str, files: dict[str, Content], wanted: Json) -> None:
    fact = fact_of(build(tmp_path, {"/sys/x": "", **files}), name, runtime=True)
    assert (fact.state, fact.value, fact.facet) == ("present", wanted, "runtime")
    assert fact.evidence


SECURITY_FACTS = ("kernel.lockdown", "kernel.ima", "kernel.ima.policy", "kernel.evm")
OTHERS = (
    "kernel.module_signatures_enforced",
    "kernel.page_alloc_shuffle",
    "kernel.taints",
    "kernel.vulnerabilities",
    "kernel.smt",
    "kernel.vsyscall",
    "kernel.cpu_flags",
)


@pytest.mark.parametrize("name", SECURITY_FACTS)
def test_without_securityfs_nobody_can_say(tmp_path: Path, name: str) -> None:
    build(tmp_path, {SECURITY: None})
    assert fact_of(tmp_path, name, runtime=True).state == "not_collected"
    build(tmp_path, {f"{SECURITY}/lsm": "capability,yama"})
    assert fact_of(tmp_path, name, runtime=True).state == "absent"


@pytest.mark.parametrize("name", OTHERS)
def test_absent(tmp_path: Path, name: str) -> None:
    fact = fact_of(build(tmp_path, {"/sys/x": ""}), name, runtime=True)
    assert fact.state == "absent" and fact.reason


@pytest.mark.parametrize("name", SECURITY_FACTS + OTHERS)
def test_nothing_of_it_on_an_image(tmp_path: Path, name: str) -> None:
    build(tmp_path, {f"{SECURITY}/lockdown": "[none]\n", SHUFFLE: "Y\n", "/proc/cpuinfo": "flags : nx\n"})
    assert fact_of(tmp_path, name).state == "not_collected"


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("kernel.lockdown", f"{SECURITY}/lockdown", "confidentiality\n"),
        ("kernel.module_signatures_enforced", "/sys/module/module/parameters/sig_enforce", "\n"),
        ("kernel.taints", "/proc/sys/kernel/tainted", "many\n"),
        ("kernel.ima.policy", f"{SECURITY}/ima/policy", "allow\n"),
        ("kernel.evm", f"{SECURITY}/evm", "on\n"),
        ("kernel.cpu_flags", "/proc/cpuinfo", "model name : x\n"),
    ],
)
def test_malformed(tmp_path: Path, name: str, path: str, text: str) -> None:
    fact = fact_of(build(tmp_path, {"/sys/x": "", path: text}), name, runtime=True)
    assert fact.state == "error"
    assert (fact.reason or "").startswith("malformed")


def test_ima_policies(tmp_path: Path) -> None:
    build(tmp_path, {f"{SECURITY}/ima/policy": TCB, "/etc/ima/ima-policy": "# x\nappraise func=BPRM_CHECK\n"})
    running = fact_of(tmp_path, "kernel.ima.policy", runtime=True).value
    assert isinstance(running, list)
    assert (running[0]["action"], running[0]["func"], running[0]["mask"]) == ("measure", "BPRM_CHECK", "MAY_EXEC")
    configured = fact_of(tmp_path, "kernel.ima.configured").value
    assert isinstance(configured, list)
    assert (configured[0]["action"], configured[0]["line"]) == ("appraise", 2)


def test_no_configured_ima_policy(tmp_path: Path) -> None:
    assert fact_of(tmp_path, "kernel.ima.configured").state == "absent"
    build(tmp_path, {"/etc/ima/ima-policy": "nonsense\n"})
    assert fact_of(tmp_path, "kernel.ima.configured").state == "error"
