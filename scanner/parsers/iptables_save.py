"""What iptables-save writes and iptables-restore reads: rules.v4, /etc/sysconfig/iptables and the like.

Source: iptables-save(8), iptables-restore(8); iptables/iptables-restore.c. A table counts once its COMMIT is reached.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanner.model.errors import ParseError

__all__ = ["Chain", "parse"]

MAX_LINE = 10_240
"""Characters of one line (iptables-restore itself takes no longer one)."""


@dataclass(slots=True)
class Chain:
    """A chain of `table`. `policy` is None for a chain of one's own; `rules` are the words after `-A CHAIN`."""

    table: str
    name: str
    policy: str | None
    line: int
    rules: list[str] = field(default_factory=list)


def parse(text: str) -> list[Chain]:
    """Every chain, in order. Raises ParseError for what iptables-restore would stop at."""
    done: list[Chain] = []
    chains: dict[str, Chain] = {}
    table: str | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if len(line) > MAX_LINE:
            raise ParseError(f"longer than {MAX_LINE} characters", line=number)
        if not line or line.startswith("#"):
            continue
        if line.startswith("*") and table is None:
            table, chains = line[1:].strip(), {}
        elif table is None:
            raise ParseError("outside of any table", line=number)
        elif line == "COMMIT":
            done += chains.values()
            table = None
        elif line.startswith(":"):
            chain = _declared(line, table, number)
            chains[chain.name] = chain
        else:
            _change(chains, line, number)
    if table is not None:
        raise ParseError(f"table {table[:40]} has no COMMIT")
    return done


def _declared(line: str, table: str, number: int) -> Chain:
    """`:INPUT DROP [0:0]`."""
    found = re.fullmatch(r":(\S+)\s+(\S+)(?:\s+\[\d+:\d+\])?", line)
    if found is None:
        raise ParseError("not a chain", line=number)
    return Chain(table, found[1], None if found[2] == "-" else found[2], number)


def _change(chains: dict[str, Chain], line: str, number: int) -> None:
    """`-A`, `-I` and `-P`; packet counts before them are dropped."""
    found = re.fullmatch(
        r"(?:\[\d+:\d+\]\s+)?(-A|--append|-I|--insert|-P|--policy|-N|--new-chain)\s+(\S+)(?:\s+(.*))?", line
    )
    if found is None:
        raise ParseError("a command that is not supported", line=number)
    chain = chains.get(found[2])
    if chain is None:
        raise ParseError(f"chain {found[2][:40]} is not declared", line=number)
    words = " ".join((found[3] or "").split())
    if found[1] in ("-A", "--append"):
        chain.rules.append(words)
    elif found[1] in ("-I", "--insert"):
        place = re.match(r"(\d{1,6}) ", words)
        chain.rules.insert(int(place[1]) - 1 if place else 0, words[place.end() :] if place else words)
    elif found[1] in ("-P", "--policy"):
        chain.policy = words
