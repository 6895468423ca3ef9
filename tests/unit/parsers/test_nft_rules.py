"""nftables files and the JSON of nft; nft itself as the oracle, in a network namespace of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.nft_rules import MAX_REMOVALS, Chain, apply, parse, ruleset

FILE = """#!/usr/sbin/nft -f
flush ruleset
define ssh = 22
define lan = { 10.0.0.0/8, 192.168.0.0/16 }
table inet filter {
	set s { type ipv4_addr; flags interval
		elements = { 10.0.0.0/8,
			1.2.3.4 } }
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept comment "a ; b { c" # not a chain {
		ct state { established, related } accept
		tcp dport { 22,
			80 } \\
			accept
		jump other
	}
	chain other { }
	chain forward { type filter hook forward priority 0
	}
}
add table ip nat
add chain ip nat post { type nat hook postrouting priority srcnat + 5 ; policy accept ; }
add rule ip nat post oifname "eth0" ip saddr { 10.0.0.0/8 } masquerade
"""


def chains(text: str) -> list[Chain]:
    return apply(("file", command) for command in parse(text))


def test_a_whole_file() -> None:
    found = {chain.name: chain for chain in chains(FILE)}
    assert list(found) == ["input", "other", "forward", "post"]
    entry = found["input"]
    assert (entry.family, entry.table, entry.type, entry.hook) == ("inet", "filter", "filter", "input")
    assert (entry.priority, entry.policy) == ("filter", "drop")
    assert entry.rules == [
        'iif "lo" accept comment "a ; b { c"',
        "ct state { established, related } accept",
        "tcp dport { 22, 80 } accept",
        "jump other",
    ]
    assert (found["other"].hook, found["other"].policy) == (None, None)
    assert found["forward"].policy == "accept"
    assert (found["post"].priority, found["post"].rules) == (
        "srcnat + 5",
        ['oifname "eth0" ip saddr { 10.0.0.0/8 } masquerade'],
    )


def test_a_later_policy_and_a_flush_count() -> None:
    base = "table ip f { chain i { type filter hook input priority 0; policy drop; accept } }\n"
    later = "table ip f { chain i { policy accept; } }\n"
    assert chains(base + later)[0].policy == "accept"
    assert chains(base + "flush chain ip f i\n")[0].rules == []
    assert chains(base + "flush table f\n")[0].rules == []
    assert chains(base + "delete table ip f\n") == []
    assert chains(base + "flush ruleset\n") == []
    assert len(chains(base + "flush ruleset ip6\n")) == 1
    assert chains(base + "flush ruleset ip\n") == []


def test_the_family_is_ip_where_none_is_said_and_insert_goes_first() -> None:
    found = chains("add chain t c\nadd rule t c a\ninsert rule t c b\n")
    assert (found[0].family, found[0].rules) == ("ip", ["b", "a"])


def test_includes_are_handed_back() -> None:
    assert [(c.kind, c.value) for c in parse('include "/etc/nftables/*.nft"\n')] == [("include", "/etc/nftables/*.nft")]


@pytest.mark.parametrize(
    "text",
    [
        "table inet f {",
        "table inet f { chain c {",
        "}",
        "{ }",
        "nonsense here",
        "table",
        "add chain ip f",
        'table ip f { chain c { include "x" } }',
        "delete rule ip f c handle 3",
        'table ip f { chain c { x "open } }',
        "table ip f { chain c { " + "{ " * 40 + "} } }",
        "replace rule ip f c handle 1 accept",
        "table ip f { chain c { type filter hook input } }",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        chains(text)


def test_too_many_removals_are_refused() -> None:
    with pytest.raises(ParseError):
        chains("flush table ip t\n" * (MAX_REMOVALS + 1))


def test_the_json_of_nft() -> None:
    text = json.dumps(
        {
            "nftables": [
                {"metainfo": {}},
                {
                    "chain": {
                        "family": "inet",
                        "table": "f",
                        "name": "i",
                        "handle": 1,
                        "type": "filter",
                        "hook": "input",
                        "prio": 0,
                        "policy": "drop",
                    }
                },
                {
                    "rule": {
                        "family": "inet",
                        "table": "f",
                        "chain": "i",
                        "handle": 2,
                        "expr": [{"counter": {"packets": 7, "bytes": 9}}, {"accept": None}],
                    }
                },
            ]
        }
    )
    assert ruleset(text) == [Chain("inet", "f", "i", "filter", "input", "0", "drop", ['[{"accept":null}]'])]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": [{"rule": {}}]}', '{"nftables": [1]}', "[" * 100_000])
def test_malformed_json(text: str) -> None:
    with pytest.raises(ParseError):
        ruleset(text)


def test_the_same_chains_as_nft(tmp_path: Path) -> None:
    if shutil.which("nft", path="/usr/sbin:/sbin") is None or shutil.which("unshare") is None:
        pytest.skip("nftables is not installed: make test installs it")
    path = tmp_path / "x.nft"
    path.write_text(FILE)
    script = f"/usr/sbin/nft -f {path} && /usr/sbin/nft -j list ruleset"
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespace can be made here: {done.stderr.strip()[:80]}")
    ours = {(c.family, c.table, c.name): (c.type, c.hook, c.policy, len(c.rules)) for c in chains(FILE)}
    theirs = {(c.family, c.table, c.name): (c.type, c.hook, c.policy, len(c.rules)) for c in ruleset(done.stdout)}
    assert ours == theirs
