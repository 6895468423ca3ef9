"""nftables.configured, nftables.running and iptables.configured over small trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Content, build, fact_of, facts_of

INPUT = "chain input { type filter hook input priority 0; policy drop; iif lo accept\n }"
IPTABLES = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"


def test_absent(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), ["nftables.configured", "iptables.configured"])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_nftables_with_an_include(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/sysconfig/nftables.conf": 'flush ruleset\ninclude "/etc/nftables/*.nft"\n',
        "/etc/nftables/a.nft": f"table inet filter {{ {INPUT} }}\n",
        "/etc/nftables/b.nft": "table inet filter { chain input { policy accept; } }\n",
    }
    fact = fact_of(build(tmp_path, files), "nftables.configured")
    assert fact.value == [
        {
            "family": "inet",
            "table": "filter",
            "chain": "input",
            "type": "filter",
            "hook": "input",
            "priority": "0",
            "policy": "accept",
            "rules": ["iif lo accept"],
            "source": "/etc/nftables/a.nft",
            "line": 1,
        }
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/nftables.conf": "table inet f {"},
        {"/etc/nftables.conf": 'include "/etc/nftables.conf"\n'},
        {"/etc/nftables.conf": "", "/etc/sysconfig/nftables.conf": b"\xff\xfe\x00{"},
    ],
)
def test_malformed_nftables(tmp_path: Path, files: dict[str, Content]) -> None:
    assert fact_of(build(tmp_path, files), "nftables.configured").state == "error"


def test_iptables(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/etc/iptables/rules.v4": IPTABLES, "/etc/iptables/rules.v6": IPTABLES}
    fact = fact_of(build(tmp_path, files), "iptables.configured")
    assert [(row["family"], row["chain"], row["policy"], row["rules"]) for row in fact.value] == [
        ("ip", "INPUT", "DROP", ["-i lo -j ACCEPT"]),
        ("ip6", "INPUT", "DROP", ["-i lo -j ACCEPT"]),
    ]


def test_malformed_iptables(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/sysconfig/iptables": "*filter\n:INPUT DROP\n"}), "iptables.configured")
    assert fact.state == "error"
    assert "COMMIT" in str(fact.reason)


def test_the_kernel_is_asked_only_on_a_running_system(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc": None}), "nftables.running").state == "not_collected"
