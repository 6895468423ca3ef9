"""`assay target show` and the options that choose inside a target: what is printed keeps the published form."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

import scanner.schemas
from tests.e2e.test_cli import assay
from tests.support import build
from tests.unit.target.layouts.disk_lab import SYSTEM, Spec, disk, ext4, vfat


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    files = {**SYSTEM, "efi": None, "etc/fstab": "LABEL=gone /home ext4 x 0 0\ntmpfs /tmp tmpfs x\n"}
    specs = [Spec(vfat(folder, {"EFI/x": ""}), "esp", "ef00")]
    specs += [Spec(ext4(folder, files, "-L", name), name, "8304") for name in ("a_1", "a_2")]
    return disk(folder / "disk.img", specs)


def _valid(text: str) -> dict[str, object]:
    form = json.loads((Path(next(iter(scanner.schemas.__path__))) / "target.json").read_text())
    found: dict[str, object] = json.loads(text)
    jsonschema_rs.validator_for(form).validate(found)
    return found


def test_places_and_why(image: Path) -> None:
    done = assay("target", "show", str(image))
    assert done.returncode == 0, done.stderr
    assert "-> a_2  (active; on disk3)" in done.stdout
    assert "/home  not read: /etc/fstab mounts LABEL=gone there, which is not in this image" in done.stdout
    assert "/tmp   tmpfs, empty at boot" in done.stdout
    assert _valid(assay("target", "show", str(image), "--json").stdout)["slot"] == "a_2"


def test_a_directory(tmp_path: Path) -> None:
    root = build(tmp_path / "root", SYSTEM)
    assert assay("target", "show", str(root)).returncode == 0
    assert _valid(assay("target", "show", str(root), "--json").stdout)["kind"] == "tree"


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.img").write_bytes(b"nothing known\n" * 999)
    done = assay("target", "show", str(tmp_path / "x.img"), "--json")
    assert done.returncode == 3
    assert _valid(done.stdout)["slots"] == []


def test_the_slot_that_is_taken_is_said(image: Path, tmp_path: Path) -> None:
    done = assay("collect", str(image), "-o", str(tmp_path / "s.json"), "--slot", "rollback")
    assert "assay: slot a_1 of 2 (" in done.stderr
    done = assay("check", "--root", str(image), "--slot", "none-such", "--rule", "sshd-root-login-disabled")
    assert (done.returncode, "known: a_2, a_1" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--platform", "linux/arm64")])
def test_options_that_say_nothing_here(image: Path, words: tuple[str, str]) -> None:
    done = assay("scan", str(image), *words)
    assert (done.returncode, "is for an OCI layout" in done.stderr) == (2, True)
