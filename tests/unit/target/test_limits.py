"""Each budget reached once: the fact behind it says so, the rest of the scan goes on, the snapshot lists it."""

from pathlib import Path

import pytest

from scanner.collectors.take import take
from scanner.model.errors import LimitError
from scanner.target import command, limits
from scanner.target.tree import DirectoryTree, TreeTarget
from tests.support import build

FILES = {
    "etc/os-release": "ID=x\n",
    "etc/passwd": "".join(f"u{number}:x:{number}:{number}::/home/u{number}:/bin/sh\n" for number in range(1000, 1100)),
    "etc/group": "root:x:0:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/ssh/sshd_config": "PermitRootLogin no\n" * 50,
    **{f"etc/sysctl.d/{number:03}.conf": f"a.b{number} = 1\n" for number in range(100)},
    **{f"usr/share/d{number}/f": "x" for number in range(100)},
    "deep/" + "/".join("d" * 1 for _ in range(40)) + "/f": "x",
}
WANTED = ["accounts.users", "sysctl.configured", "sshd.options", "files.special", "login.defs", "systemd.units"]


@pytest.mark.parametrize(
    ("budget", "value", "fact"),
    [
        ("MAX_TEXT", 600, "accounts.users"),
        ("MAX_TOTAL", 2_000, "sysctl.configured"),
        ("MAX_NAMES", 60, "sysctl.configured"),
        ("MAX_WALK", 50, "files.special"),
        ("MAX_DEPTH", 20, "files.special"),
        ("MAX_RECORDS", 10, "accounts.users"),
    ],
)
def test_a_budget_that_is_reached_is_said(
    budget: str, value: int, fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build(tmp_path, FILES)
    monkeypatch.setattr(limits, budget, value)
    if budget == "MAX_TEXT":
        from scanner.collectors.base import Look

        monkeypatch.setattr(Look.text, "__defaults__", (value,))
        monkeypatch.setattr(Look.try_text, "__defaults__", (value,))
    target = TreeTarget(root)
    try:
        snapshot = take(target, WANTED)
    finally:
        target.close()
    got = snapshot.facts[fact]
    said = [got.reason or "", *got.gaps]
    assert any(one.startswith("limit") for one in said), (got.state, said)
    assert fact in {one["fact"] for one in snapshot.limits["reached"]}
    assert set(snapshot.facts) >= set(WANTED)


def test_a_file_and_a_link_chain_past_their_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = DirectoryTree(build(tmp_path, {"f": "x" * 100}))
    with pytest.raises(LimitError):
        tree.read("/f", 10)
    tree.close()


def test_a_command_that_says_too_much_or_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMMAND_OUTPUT", 1000)
    with pytest.raises(LimitError, match="more than"):
        command.run("seq", "1", "100000")
    monkeypatch.setattr(limits, "COMMAND_SECONDS", 0.2)
    with pytest.raises(LimitError, match="longer than"):
        command.run("sleep", "20")
