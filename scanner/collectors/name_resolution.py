"""How host names are looked up: the hosts line of nsswitch.conf and the name servers of resolv.conf.

Sources: nsswitch.conf(5) (the last line of a database counts), resolv.conf(5). A resolv.conf that leads to /run is made
by a service of the running system, so a tree does not show it.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, NotCollectedError
from scanner.model.fact import Fact, FactSpec, Json

_SWITCH = ("/etc/nsswitch.conf", "/usr/etc/nsswitch.conf")
_RESOLV = "/etc/resolv.conf"
_MAX_HOPS = 40


def _hosts(look: Look) -> Json:
    for path in _SWITCH:
        text = look.text(path)
        if text is None:
            continue
        found: Json = None
        for number, line in enumerate(text.split("\n"), 1):
            database, colon, services = line.partition("#")[0].partition(":")
            if colon and database.strip() == "hosts":
                words = services.split()
                found = {"services": words, "dns": "dns" in words, "source": path, "line": number}
        if found is None:
            look.because(f"{path} has no line for hosts")
        return found
    look.because("there is no nsswitch.conf")
    return None


def _servers(look: Look) -> Json:
    _refuse_running(look)
    text = look.text(_RESOLV)
    if text is None:
        raise NotCollectedError(f"{_RESOLV} does not exist in this tree: the running system makes it")
    records: list[Json] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            records.append({"address": words[1], "source": _RESOLV, "line": number})
    return records


def _refuse_running(look: Look) -> None:
    """Raise NotCollectedError when resolv.conf is a link into /run."""
    path = _RESOLV
    for _ in range(_MAX_HOPS):
        try:
            target = look.link(path)
        except MissingError:
            return
        if target is None:
            return
        path = target if target.startswith("/") else f"/etc/{target}"
        if "/run/" in path.replace("/../", "/"):
            raise NotCollectedError(f"{_RESOLV} leads to {target}, which exists only on a running system")


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"name_resolution.hosts": _hosts, "name_resolution.servers": _servers})


COLLECTOR = Collector(
    id="name_resolution",
    facts=(
        FactSpec(
            "name_resolution.hosts",
            "object",
            "The hosts line of nsswitch.conf.",
            fields={
                "services": "list: its words in order",
                "dns": "flag: DNS is asked by the C library itself",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "name_resolution.servers",
            "table",
            "Name servers of resolv.conf in order; not collected where a service of the running system makes the file.",
            sensitive={"address": "address"},
            fields={"address": "text: address", "source": "text: file", "line": "number: line"},
        ),
    ),
    collect=collect,
)
