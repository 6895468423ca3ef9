"""Packet filters that are configured without firewalld (nftables, iptables), and what the kernel has loaded.

Source: nft(8), iptables-restore(8); the places are those of RHEL, Debian, Alpine and Arch service files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.path_globs import glob_paths
from scanner.model.errors import LimitError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import iptables_save, nft_rules

_NFT = ("/etc/sysconfig/nftables.conf", "/etc/nftables.conf", "/etc/nftables.nft")
_IPTABLES = {
    "/etc/sysconfig/iptables": "ip",
    "/etc/sysconfig/ip6tables": "ip6",
    "/etc/iptables/rules.v4": "ip",
    "/etc/iptables/rules.v6": "ip6",
    "/etc/iptables/rules-save": "ip",
    "/etc/iptables/rules6-save": "ip6",
    "/etc/iptables/iptables.rules": "ip",
    "/etc/iptables/ip6tables.rules": "ip6",
}
_DEPTH = 16
_FILES = 1024


def _nft_commands(look: Look, path: str, depth: int, seen: list[str]) -> Iterator[tuple[str, nft_rules.Command]]:
    """Commands of a file with those of included files in place. Relative includes start at /etc (nft(8), -I)."""
    seen.append(path)
    if depth > _DEPTH or len(seen) > _FILES:
        raise LimitError(f"{path}: more than {_DEPTH} includes deep, or {_FILES} files")
    try:
        commands = nft_rules.parse(look.text(path) or "")
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    for command in commands:
        if command.kind != "include":
            yield path, command
            continue
        pattern = command.value if command.value.startswith("/") else f"/etc/{command.value.removeprefix('./')}"
        for included in glob_paths(look, posixpath.normpath(pattern)):
            yield from _nft_commands(look, included, depth + 1, seen)


def _nftables(look: Look) -> Json:
    present = [path for path in _NFT if look.entry(path) is not None]
    if not present:
        look.because(f"none of {', '.join(_NFT)} exists")
        return None
    commands = [item for path in present[:1] for item in _nft_commands(look, path, 0, [])]
    return [_row(chain) for chain in nft_rules.apply(commands)]


def _row(chain: nft_rules.Chain) -> Json:
    return {
        "family": chain.family,
        "table": chain.table,
        "chain": chain.name,
        "type": chain.type,
        "hook": chain.hook,
        "priority": chain.priority,
        "policy": chain.policy,
        "rules": chain.rules,
        "source": chain.source,
        "line": chain.line,
    }


def _running(look: Look) -> Json:
    chains = nft_rules.ruleset(look.command("nft", "-j", "list", "ruleset"))
    rows = [_row(chain) | {"source": "command: nft -j list ruleset"} for chain in chains]
    return sorted(rows, key=lambda row: (row["family"], row["table"], row["chain"]))


def _iptables(look: Look) -> Json:
    present = [path for path in _IPTABLES if look.entry(path) is not None]
    if not present:
        look.because("no saved iptables rules exist")
        return None
    return [row for path in present for row in _saved(look, path)]


def _saved(look: Look, path: str) -> Iterator[Json]:
    try:
        chains = iptables_save.parse(look.text(path) or "")
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    for chain in chains:
        yield {
            "family": _IPTABLES[path],
            "table": chain.table,
            "chain": chain.name,
            "policy": chain.policy,
            "rules": chain.rules,
            "source": path,
            "line": chain.line,
        }


def collect(look: Look) -> Iterator[Fact]:
    """See the declarations below."""
    yield from look.facts(
        {
            "nftables.configured": _nftables,
            "nftables.running": _running,
            "iptables.configured": _iptables,
        }
    )


_NFT_FIELDS = {
    "family": "text: ip, ip6, inet, arp, bridge or netdev",
    "table": "text: table",
    "chain": "text: chain",
    "type": "text: filter, nat or route; null for a chain that only others jump to",
    "hook": "text: input, forward, output …; null for a chain that only others jump to",
    "priority": "text: as written; null for a chain that only others jump to",
    "policy": "text: accept or drop; null for a chain that only others jump to",
    "source": "text: where it was read",
    "line": "number: line of the chain, null when it was read from the kernel",
}

COLLECTOR = Collector(
    id="firewall_rules",
    facts=(
        FactSpec(
            "nftables.configured",
            "table",
            "Chains that the nftables service loads, in the order of the files.",
            fields=_NFT_FIELDS | {"rules": "list: its rules as text, in order"},
            sensitive={"rules": "address"},
        ),
        FactSpec(
            "nftables.running",
            "table",
            "Chains in the kernel (firewalld's are among them), by family, table and chain.",
            facet="runtime",
            fields=_NFT_FIELDS | {"rules": "list: its rules as compact JSON without counters, in order"},
            sensitive={"rules": "address"},
        ),
        FactSpec(
            "iptables.configured",
            "table",
            "Chains of saved iptables rules, in the order of the files.",
            fields={
                "family": "text: ip or ip6",
                "table": "text: filter, nat, mangle, raw or security",
                "chain": "text: chain",
                "policy": "text: ACCEPT or DROP; null for a chain that only others jump to",
                "rules": "list: its rules as text, in order",
                "source": "text: the file",
                "line": "number: line of the chain",
            },
            sensitive={"rules": "address"},
        ),
    ),
    collect=collect,
)
