"""Sockets that take what others send."""

import os
from collections.abc import Mapping
from pathlib import Path

from scanner.model.fact import Json
from tests.support import Content, build, fact_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(place: str, state: str, inode: int, peer: str = "") -> str:
    peer = peer or "0" * len(place.partition(":")[0]) + ":0000"
    return f"   0: {place} {peer} {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0 100\n"


BASE: dict[str, Content] = {f"/proc/net/{name}": HEAD for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")}
V6_ANY = "0" * 32


def listening(tmp_path: Path, files: Mapping[str, Content]) -> list[dict[str, Json]]:
    fact = fact_of(build(tmp_path, {**BASE, **files}), "network.listening", runtime=True)
    assert fact.state == "present", fact.reason
    assert fact.complete
    records: list[dict[str, Json]] = fact.value
    return records


def test_nothing_listens(tmp_path: Path) -> None:
    assert listening(tmp_path, {}) == []


def test_tcp_listeners_and_what_is_none(tmp_path: Path) -> None:
    text = HEAD + row("00000000:0016", "0A", 7) + row("0100007F:0277", "0A", 8) + row("0100007F:0016", "01", 9)
    found = listening(tmp_path, {"/proc/net/tcp": text, "/proc/net/tcp6": HEAD + row(f"{V6_ANY}:0016", "0A", 10)})
    assert [(r["address"], r["port"], r["loopback"]) for r in found] == [
        ("0.0.0.0", 22, False),
        ("127.0.0.1", 631, True),
        ("::", 22, False),
    ]


def test_udp_clients_are_folded(tmp_path: Path) -> None:
    text = (
        HEAD
        + row("00000000:0044", "07", 1)
        + row("00000000:C350", "07", 2)
        + row("00000000:C351", "07", 3)
        + row("0A00020F:C352", "01", 4, "0A000203:0035")
    )
    found = listening(tmp_path, {"/proc/net/udp": text})
    assert [(r["port"], r["client"]) for r in found] == [(None, True), (68, False)]


def test_the_range_of_client_ports_is_read(tmp_path: Path) -> None:
    text = HEAD + row("00000000:C350", "07", 2)
    files: dict[str, Content] = {"/proc/net/udp": text, "/proc/sys/net/ipv4/ip_local_port_range": "1024\t2048\n"}
    assert listening(tmp_path, files)[0]["port"] == 50000


def test_raw_and_packet(tmp_path: Path) -> None:
    found = listening(
        tmp_path,
        {
            "/proc/net/raw": HEAD + row("00000000:0001", "07", 5),
            "/proc/net/packet": "sk RefCnt Type Proto Iface R Rmem User Inode\nff 3 3 0003 2 1 0 0 6\n",
        },
    )
    assert [(r["protocol"], r["detail"], r["port"]) for r in found] == [("packet", "0003", None), ("raw", "1", None)]


def test_the_holder_is_named(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/proc/net/tcp": HEAD + row("00000000:0016", "0A", 77),
        "/proc/41/comm": "sshd\n",
        "/proc/41/fd/3": ("link", "socket:[77]"),
        "/proc/40/comm": "systemd\n",
        "/proc/40/fd/9": ("link", "socket:[77]"),
        "/proc/42/fd/0": ("link", "/dev/null"),
    }
    assert listening(tmp_path, files)[0]["process"] == "sshd"


def test_another_network_namespace_is_a_gap(tmp_path: Path) -> None:
    root = build(tmp_path, {**BASE, "/proc/self/ns/net": ("link", "net:[1]"), "/proc/1/ns/net": ("link", "net:[2]")})
    assert fact_of(root, "network.listening", runtime=True).gaps


def test_missing_and_malformed_tables(tmp_path: Path) -> None:
    root = build(tmp_path, BASE)
    os.remove(root / "proc/net/tcp")
    assert fact_of(root, "network.listening", runtime=True).state == "error"
    (root / "proc/net/tcp").write_text("nonsense\n")
    fact = fact_of(root, "network.listening", runtime=True)
    assert (fact.state, (fact.reason or "").split(":")[0]) == ("error", "malformed")


def test_ipv6_without_its_table_is_a_gap(tmp_path: Path) -> None:
    root = build(tmp_path, {**BASE, "/proc/net/if_inet6": ""})
    os.remove(root / "proc/net/tcp6")
    assert fact_of(root, "network.listening", runtime=True).gaps


def test_an_image_does_not_listen(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, BASE), "network.listening").state == "not_collected"
