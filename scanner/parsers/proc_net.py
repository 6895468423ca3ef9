"""Socket tables below /proc/net: tcp, tcp6, udp, udp6, udplite, raw, raw6, packet and sctp/eps.

Addresses are the hexadecimal dump of 32-bit words in the byte order of the machine; ports are plain hexadecimal.
Sources: proc(5), Linux Documentation/networking/proc_net_tcp.rst, net/ipv4/tcp_ipv4.c, net/packet/af_packet.c,
net/sctp/proc.c.
"""

from __future__ import annotations

import ipaddress
import sys

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["LISTEN", "UNCONNECTED", "Packet", "Socket", "parse_packet", "parse_sctp", "parse_sockets"]

LISTEN = 0x0A
"""TCP state: waits for connections."""

UNCONNECTED = 0x07
"""State of a UDP or raw socket that is bound and takes packets from anyone (TCP_CLOSE)."""

MAX_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Socket:
    """One row. For raw sockets `port` is the IP protocol number. `peer_port` 0 means no peer."""

    address: str
    port: int
    peer_port: int
    state: int
    inode: str


@dataclass(frozen=True, slots=True)
class Packet:
    """One AF_PACKET socket. `protocol` is the EtherType (3 = every packet), `interface` an index, 0 = all."""

    protocol: int
    interface: int
    inode: str


def parse_sockets(text: str, *, little: bool = sys.byteorder == "little") -> list[Socket]:
    """Rows of a tcp, udp, udplite or raw table, in order. `little`: byte order of the machine that wrote it."""
    found = []
    for number, parts in _rows(text, "sl"):
        if len(parts) < 10:
            raise ParseError("row too short", line=number)
        address, port = _place(parts[1], number, little)
        _, peer_port = _place(parts[2], number, little)
        found.append(Socket(address, port, peer_port, _hex(parts[3], number, 2), parts[9]))
    return found


def parse_packet(text: str) -> list[Packet]:
    """Rows of /proc/net/packet, in order."""
    found = []
    for number, parts in _rows(text, "sk"):
        if len(parts) < 9 or not _is_number(parts[4]):
            raise ParseError("not a row of packet sockets", line=number)
        found.append(Packet(_hex(parts[3], number, 4), int(parts[4]), parts[8]))
    return found


def parse_sctp(text: str) -> list[Socket]:
    """Endpoints of /proc/net/sctp/eps; the address is the first local one."""
    found = []
    for number, parts in _rows(text, "ENDPT"):
        if len(parts) < 9 or not _is_number(parts[5]) or not _is_number(parts[3]):
            raise ParseError("not a row of SCTP endpoints", line=number)
        found.append(Socket(parts[8], int(parts[5]), 0, int(parts[3]), parts[7]))
    return found


def _rows(text: str, header: str) -> list[tuple[int, list[str]]]:
    """Numbered rows split at blanks, without the header line; its absence means that this is another table."""
    lines = text.splitlines()
    if not lines or header not in lines[0].split():
        raise ParseError(f"no header line with {header!r}", line=1)
    if len(lines) > MAX_ROWS:
        raise ParseError(f"more than {MAX_ROWS} rows")
    return [(number, line.split()) for number, line in enumerate(lines[1:], start=2) if line.strip()]


def _place(text: str, number: int, little: bool) -> tuple[str, int]:
    address, colon, port = text.partition(":")
    if not colon or len(address) not in (8, 32):
        raise ParseError("not an address and port", line=number)
    raw = _bytes(address, number)
    if little:
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return _written(raw), _hex(port, number, 4)


def _written(raw: bytes) -> str:
    """The usual form of an address; mapped ones as `::ffff:192.0.2.1`, which Python's versions disagree about."""
    if len(raw) == 4:
        return str(ipaddress.IPv4Address(raw))
    where = ipaddress.IPv6Address(raw)
    return f"::ffff:{where.ipv4_mapped}" if where.ipv4_mapped is not None else str(where)


def _bytes(text: str, number: int) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise ParseError("not hexadecimal", line=number) from None
    if len(raw) * 2 != len(text):
        raise ParseError("not hexadecimal", line=number)
    return raw


def _hex(text: str, number: int, width: int) -> int:
    if not text or len(text) > width or any(char not in "0123456789abcdefABCDEF" for char in text):
        raise ParseError("not a hexadecimal number", line=number)
    return int(text, 16)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10
