"""The same system read live (inside a chroot with its own mounts) and as a tree: the same facts, runtime ones apart."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.cli.pyz import build
from scanner.collectors.registry import spec_of

ROOT = Path(__file__).parents[2]

NEEDS_DEVICES = {"block.devices", "luks.volumes", "luks.tpm_bindings", "storage.root_volume"}
"""Facts about block devices: a tree has none (not_collected), whatever a live system finds."""


def _live(root: Path) -> dict[str, object]:
    """The snapshot taken by the portable collector running inside the system."""
    (root / "opt/assay-collect.pyz").write_bytes(build())
    script = (
        f"mount -t proc proc {root}/proc && mount --rbind /sys {root}/sys && mount -t tmpfs tmpfs {root}/run && "
        f"exec chroot {root} python3 -I -S /opt/assay-collect.pyz"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script], capture_output=True, timeout=120
    )
    if done.stderr.startswith(b"unshare:"):
        pytest.skip(f"no mount namespace can be made here: {done.stderr.decode().strip()}")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.xdist_group("debian")
def test_live_equals_tree(debian: Path) -> None:
    live = _live(debian)
    command = [sys.executable, "-m", "scanner.cli.main", "collect", str(debian), "--quiet"]
    tree = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)
    assert (live["target"]["kind"], tree["target"]["kind"]) == ("live", "tree")
    assert live["target"]["identity"] == tree["target"]["identity"]
    assert set(live["facts"]) == set(tree["facts"])
    compared = 0
    different = []
    for name, fact in tree["facts"].items():
        spec = spec_of(name)
        assert spec is not None
        if spec.facet == "runtime":
            assert fact["state"] == "not_collected", f"{name}: a tree has no running half"
            continue
        if spec.name in NEEDS_DEVICES:
            assert fact["state"] == "not_collected"
            continue
        compared += 1
        if fact != live["facts"][name]:
            different.append(name)
    assert different == []
    assert compared > 100
    states = {fact["state"] for name, fact in tree["facts"].items() if spec_of(name).facet == "persistent"}
    assert {"present", "absent"} <= states


@pytest.mark.xdist_group("debian")
def test_the_tree_gets_real_verdicts(debian: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    command = [sys.executable, "-m", "scanner.cli.main", "scan", str(debian), "--quiet", "-o", f"json={out}"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT)
    assert done.returncode in (0, 3), done.stderr.decode()
    document = json.loads(out.read_bytes())
    done = document["completeness"]["counts"]
    assert done["pass"] >= 20
    assert done["fail"] >= 20
    passes = [result for result in document["results"] if result["status"] == "pass"]
    assert all(result["evidence"] or "not installed" in result["found"] or result["found"] for result in passes)
    assert document["target"]["identity"]["os_id"] == "debian"
