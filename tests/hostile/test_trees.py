"""Every hostile tree, through the whole scan: no canary, no escape, no traceback, an answer in time and memory."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.hostile.trees import CANARY, TREES

ROOT = Path(__file__).parents[2]
SECONDS = 30
MEMORY = 512 * 1024 * 1024


@pytest.mark.parametrize("name", sorted(TREES))
def test_hostile_tree(name: str, tmp_path: Path) -> None:
    root, outside, out = tmp_path / "root", tmp_path / "outside", tmp_path / "out"
    for folder in (root, outside, out):
        folder.mkdir()
    (outside / "canary").write_text(f"{CANARY}:x:0:0::/:/bin/sh\nID={CANARY}\n{CANARY} = {CANARY}\n")
    TREES[name](root, outside)
    command = [sys.executable, "-m", "scanner.cli.main", "scan", str(root), "-o", f"snapshot={out}/s.json"]
    command += ["-o", f"json={out}/a.json", "-o", f"table={out}/t.txt"]
    if (root / "proc").exists():
        command.append("--runtime")
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=SECONDS,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY * 2, MEMORY * 2)),
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode in (0, 3), said
    assert "Traceback" not in said
    assert "internal" not in said, said
    for path in out.iterdir():
        text = path.read_text(encoding="utf-8")
        assert CANARY not in text, path.name
        assert "\x1b" not in text, path.name
        assert "internal:" not in text, text[max(0, text.find("internal:") - 300) : text.find("internal:") + 300]
    facts = json.loads((out / "s.json").read_bytes())["facts"]
    assert {fact["state"] for fact in facts.values()} <= {"present", "absent", "not_collected", "error"}
