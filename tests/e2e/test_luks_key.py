"""`--luks-key` at the command line: what opens, what is said, what is bad use, and that no key is ever shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.e2e.test_cli import assay
from tests.support import build
from tests.unit.target.mapped.luks_lab import KEY, key_file, root_file_system, volume, volume_key


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("luks")
    plain = root_file_system(folder, etc__ssh__sshd_config="PermitRootLogin yes\n")
    return volume(folder / "device.img", plain.read_bytes())


@pytest.fixture(scope="module")
def key(image: Path) -> str:
    return str(key_file(image.with_name("key"), KEY + b"\n"))


def test_target_show(image: Path, key: str) -> None:
    done = assay("target", "show", str(image), "--luks-key", key)
    assert done.returncode == 0, done.stderr
    assert "opened with the key given, keyslot 0" in done.stdout
    assert "disk-luks  ext4" in done.stdout


def test_without_the_key(image: Path, tmp_path: Path) -> None:
    wrong = str(key_file(tmp_path / "wrong", b"wrong"))
    for arguments in ([], ["--luks-key", wrong]):
        done = assay("target", "show", str(image), *arguments)
        assert done.returncode == 3
        assert "--luks-key" in done.stderr
        assert "Traceback" not in done.stderr


def test_scan_collect_and_check(image: Path, key: str, tmp_path: Path) -> None:
    scanned = assay("scan", str(image), "--luks-key", key, "-q", "-o", f"snapshot={tmp_path}/s.json")
    assert scanned.returncode in (0, 3), scanned.stderr
    wrong = str(key_file(tmp_path / "wrong", b"wrong"))
    keys = ("--luks-key", wrong, "--luks-key", key)
    collected = assay("collect", str(image), *keys, "-v", "-o", f"{tmp_path}/c.json")
    assert collected.returncode == 0, collected.stderr
    facts = json.loads((tmp_path / "c.json").read_text())["facts"]
    assert facts["storage.root_volume"]["value"]["encryption"] == "luks2"
    checked = assay("check", "--root", str(image), "--luks-key", key, "--rule", "sshd-root-login-disabled")
    assert "fail" in checked.stdout.lower(), checked.stderr

    master = volume_key(image, Path(key).with_name("device.pass"))
    said = "".join(
        (*(one.stdout + one.stderr for one in (scanned, collected, checked)),
         *((tmp_path / name).read_text() for name in ("s.json", "c.json")))
    )  # fmt: skip
    for secret in (KEY.decode(), "wrong\n", master.hex(), base64.b64encode(master).decode()):
        assert secret not in said


def test_bad_use(image: Path, key: str, tmp_path: Path) -> None:
    tree = build(tmp_path / "tree", {"etc/os-release": "ID=debian\n", "etc/passwd": "", "usr/x": ""})
    empty = str(key_file(tmp_path / "empty", b""))
    snapshot = key_file(tmp_path / "s.json", b"{}")
    for arguments, says in (
        (["scan", str(image), "--luks-key", "/does/not/exist"], "key file cannot be read"),
        (["scan", str(image), "--luks-key", str(tmp_path)], "key file cannot be read"),
        (["scan", str(image), "--luks-key", empty], "key file holds"),
        (["scan", str(tree), "--luks-key", key], "for a disk image"),
        (["scan", str(snapshot), "--luks-key", key], "for a disk image"),
        (["scan", "--luks-key", key], "for a disk image"),
        (["check", "--rule", "sshd-root-login-disabled", "--root", str(tree), "--luks-key", key], "for a disk image"),
    ):
        done = assay(*arguments)
        assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
