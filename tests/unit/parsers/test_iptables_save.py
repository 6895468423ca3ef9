"""Saved iptables rules; iptables-restore itself as the oracle of what is refused."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.iptables_save import parse

SAVED = """# Generated
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [1:2]
:MINE - [0:0]
-A INPUT -i lo -j ACCEPT
[3:4] -A INPUT -p tcp --dport 22 -j MINE
-I INPUT -s 127.0.0.0/8 -j DROP
-A MINE -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
COMMIT
"""


def test_a_whole_file() -> None:
    found = parse(SAVED)
    assert [(c.table, c.name, c.policy) for c in found] == [
        ("filter", "INPUT", "DROP"),
        ("filter", "FORWARD", "ACCEPT"),
        ("filter", "OUTPUT", "ACCEPT"),
        ("filter", "MINE", None),
        ("nat", "POSTROUTING", "ACCEPT"),
    ]
    assert found[0].rules == ["-s 127.0.0.0/8 -j DROP", "-i lo -j ACCEPT", "-p tcp --dport 22 -j MINE"]
    assert found[0].line == 3


def test_insert_at_a_place_and_a_later_policy() -> None:
    found = parse("*filter\n:INPUT DROP\n-A INPUT -j a\n-I INPUT 2 -j b\n-P INPUT ACCEPT\nCOMMIT\n")
    assert (found[0].rules, found[0].policy) == (["-j a", "-j b"], "ACCEPT")


BAD = [
    "*filter\n:INPUT DROP [0:0]\n",
    ":INPUT DROP [0:0]\n",
    "*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n",
    "*filter\nnonsense\nCOMMIT\n",
    "*filter\n:INPUT\nCOMMIT\n",
    "*filter\n" + "x" * 20_000 + "\nCOMMIT\n",
]


@pytest.mark.parametrize("text", BAD)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def test_iptables_takes_what_we_take() -> None:
    if shutil.which("iptables-restore", path="/usr/sbin:/sbin") is None or shutil.which("unshare") is None:
        pytest.skip("iptables is not installed: make test installs it")
    script = "/usr/sbin/iptables-restore && /usr/sbin/iptables-save"
    run = ["unshare", "-rn", "sh", "-c", script]
    done = subprocess.run(run, input=SAVED, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no rules can be loaded here: {done.stderr.strip()[:80]}")
    ours = {(c.table, c.name): (c.policy, len(c.rules)) for c in parse(SAVED)}
    theirs = {(c.table, c.name): (c.policy, len(c.rules)) for c in parse(done.stdout)}
    assert {key: theirs[key] for key in ours} == ours
