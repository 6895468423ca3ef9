"""Socket tables of /proc/net (proc(5))."""

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.proc_net import LISTEN, parse_packet, parse_sctp, parse_sockets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: {} {} {} 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0\n"


@pytest.mark.parametrize(
    ("place", "little", "address", "port"),
    [
        ("0100007F:0277", True, "127.0.0.1", 631),
        ("7F000001:0277", False, "127.0.0.1", 631),
        ("00000000:0016", True, "0.0.0.0", 22),
        ("00000000000000000000000001000000:0016", True, "::1", 22),
        ("0000000000000000FFFF00000100007F:0016", True, "::ffff:127.0.0.1", 22),
        ("000080FE00000000FF565002BEC1E9FE:0222", True, "fe80::250:56ff:fee9:c1be", 546),
    ],
)
def test_addresses(place: str, little: bool, address: str, port: int) -> None:
    peer = "0" * len(place.partition(":")[0]) + ":0000"
    (socket,) = parse_sockets(HEAD + ROW.format(place, peer, "0A"), little=little)
    assert (socket.address, socket.port, socket.state, socket.inode) == (address, port, LISTEN, "12345")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense\n",
        HEAD + "   0: 0100007F:0277\n",
        HEAD + ROW.format("0100007F", "00000000:0000", "0A"),
        HEAD + ROW.format("0100007G:0277", "00000000:0000", "0A"),
        HEAD + ROW.format("01 0007F:0277", "00000000:0000", "0A"),
        HEAD + ROW.format("0100007F:00277", "00000000:0000", "0A"),
        HEAD + ROW.format("0100007F:0277", "00000000:0000", "XX"),
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        parse_sockets(text)


def test_an_empty_table_has_its_header() -> None:
    assert parse_sockets(HEAD) == []


def test_packet_and_sctp() -> None:
    head = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
    (packet,) = parse_packet(head + "ffff9a1 3      3    0003   2     1 0      0      4242\n")
    assert (packet.protocol, packet.interface, packet.inode) == (3, 2, "4242")
    with pytest.raises(ParseError):
        parse_packet(head + "ffff9a1 3 3\n")
    head = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n"
    (endpoint,) = parse_sctp(head + "ffff1 ffff2 2   10  29   11168  0   4243 10.0.0.1 10.0.0.2\n")
    assert (endpoint.address, endpoint.port, endpoint.state) == ("10.0.0.1", 11168, LISTEN)
    with pytest.raises(ParseError):
        parse_sctp(head + "ffff1 ffff2\n")
