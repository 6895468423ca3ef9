"""Images made to hurt: an answer in time and memory, no traceback, nothing from outside."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.collectors.take import take
from scanner.model.errors import AssayError
from scanner.target.opening import open_path
from tests.hostile.attacks import ATTACKS, CANARY, MALFORMED, OUTSIDE
from tests.memory import measured

ROOT = Path(__file__).parents[2]
CPU_SECONDS = 15
"""Of the whole process, start-up with it, while other tests run beside."""

MEMORY = 512 << 20


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack(name: str, tmp_path: Path) -> None:
    image, out = tmp_path / "image", tmp_path / "snapshot.json"
    (tmp_path / OUTSIDE).write_text(CANARY)
    ATTACKS[name](image)
    command = [sys.executable, "-m", "scanner.cli.main", "collect", str(image), "-o", str(out)]
    process = subprocess.Popen(
        measured(command, tmp_path / "peak"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1)),
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert process.stdout is not None
    with process.stdout as stream:
        said = stream.read().decode()
    process.wait()
    assert process.returncode in (0, 2, 3), said[-2000:]
    assert "Traceback" not in said
    assert "internal" not in said
    assert int((tmp_path / "peak").read_text()) < MEMORY
    if out.exists():
        text = out.read_text()
        assert CANARY not in text
        assert "internal:" not in text
        facts = json.loads(text)["facts"]
        assert {fact["state"] for fact in facts.values()} <= {"present", "absent", "not_collected", "error"}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_or_holds_nothing(name: str, tmp_path: Path) -> None:
    MALFORMED[name](tmp_path / "image")
    try:
        target = open_path(tmp_path / "image")
    except AssayError as error:
        assert error.exit_code in (2, 3)
        assert len(str(error)) < 1000
        return
    fact = take(target, ["accounts.users"]).facts["accounts.users"]
    target.close()
    assert fact.state in ("error", "not_collected")


def test_what_an_archive_lost_is_not_absent(tmp_path: Path) -> None:
    ATTACKS["a file of 8 GB that is not there"](tmp_path / "image")
    target = open_path(tmp_path / "image")
    facts = take(target, ["accounts.users", "sysctl.configured", "os.release"]).facts
    assert facts["os.release"].state == "present"
    assert facts["accounts.users"].state == "error"
    assert facts["sysctl.configured"].state == "error" or facts["sysctl.configured"].gaps
