"""A whole VelaOS device, hardened and weak: the verdict on every claim of the vendor's paper that rules cover."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fixtures.evidence import freeze
from fixtures.targets import velaos
from fixtures.targets.tree import Device, MemoryDevice, write
from fixtures.targets.velaos.binary import has_policy_compiler
from fixtures.targets.velaos.changes import DEFECTS, HARMLESS, VARIANTS, apply
from scanner.cli import pipeline
from scanner.collectors.take import take
from scanner.engine.content import Content, load
from scanner.frameworks.assess import assess
from scanner.frameworks.inputs import selection
from scanner.frameworks.profiles import profile
from tests.e2e.test_cli import assay

pytestmark = pytest.mark.skipif(not has_policy_compiler(), reason="secilc is not installed: make test installs it")

CLOCK = "2026-01-31T00:00:00Z"
P, Q, R, V, N = "proven", "partly_proven", "refuted", "overclaim", "not_evaluable"

TABLE: dict[str, tuple[str, str, str]] = {
    # claim: (hardened tree with its running half, hardened image, weak tree with its running half)
    # 1, 2: identity and boot chain
    "meta.base-alma10-bootc": (P, P, R),
    "meta.x86-64-uefi": (P, Q, R),
    "boot.secureboot-enabled": (P, N, R),  # the state is in the firmware, an image has none
    "boot.sig-enforce": (P, Q, R),
    "boot.no-unsigned-modules": (Q, Q, R),  # "ever" needs a closed set of keys
    "exec.fapolicyd-trust": (P, Q, R),
    "exec.no-unsigned-root": (V, V, V),
    # 3: updates
    "update.ab-slots": (Q, Q, Q),  # deployments in one file system; their number says nothing about the claim
    "update.greenboot-10": (Q, Q, R),
    "update.auto-rollback": (Q, Q, R),
    "update.before-user": (Q, Q, R),  # the paper contradicts itself
    # whether the checks ran is a matter of systemctl, which a tree has not: see RECORDED
    "gb.selinux-enforcing": (Q, Q, R),
    "gb.firewalld-active": (Q, Q, R),
    "gb.usbguard-active": (Q, Q, R),
    "gb.cosign-verified": (Q, Q, R),
    "gb.agent-heartbeat": (Q, Q, R),
    "gb.luks-mounted": (Q, Q, R),
    "gb.selinux-config": (Q, Q, R),
    "gb.lockdown": (Q, Q, R),
    "gb.network-online": (Q, Q, R),
    "gb.kiosk-alive": (Q, Q, R),
    # 4: kernel and userspace
    "kernel.lockdown": (P, Q, R),
    "kernel.init-on-alloc": (P, Q, R),
    "kernel.init-on-free": (P, Q, R),
    "kernel.slab-nomerge": (P, Q, R),
    "kernel.page-alloc-shuffle": (P, Q, R),
    "kernel.vsyscall-none": (P, Q, R),
    "kernel.kstack-offset": (P, Q, R),
    "kernel.mitigations-nosmt": (P, Q, R),
    "kernel.ima-tcb": (P, Q, R),
    "kernel.evm": (Q, Q, R),  # deployments carry no EVM attributes
    "kernel.kernel-enforced": (V, V, V),  # tcb measures, and enforces nothing
    "selinux.enforcing": (P, Q, R),
    "selinux.agent-domain": (P, Q, R),
    "selinux.shell-domain": (P, Q, R),
    "selinux.kiosk-domain": (P, Q, R),
    "selinux.app-domains": (Q, Q, R),
    "exec.deny-tmp": (P, Q, R),
    "exec.deny-var-tmp": (P, Q, R),
    "exec.deny-dev-shm": (P, Q, R),
    "usb.default-block": (P, Q, R),
    "usb.allow-classes": (Q, Q, R),
    "usb.storage-reject": (P, Q, R),
    # 5, 6: what needs the headers of block devices, which a tree has not
    "id.pcr11-effective": (R, N, R),  # shim and GRUB never extend PCR 11: the paper's own contradiction
    "disk.luks2-root": (Q, N, R),  # sysfs names the mapping below the root; nobody saw the header
    "disk.argon2id-128-3": (N, N, N),
    "disk.clevis-tpm2": (N, N, N),
    "disk.pcr7": (N, N, N),
    "disk.pcr11": (N, N, N),
    "disk.fw-update-invalidates": (N, N, N),
    "disk.sb-change-invalidates": (N, N, N),
    "disk.recovery-passphrase": (N, N, N),
    "disk.slot-rotation": (N, N, N),
    # 7: network
    "net.target-drop": (Q, Q, R),
    "net.no-listen": (Q, Q, R),  # TCP proven, UDP in part
    "net.sshd-masked": (Q, Q, R),
    "net.no-inbound-channel": (Q, Q, R),
    "net.outbound-tunnel": (Q, Q, R),
    "net.8021x-methods": (Q, Q, R),
    "net.8021x-creds": (Q, Q, R),
    # 8: supply chain
    "supply.verify-before-run": (Q, Q, R),
    "supply.bootc-verifies": (Q, Q, R),
}

RECORDED = {
    # what nft, systemctl and bootc say on the device itself, in the frozen evidence
    **{name: P for name in TABLE if name.startswith("gb.")},
    "net.target-drop": P,
    "net.sshd-masked": P,
    "supply.bootc-verifies": P,
}
"""Claims of the hardened device that only its own commands prove."""

WORST = (R, V, N, Q, P)
"""A claim that several rules cover is worth what the worst of them says."""


@cache
def content() -> Content:
    return load(cache=False)


@cache
def covered() -> frozenset[str]:
    """Claims that a rule decides."""
    book = content()
    known, selected = selection(book, [profile(book, "velaos")], {})
    del known
    return frozenset(claim for one in selected.instances.values() for claim in one.rule.mappings["velaos"])


def verdicts(results: list[dict[str, Any]]) -> dict[str, str]:
    """Claim to verdict, of an assessment's results."""
    found: dict[str, list[str]] = {}
    for result in results:
        for claim in content().rules[result["rule"]].mappings["velaos"]:
            found.setdefault(claim.removeprefix("velaos."), []).append(result["claim_verdict"])
    return {claim: min(those, key=WORST.index) for claim, those in found.items()}


