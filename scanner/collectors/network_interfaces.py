"""Network interfaces of the running kernel: which are wireless, which are up, which listen to everything.

Source: Documentation/ABI/testing/sysfs-class-net; include/uapi/linux/if.h for the flags.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, ParseError
from scanner.model.fact import Fact, FactSpec, Json

_CLASS = "/sys/class/net"
_UP = 0x1
_LOOPBACK = 0x8
_PROMISCUOUS = 0x100


def _interfaces(look: Look) -> Json:
    try:
        names = look.runtime.names(_CLASS)
    except MissingError:
        look.because(f"{_CLASS} does not exist")
        return None
    # Plain files (bonding_masters) lie among the interfaces; only an interface has flags.
    return [_interface(look, name, text) for name in names if (text := look.running_text(f"{_CLASS}/{name}/flags"))]


def _interface(look: Look, name: str, text: str) -> Json:
    try:
        flags = int(text.strip(), 16)
    except ValueError:
        raise ParseError(f"{_CLASS}/{name}/flags is no number") from None
    return {
        "name": name,
        "wireless": any(look.runtime.exists(f"{_CLASS}/{name}/{part}") for part in ("wireless", "phy80211")),
        "loopback": bool(flags & _LOOPBACK),
        "up": bool(flags & _UP),
        "promiscuous": bool(flags & _PROMISCUOUS),
        "source": f"{_CLASS}/{name}",
    }


def collect(look: Look) -> Iterator[Fact]:
    """See the declaration below."""
    yield from look.facts({"network.interfaces": _interfaces})


COLLECTOR = Collector(
    id="network_interfaces",
    facts=(
        FactSpec(
            "network.interfaces",
            "table",
            "Network interfaces of the first network namespace we see, by name.",
            facet="runtime",
            fields={
                "name": "text: interface",
                "wireless": "flag: it has a radio",
                "loopback": "flag: it is the loopback interface",
                "up": "flag: an administrator or daemon has switched it on",
                "promiscuous": "flag: it takes packets for others",
                "source": "text: its folder in /sys",
            },
        ),
    ),
    collect=collect,
)
