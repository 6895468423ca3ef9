"""Deployments, their origin, and the policy that verifies their images."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.support import Content, build, fact_of, facts_of

CSUM = "ab" * 32
DEPLOY = f"/ostree/deploy/default/deploy/{CSUM}"
SIGNED = {"type": "sigstoreSigned", "keyPath": "/etc/pki/vela.pub", "signedIdentity": {"type": "matchRepository"}}


def origin(reference: str) -> str:
    return f"[origin]\ncontainer-image-reference={reference}\n"


def policy(scopes: Mapping[str, object], default: str = "reject") -> str:
    return json.dumps({"default": [{"type": default}], "transports": {"docker": dict(scopes)}})


BASE: dict[str, Content] = {
    "/ostree/repo/config": "",
    f"{DEPLOY}.0/usr/x": "",
    f"{DEPLOY}.0.origin": origin("ostree-image-signed:docker://quay.io/vela/os:stable"),
    f"{DEPLOY}.1/usr/x": "",
    f"{DEPLOY}.1.origin": origin("ostree-unverified-registry:quay.io/vela/os:stable"),
    "/ostree/boot.1/default/cc/0": ("link", f"../../../deploy/default/deploy/{CSUM}.0"),
    "/boot/loader/entries/ostree-2.conf": "title x\noptions root=x ostree=/ostree/boot.1/default/cc/0\n",
    "/etc/containers/policy.json": policy({"quay.io/vela": [SIGNED]}),
    "/etc/pki/vela.pub": "-----BEGIN PUBLIC KEY-----\n",
    "/etc/containers/registries.d/vela.yaml": "docker:\n  quay.io/vela:\n    use-sigstore-attachments: true\n",
}


def test_deployments(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, BASE), "ostree.deployments")
    first, second = fact.value
    assert (first["verification"], first["policy_demands"], first["policy_scope"]) == (
        "policy",
        "signature",
        "quay.io/vela",
    )
    assert first["boot_entry"] == "/boot/loader/entries/ostree-2.conf"
    assert (second["verification"], second["boot_entry"], second["serial"]) == ("none", None, 1)


def test_policy_and_registries(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, BASE), ["containers.policy", "containers.registries"])
    default, scope = facts["containers.policy"].value
    assert (default["transport"], default["demands"]) == (None, "reject")
    assert (scope["demands"], scope["keys_found"], scope["attachments"]) == ("signature", True, True)
    assert facts["containers.registries"].value[0]["scope"] == "quay.io/vela"


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    root = build(tmp_path, BASE)
    (root / "etc/pki/vela.pub").write_text("")
    assert not fact_of(root, "containers.policy").value[1]["keys_found"]


def test_the_weakest_policy_counts(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/root/.config/containers/policy.json": policy({}, "insecureAcceptAnything")}
    fact = fact_of(build(tmp_path, {**BASE, **files}), "ostree.deployments")
    assert fact.value[0]["policy_demands"] == "nothing"


def test_broken_policy_and_origin(tmp_path: Path) -> None:
    root = build(tmp_path, BASE)
    (root / "etc/containers/policy.json").write_text("{")
    assert fact_of(root, "containers.policy").state == "error"
    fact = fact_of(root, "ostree.deployments")
    assert fact.value[0]["policy_demands"] is None
    assert fact.gaps
    (root / f"{DEPLOY.lstrip('/')}.0.origin").write_text("nonsense\n")
    assert fact_of(root, "ostree.deployments").value[0]["verification"] is None


def test_composefs_backend(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/sysroot/composefs/meta.json": "{}",
        "/sysroot/state/deploy/beef/beef.origin": origin("ostree-image-signed:registry:quay.io/x"),
    }
    (record,) = fact_of(build(tmp_path, files), "ostree.deployments").value
    assert (record["backend"], record["checksum"], record["image"]) == ("composefs", "beef", "quay.io/x")


def test_absent(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/x": ""})
    facts = facts_of(root, ["ostree.deployments", "containers.policy", "ostree.prepare_root"])
    assert {fact.state for fact in facts.values()} == {"absent"}
    assert fact_of(root, "containers.registries").value == []


def test_prepare_root(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/ostree/prepare-root.conf": "[composefs]\nenabled = signed\n[sysroot]\nreadonly=true\n",
        "/etc/ostree/initramfs-root-binding.key": "k",
    }
    value = fact_of(build(tmp_path, files), "ostree.prepare_root").value
    assert (value["composefs"], value["key_found"], value["sysroot_readonly"]) == ("signed", True, True)
    broken = build(tmp_path / "b", {"/usr/lib/ostree/prepare-root.conf": "nonsense\n"})
    assert fact_of(broken, "ostree.prepare_root").state == "error"


def test_running_half(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/cmdline": "root=/dev/vda3 ro\n"})
    assert fact_of(root, "ostree.booted", runtime=True).value is False
    assert fact_of(root, "bootc.status", runtime=True).state == "absent"
    (root / "run").mkdir()
    (root / "run/ostree-booted").write_text("")
    assert fact_of(root, "ostree.booted", runtime=True).value is True
    # A tree cannot be asked for the status.
    assert fact_of(root, "bootc.status", runtime=True).state == "not_collected"
    assert fact_of(root, "ostree.booted").state == "not_collected"
