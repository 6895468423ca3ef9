"""network.interfaces over a tree that plays /sys."""

from __future__ import annotations

from pathlib import Path

from tests.support import Content, build, fact_of

NET = "/sys/class/net"
NAME = "network.interfaces"


def test_typical(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{NET}/lo/flags": "0x9\n",
        f"{NET}/eth0/flags": "0x1103\n",
        f"{NET}/wlan0/flags": "0x1002\n",
        f"{NET}/wlan0/phy80211": None,
        f"{NET}/bonding_masters": "\n",
    }
    fact = fact_of(build(tmp_path, files), NAME, runtime=True)
    assert [(row["name"], row["wireless"], row["loopback"], row["up"], row["promiscuous"]) for row in fact.value] == [
        ("eth0", False, False, True, True),
        ("lo", False, True, True, False),
        ("wlan0", True, False, False, False),
    ]


def test_absent_and_not_collected(tmp_path: Path) -> None:
    root = build(tmp_path, {"/sys/kernel": None})
    assert fact_of(root, NAME, runtime=True).state == "absent"
    assert fact_of(root, NAME).state == "not_collected"


def test_malformed(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {f"{NET}/eth0/flags": "many\n"}), NAME, runtime=True)
    assert fact.state == "error"
    assert str(fact.reason).startswith("malformed")
