"""`assay key` and `assay bundle` as a user runs them: make a key, pack, verify, and every wrong way said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCK = ("--clock", "2026-03-01T00:00:00Z")


def assay(folder: Path, *arguments: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if "PASSWORD" not in key and key != "SOURCE_DATE_EPOCH"
    }
    return subprocess.run(
        [sys.executable, "-m", "scanner.cli.main", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), **surroundings},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key pair, a snapshot, its assessment, and a bundle of them."""
    where = tmp_path_factory.mktemp("bundle")
    (where / "snapshot.json").write_bytes((ROOT / "fixtures/evidence/velaos-weak.json").read_bytes())
    assert assay(where, "key", "generate", "--output-prefix", "vendor", "--no-password").returncode == 0
    done = assay(where, "evaluate", "snapshot.json", "--profile", "velaos", *CLOCK, "-o", "json=assessment.json", "-q")
    assert done.returncode in (0, 3), done.stderr
    made = assay(where, *_create("pack.zip"))
    assert made.returncode == 0, made.stderr
    assert "chain" in made.stderr
    return where


def _create(output: str, *more: str) -> tuple[str, ...]:
    return (
        *("bundle", "create", "assessment.json", "--snapshot", "snapshot.json", "--key", "vendor.key"),
        *("--report", "html", "-o", output, *CLOCK, *more),
    )


def test_a_bundle_is_verified_in_words_and_as_json(folder: Path) -> None:
    done = assay(folder, "bundle", "verify", "pack.zip", "--key", "vendor.pub")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("VERIFIED: pack.zip\n")
    assert "judged again: the same to the byte" in done.stdout
    found = assay(folder, "bundle", "verify", "pack.zip", "--key", "vendor.pub", "--json", "--reports")
    document = json.loads(found.stdout)
    assert document["decision"] == "verified"
    assert document["links"][-2] == {
        "link": "reports", "state": "ok", "detail": "rendered again: the same to the byte",
    }  # fmt: skip
    assert assay(folder, "bundle", "verify", "pack.zip", "--key", "vendor.pub", "-q").stdout == ""


def test_the_same_command_gives_the_same_bytes_and_folders_work(folder: Path) -> None:
    assert assay(folder, *_create("again.zip"), PYTHONHASHSEED="7", TZ="Asia/Tokyo").returncode == 0
    assert (folder / "again.zip").read_bytes() == (folder / "pack.zip").read_bytes()
    assert assay(folder, *_create("unpacked/")).returncode == 0
    assert assay(folder, "bundle", "verify", "unpacked", "--key", "vendor.pub").returncode == 0


def test_a_spoiled_bundle_ends_4_and_says_only_why(folder: Path) -> None:
    data = bytearray((folder / "pack.zip").read_bytes())
    at = data.index(b'"status":"fail"')
    data[at : at + 15] = b'"status":"pass"'
    (folder / "spoiled.zip").write_bytes(data)
    done = assay(folder, "bundle", "verify", "spoiled.zip", "--key", "vendor.pub")
    assert done.returncode == 4
    assert "zip" in done.stderr
    assert "velaos" not in done.stdout
    assert assay(folder, "key", "generate", "--output-prefix", "other", "--no-password").returncode == 0
    other = assay(folder, "bundle", "verify", "pack.zip", "--key", "other.pub", "--json")
    assert other.returncode == 4
    document = json.loads(other.stdout)
    assert document["links"] == [
        {"link": "signature", "state": "failed", "detail": "the bundle is not signed by a key that was given"}
    ]
    assert document["manifest"] is None


def test_a_chain_of_two(folder: Path) -> None:
    done = assay(folder, *_create("second.zip", "--previous", "pack.zip"))
    assert done.returncode == 0, done.stderr
    verify = ("bundle", "verify", "second.zip", "--key", "vendor.pub", "--previous")
    assert assay(folder, *verify, "pack.zip").returncode == 0
    assert assay(folder, *verify, "second.zip").returncode == 4


def test_keys_have_passwords_and_are_never_replaced(folder: Path) -> None:
    made = assay(folder, "key", "generate", "--output-prefix", "locked", ASSAY_KEY_PASSWORD="correct horse")
    assert made.returncode == 0
    assert "correct" not in made.stdout + made.stderr
    assert (folder / "locked.key").stat().st_mode & 0o777 == 0o600
    pack = ("bundle", "create", "assessment.json", "--snapshot", "snapshot.json", "--key", "locked.key", "-o", "l.zip")
    assert assay(folder, *pack, "--report", "json", ASSAY_KEY_PASSWORD="correct horse").returncode == 0
    (folder / "password").write_text("correct horse\n")
    assert assay(folder, *pack, "--report", "json", "--password-file", "password").returncode == 0
    assert assay(folder, "bundle", "verify", "l.zip", "--key", "locked.pub").returncode == 0
    for password in ({}, {"ASSAY_KEY_PASSWORD": "wrong"}):
        refused = assay(folder, *pack, **password)
        assert refused.returncode == 2
        assert "password" in refused.stderr
    again = assay(folder, "key", "generate", "--output-prefix", "locked", "--no-password")
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bundle", "create", "assessment.json", "--key", "vendor.key", "-o", "x.zip"), "no snapshot here"),
        (("bundle", "create", "assessment.json", "--snapshot", "snapshot.json", "-o", "x.zip"), "--key"),
        (("bundle", "create", "assessment.json", "--snapshot", "snapshot.json", "--key", "vendor.key"), "-o"),
        (("bundle", "create", "snapshot.json", "--key", "vendor.key", "-o", "x.zip"), "not an Assay assessment"),
        (_create("x.zip", "--attach", "velaos=policy.pdf"), "FRAMEWORK:CONTROL=FILE"),
        (_create("x.zip", "--attach", "velaos:none=snapshot.json"), "no assessment here has a control"),
        (_create("x.zip", "--sbom", "missing.json"), "missing.json"),
        (_create("x.zip", "--report", "papyrus"), "no output format"),
        (_create("x.zip", "--keyless"), "--online"),
        (_create("x.zip", "--tsa", "http://127.0.0.1:9/"), "--online"),
        (_create("x.zip", "--previous", "snapshot.json"), "bundle"),
        (("bundle", "verify", "pack.zip"), "--key"),
        (("bundle", "verify", "missing.zip", "--key", "vendor.pub"), "missing.zip"),
        (("bundle", "verify", "pack.zip", "--key", "vendor.key"), "private key"),
        (("key", "generate", "--output-prefix", "z"), "no password"),
        (("key", "generate", "--output-prefix", "z", "--algorithm", "dsa", "--no-password"), "no algorithm"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_said_and_nothing_is_written(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = assay(folder, *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "x.zip").exists()


def test_it_is_no_zip_file(folder: Path) -> None:
    done = assay(folder, "bundle", "verify", "snapshot.json", "--key", "vendor.pub")
    assert done.returncode == 4
    assert "not a bundle" in done.stderr
