"""Sockets that take what others send: TCP listeners, bound UDP, SCTP endpoints, raw and packet sockets.

Only the network namespace of the scanner is seen; when that is not the one of process 1 the fact says so. UDP
sockets on a port that the kernel picked are clients most of the time and change all the time: they are folded into one
record per address and process, without port. Sources: proc(5), ip-sysctl (ip_local_port_range), packet(7), raw(7).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import proc_net

_TABLES = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6")
_MAX_PROCESSES = 20_000
_MAX_DESCRIPTORS = 5_000


def _listening(look: Look) -> Json:
    _own_namespace(look)
    owners = _owners(look)
    low, high = _client_ports(look)
    found: dict[tuple[object, ...], dict[str, Json]] = {}
    for table in _TABLES:
        for socket in _sockets(look, table):
            kind = table.removesuffix("6")
            if socket.state != (proc_net.LISTEN if kind == "tcp" else proc_net.UNCONNECTED):
                continue
            picked = kind.startswith("udp") and low <= socket.port <= high
            _add(found, table, socket.address, None if picked else socket.port, picked, owners.get(socket.inode))
    for packet in _packets(look):
        detail = f"{packet.protocol:04x}"
        _add(found, "packet", None, None, False, owners.get(packet.inode), detail)
    text = look.running_text("/proc/net/sctp/eps")
    for socket in proc_net.parse_sctp(text) if text is not None else []:
        if socket.state == proc_net.LISTEN:
            _add(found, "sctp", socket.address, socket.port, False, owners.get(socket.inode))
    return [found[key] for key in sorted(found, key=str)]


def _add(
    found: dict[tuple[object, ...], dict[str, Json]],
    table: str,
    address: str | None,
    port: int | None,
    picked: bool,
    process: str | None,
    detail: str | None = None,
) -> None:
    kind = table.removesuffix("6")
    if kind == "raw":
        # The "port" of a raw socket is the number of the IP protocol it takes.
        detail, port = str(port), None
    record: dict[str, Json] = {
        "protocol": kind,
        "address": address,
        "port": port,
        "loopback": _is_loopback(address),
        "client": picked,
        "detail": detail,
        "process": process,
        "source": f"/proc/net/{table if kind != 'sctp' else 'sctp/eps'}",
    }
    order = (kind, address or "", f"{-1 if port is None else port:06d}", detail or "", process or "", table)
    found.setdefault(order, record)


def _sockets(look: Look, table: str) -> list[proc_net.Socket]:
    text = look.running_text(f"/proc/net/{table}")
    if text is not None:
        return proc_net.parse_sockets(text)
    # IPv4 is always there, IPv6 may be switched off, UDP-Lite is gone since Linux 7: not there means no such socket.
    if table in ("tcp", "udp", "raw"):
        raise MissingError(f"/proc/net/{table} does not exist")
    if table in ("tcp6", "udp6", "raw6") and look.runtime.exists("/proc/net/if_inet6"):
        look.gap(f"/proc/net/{table}", "missing, though IPv6 is there")
    return []


def _packets(look: Look) -> list[proc_net.Packet]:
    text = look.running_text("/proc/net/packet")
    return proc_net.parse_packet(text) if text is not None else []


def _is_loopback(address: str | None) -> bool:
    if address is None:
        return False
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = where.ipv4_mapped if isinstance(where, ipaddress.IPv6Address) else None
    return (mapped or where).is_loopback


def _client_ports(look: Look) -> tuple[int, int]:
    """First and last port that the kernel gives to sockets that ask for none."""
    text = look.running_text("/proc/sys/net/ipv4/ip_local_port_range") or ""
    parts = text.split()
    if len(parts) == 2 and all(part.isascii() and part.isdecimal() for part in parts):
        return int(parts[0]), int(parts[1])
    return 32768, 60999


def _own_namespace(look: Look) -> None:
    """A gap when process 1 lives in another network namespace (we run in a container, say)."""
    try:
        own, first = (look.runtime.readlink(f"/proc/{process}/ns/net") for process in ("self", "1"))
    except TargetError:
        return
    if own != first:
        look.gap("/proc/net", "unsupported: the scanner is not in the network namespace of process 1")


def _owners(look: Look) -> dict[str, str]:
    """Name of the process that holds a socket, by the socket's inode, as far as we may look."""
    found: dict[str, str] = {}
    try:
        processes = [name for name in look.runtime.names("/proc") if name.isascii() and name.isdecimal()]
    except TargetError:
        return found
    for process in processes[:_MAX_PROCESSES]:
        try:
            descriptors = look.runtime.names(f"/proc/{process}/fd")
        except TargetError:
            continue
        inodes = [inode for name in descriptors[:_MAX_DESCRIPTORS] if (inode := _inode(look, process, name))]
        if not inodes:
            continue
        name = _name_of(look, process)
        for inode in inodes:
            # A socket handed on is held by several processes: the name that sorts first keeps the fact steady.
            if name is not None and (inode not in found or name < found[inode]):
                found[inode] = name
    return found


def _inode(look: Look, process: str, descriptor: str) -> str | None:
    try:
        text = look.runtime.readlink(f"/proc/{process}/fd/{descriptor}")
    except TargetError:
        return None
    return text[8:-1] if text.startswith("socket:[") else None


def _name_of(look: Look, process: str) -> str | None:
    try:
        return look.runtime.read(f"/proc/{process}/comm", 256).decode("utf-8", "replace").strip() or None
    except TargetError:
        return None


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield look.fact("network.listening", _listening)


COLLECTOR = Collector(
    id="listening",
    facts=(
        FactSpec(
            "network.listening",
            "table",
            "Sockets that take what others send, by protocol, address and port.",
            facet="runtime",
            sensitive={"address": "address"},
            fields={
                "protocol": "text: tcp, udp, udplite, sctp, raw or packet",
                "address": "text: local address; null for packet",
                "port": "number: local port; null for raw, packet and client sockets",
                "loopback": "flag: bound to a loopback address",
                "client": "flag: UDP on a port that the kernel picked, folded into one record",
                "detail": "text: IP protocol number of raw, EtherType in hex of packet (0003 = all); else null",
                "process": "text: command name of the holder; null when we may not look",
                "source": "text: table it stands in",
            },
        ),
    ),
    collect=collect,
)
