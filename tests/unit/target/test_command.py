"""Commands of a live system end: by themselves, or by us with all they started."""

import os
import time
from pathlib import Path

import pytest

from scanner.model.errors import LimitError
from scanner.target import command, limits


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "exec >&- 2>&-; sleep 60",
        "sleep 60 & echo $! > $MARK; sleep 60",
    ],
)
def test_a_command_that_does_not_end_is_a_limit(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "pid"
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\nMARK={mark}\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(command, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(limits, "COMMAND_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(LimitError, match="longer than 1 s"):
        command.run("tool")
    assert time.monotonic() - began < 10
    if mark.exists():
        deadline = time.monotonic() + 5
        while _runs(int(mark.read_text())) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _runs(int(mark.read_text()))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
