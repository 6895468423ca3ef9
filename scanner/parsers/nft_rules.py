"""nftables: configuration files in nft's own language, and the JSON of `nft -j list ruleset`.

Source: nft(8), libnftables-json(5). Tables and chains with their hook, priority and policy are understood; a rule stays
a line of normalised text. `include` is handed back in place, since only the caller can read files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any, Literal, TypeAlias

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Chain", "Command", "apply", "parse", "ruleset"]

MAX_TOKENS = 500_000
"""Tokens of one file."""

MAX_DEPTH = 32
"""Braces inside braces."""

MAX_REMOVALS = 1000
MAX_CHAINS = 5000
"""Flush and delete statements, and chains they may have to look through, in all files together."""

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_TOKEN = re.compile(
    r"""
    (?P<skip> [ \t\r]+ | \\\r?\n | \#[^\n]* ) | (?P<end> \n | ; ) | (?P<brace> [{}] )
    | (?P<text> "[^"\n]*" ) | (?P<word> [^\s;{}"\#\\]+ )
    """,
    re.VERBOSE,
)
_BASE = re.compile(r"type (\S+) hook (\S+)(?: device .*?)? priority (\S+(?: [+-] ?\S+)?)")


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a file does. `kind`: include (`value` = pattern), flush or delete (`place` = what, empty = everything),
    chain (`value` = hook line, or empty), policy, rule, insert (a rule at the front)."""

    kind: Literal["include", "flush", "delete", "chain", "policy", "rule", "insert"]
    place: tuple[str, ...]
    value: str
    line: int


@dataclass(slots=True)
class Chain:
    """A chain. `type`, `hook`, `priority` are None for a chain that only others jump to; so is then `policy`."""

    family: str
    table: str
    name: str
    type: str | None = None
    hook: str | None = None
    priority: str | None = None
    policy: str | None = None
    rules: list[str] = field(default_factory=list)
    source: str | None = None
    line: int | None = None


_Token: TypeAlias = tuple[str, str, int]


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ParseError("not a token of nft", line=line)
        kind = str(match.lastgroup)
        if kind != "skip":
            found.append((kind, match.group(), line))
        if len(found) > MAX_TOKENS:
            raise ParseError(f"more than {MAX_TOKENS} tokens", line=line)
        line += match.group().count("\n")
        at = match.end()
    return found


class _Reader:
    """Statements out of tokens: a statement ends at a newline or `;` outside of braces, or at its closing brace."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end of file", "", self._line())

    def _line(self) -> int:
        return self.tokens[-1][2] if self.tokens else 1

    def head(self) -> tuple[list[str], int, bool]:
        """Words up to the end of the statement or an opening brace: (words, line, whether a block opens here)."""
        words: list[str] = []
        line = self.peek()[2]
        while True:
            kind, text, _ = self.peek()
            if kind == "brace" and text == "{":
                return words, line, True
            if kind in ("end", "end of file") or text == "}":
                self.at += kind == "end"
                return words, line, False
            words.append(text)
            self.at += 1

    def braces(self) -> str:
        """The text of a brace group, from its opening to its closing brace."""
        out: list[str] = []
        depth = 0
        while True:
            kind, text, line = self.peek()
            if kind == "end of file":
                raise ParseError("a brace is never closed", line=line)
            self.at += 1
            if kind == "end":
                continue
            depth += (text == "{") - (text == "}")
            if depth > MAX_DEPTH:
                raise ParseError(f"more than {MAX_DEPTH} braces deep", line=line)
            out.append(text)
            if depth == 0:
                return " ".join(out)

    def rule(self) -> tuple[str, int]:
        """A whole statement, brace groups included, as normalised text."""
        line = self.peek()[2]
        out: list[str] = []
        while True:
            words, _, block = self.head()
            out += words
            if not block:
                return _text(out), line
            out.append(self.braces())


def _text(words: Iterable[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(words)).replace(" ,", ",").strip()


def parse(text: str) -> list[Command]:
    """What one file does, in order. Raises ParseError for what is not of this language."""
    return list(_file(_Reader(_tokens(text))))


def _file(reader: _Reader) -> Iterator[Command]:
    while reader.peek()[0] != "end of file":
        if reader.peek()[1] == "}":
            raise ParseError("a closing brace too many", line=reader.peek()[2])
        words, line, block = reader.head()
        if not words and block:
            raise ParseError("a block without a name", line=line)
        if not words:
            continue
        verb = words[0]
        if verb == "table" or words[:2] in (["add", "table"], ["create", "table"]):
            yield from _table(reader, words[1 if verb == "table" else 2 :], line, block)
        elif verb in ("add", "create", "insert", "flush", "delete", "destroy", "chain", "rule"):
            yield from _command(reader, words, line, block)
        elif verb == "include" and len(words) == 2 and not block:
            yield Command("include", (), words[1].strip('"'), line)
        elif verb in ("define", "redefine", "undefine", "reset", "list", "monitor", "replace", "rename"):
            if verb in ("replace", "rename"):
                raise ParseError(f"{verb} is not supported", line=line)
            if block:
                reader.braces()
        else:
            raise ParseError(f"{verb[:40]} is not a statement", line=line)


def _place(words: list[str], length: int, line: int) -> tuple[tuple[str, ...], list[str]]:
    """`[family] table [chain]` at the front of `words`, and the rest. The family is `ip` where none is said."""
    named = words if words[:1] and words[0] in _FAMILIES else ["ip", *words]
    if len(named) < length:
        raise ParseError("a table or chain without a name", line=line)
    return tuple(named[:length]), named[length:]


def _command(reader: _Reader, words: list[str], line: int, block: bool) -> Iterator[Command]:
    """A statement outside of a table block: `add chain inet t c { … }`, `add rule …`, `flush ruleset`."""
    verb, rest = ("add", words) if words[0] in ("chain", "rule") else (words[0], words[1:])
    subject, rest = (rest[0], rest[1:]) if rest else ("", [])
    if verb in ("flush", "delete", "destroy"):
        if subject in ("ruleset", "table", "chain"):
            length = {"ruleset": 0, "table": 2, "chain": 3}[subject]
            place = _place(rest, length, line)[0] if length else tuple(rest[:1])
            yield Command("flush" if verb == "flush" else "delete", place, "", line)
        elif subject == "rule":
            raise ParseError("delete rule is not supported", line=line)
    elif subject == "chain":
        place, _ = _place(rest, 3, line)
        yield from _chain(reader, place, line, block)
        return
    elif subject == "rule" or (verb == "insert" and subject in _FAMILIES):
        place, tail = _place(rest if subject == "rule" else [subject, *rest], 3, line)
        parts = tail
        if block:
            more, _ = reader.rule()
            parts = [*tail, more]
            block = False
        yield Command("insert" if verb == "insert" else "rule", place, _text(parts), line)
    if block:
        reader.braces()


def _table(reader: _Reader, words: list[str], line: int, block: bool) -> Iterator[Command]:
    place, _ = _place(words, 2, line)
    if not block:
        return
    reader.at += 1
    while reader.peek()[1] != "}":
        if reader.peek()[0] == "end of file":
            raise ParseError("a table is never closed", line=line)
        head, at, opens = reader.head()
        if head[:1] == ["include"]:
            raise ParseError("an include inside a table is not supported", line=at)
        if head[:1] == ["chain"] and len(head) == 2:
            yield from _chain(reader, (*place, head[1]), at, opens)
        elif opens:
            reader.braces()
    reader.at += 1


def _chain(reader: _Reader, place: tuple[str, ...], line: int, block: bool) -> Iterator[Command]:
    yield Command("chain", place, "", line)
    if not block:
        return
    reader.at += 1
    while reader.peek()[1] != "}":
        if reader.peek()[0] == "end of file":
            raise ParseError("a chain is never closed", line=line)
        text, at = reader.rule()
        if text.startswith("include "):
            raise ParseError("an include inside a chain is not supported", line=at)
        if text.startswith("type ") and " hook " in text:
            yield Command("chain", place, text, at)
        elif found := re.fullmatch(r"policy (\S+)", text):
            yield Command("policy", place, found[1], at)
        elif text and not text.startswith(("comment ", "flags ")):
            yield Command("rule", place, text, at)
    reader.at += 1


def apply(commands: Iterable[tuple[str, Command]]) -> list[Chain]:
    """The chains that the commands of (source, command) leave behind, in the order of their making."""
    chains: dict[tuple[str, ...], Chain] = {}
    removals = 0
    for source, command in commands:
        if command.kind in ("flush", "delete"):
            removals += 1
            if removals > MAX_REMOVALS or len(chains) > MAX_CHAINS:
                raise ParseError(f"more than {MAX_REMOVALS} removals or {MAX_CHAINS} chains", line=command.line)
            _remove(chains, command)
        elif command.kind != "include":
            family, table, name = command.place
            new = Chain(family, table, name, source=source, line=command.line)
            _change(chains.setdefault(command.place, new), command)
    return list(chains.values())


def _remove(chains: dict[tuple[str, ...], Chain], command: Command) -> None:
    """`flush ruleset` and `delete` remove chains, `flush table` and `flush chain` only their rules."""
    keep_chains = command.kind == "flush" and len(command.place) > 1
    for place in [place for place in chains if place[: len(command.place)] == command.place]:
        if keep_chains:
            chains[place].rules.clear()
        else:
            del chains[place]


def _change(chain: Chain, command: Command) -> None:
    if command.kind == "rule":
        chain.rules.append(command.value)
    elif command.kind == "insert":
        chain.rules.insert(0, command.value)
    elif command.kind == "policy":
        chain.policy = command.value
    elif command.value:
        found = _BASE.match(command.value)
        if found is None:
            raise ParseError("not the line of a base chain", line=command.line)
        chain.type, chain.hook, chain.priority = found.groups()
        chain.policy = chain.policy or "accept"  # what nft assumes for a base chain


def ruleset(text: str) -> list[Chain]:
    """The chains of `nft -j list ruleset`, with their rules as compact JSON. Raises ParseError."""
    try:
        entries = json.loads(text)["nftables"]
        chains: dict[tuple[str, str, str], Chain] = {}
        for entry in entries:
            if "chain" in entry:
                chain = _json_chain(entry["chain"])
                chains[chain.family, chain.table, chain.name] = chain
            elif "rule" in entry:
                rule = entry["rule"]
                body = _without_counters(rule["expr"])
                place = (rule["family"], rule["table"], rule["chain"])
                chains[place].rules.append(json.dumps(body, sort_keys=True, separators=(",", ":")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ParseError("not the JSON of a ruleset") from error
    return list(chains.values())


def _json_chain(got: dict[str, Any]) -> Chain:
    priority = got.get("prio")
    return Chain(
        str(got["family"]),
        str(got["table"]),
        str(got["name"]),
        got.get("type"),
        got.get("hook"),
        None if priority is None else str(priority),
        got.get("policy"),
    )


def _without_counters(statements: list[Any]) -> list[Any]:
    """Packet counts change with every packet and say nothing about the configuration."""
    return [item for item in statements if not (isinstance(item, dict) and "counter" in item)]