@cache
def of_device(changed: str = "") -> dict[str, str]:
    """Verdicts on the hardened device as it sees itself, with one change."""
    book = content()
    profiles = [profile(book, "velaos")]
    known, selected = selection(book, profiles, {})
    changes = {**DEFECTS, **{name: defect for name, (_, defect) in (VARIANTS | HARMLESS).items()}}
    device = velaos.hardened()
    if changed:
        device = apply(device, [changes[changed]])
    snapshot = take(MemoryDevice(device), pipeline.wanted_facts(selected))
    judged = assess(snapshot, book, known, profiles, selected, now=CLOCK)
    return verdicts([{"rule": one.rule, "claim_verdict": one.claim_verdict} for one in judged.results])


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    devices: dict[str, Device] = {"hardened": velaos.hardened(), "weak": velaos.weak()}
    return {name: write(tmp_path_factory.mktemp(name), device.files) for name, device in devices.items()}


def scan(tree: Path, *more: str) -> dict[str, str]:
    done = assay("scan", str(tree), "--profile", "velaos", "--clock", CLOCK, "--json", "-q", *more)
    assert done.returncode in (0, 3), done.stderr
    return verdicts(json.loads(done.stdout)["results"])


def differences(found: dict[str, str], column: int) -> dict[str, tuple[str, str]]:
    """Claim: (expected, found)."""
    return {claim: (row[column], found[claim]) for claim, row in TABLE.items() if found[claim] != row[column]}


def test_the_table_names_every_claim_that_rules_cover() -> None:
    assert {f"velaos.{claim}" for claim in TABLE} == covered()


def test_the_hardened_device_while_it_runs(trees: dict[str, Path]) -> None:
    assert differences(scan(trees["hardened"], "--runtime"), 0) == {}


def test_the_hardened_image(trees: dict[str, Path]) -> None:
    assert differences(scan(trees["hardened"]), 1) == {}


def test_the_weak_device_while_it_runs(trees: dict[str, Path]) -> None:
    assert differences(scan(trees["weak"], "--runtime"), 2) == {}


def test_the_weak_image_proves_nothing_but_what_the_files_show(trees: dict[str, Path]) -> None:
    found = scan(trees["weak"])
    assert P not in found.values()
    # Only in the running half or in a firmware variable: the files of these are right.
    running = {"meta.x86-64-uefi", "kernel.evm", "selinux.agent-domain", "selinux.app-domains", "update.ab-slots"}
    assert {claim for claim, verdict in found.items() if verdict == Q} == running


@pytest.mark.parametrize("name", sorted(freeze.DEVICES))
def test_the_frozen_evidence_gives_the_same_verdicts(name: str) -> None:
    done = assay("evaluate", str(freeze.path(name)), "--profile", "velaos", "--clock", CLOCK, "--json", "-q")
    assert done.returncode in (0, 3), done.stderr
    found = verdicts(json.loads(done.stdout)["results"])
    if name == "velaos-weak":
        assert differences(found, 2) == {}
        return
    expected = {claim: RECORDED.get(claim, row[0]) for claim, row in TABLE.items()}
    assert found == expected == of_device()


@pytest.mark.parametrize("claim", sorted(DEFECTS))
def test_one_defect_refutes_its_claim(claim: str) -> None:
    short = claim.removeprefix("velaos.")
    assert of_device()[short] in (P, Q)
    assert of_device(claim)[short] == R


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_more_ways_to_be_wrong(name: str) -> None:
    short = VARIANTS[name][0].removeprefix("velaos.")
    assert of_device()[short] in (P, Q)
    assert of_device(name)[short] == R


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_what_only_looks_wrong_refutes_nothing(name: str) -> None:
    assert of_device(name) == of_device()


def test_every_claim_that_can_be_refuted_has_a_defect() -> None:
    refutable = {claim for claim, row in TABLE.items() if R in row and row[0] != R}
    assert refutable == {claim.removeprefix("velaos.") for claim in DEFECTS}
