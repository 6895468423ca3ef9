"""Hiding what outsiders need not know: names of people and machines, addresses, serial numbers.

A value that a fact marks as sensitive, or that tells by its form (see `telling`), is replaced by a salted digest
wherever it stands in the snapshots and the verdicts. Its *opening* (salt and value) stays with the vendor and proves
the value later. Salts come from a secret of the vendor by HMAC, so the same snapshots are redacted to the same bytes,
and nobody can guess short values by trying them. For the same reason the plain digests of files that hold such a value
are left out.

A field whose value was hidden becomes one that nobody looked at, so a rule that asks for it is unknown and never passes
by redaction. Those results are the vendor's word: they are named, counted, and kept as they were judged before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanner.bundle.hiding import Hider
from scanner.bundle.judging import TOKEN
from scanner.bundle.marks import marked, own_values
from scanner.bundle.openings import OPENINGS_SCHEMA, PREFIX, Opening, openings_file, read_openings
from scanner.bundle.parts import Subject
from scanner.bundle.redacted_inputs import hidden_inputs
from scanner.bundle.sensitive import sensitive_values
from scanner.collectors.registry import specs, split
from scanner.engine.content import Content
from scanner.frameworks.inputs import evaluate, inputs_of
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.model.fact import Evidence, Fact
from scanner.model.result import Assessment, Result, result_from
from scanner.model.snapshot import Snapshot
from scanner.schemas.reading import read_snapshot

__all__ = [
    "LEVELS",
    "MIN_SECRET",
    "OPENINGS_SCHEMA",
    "PREFIX",
    "Opening",
    "Redacted",
    "openings_file",
    "read_openings",
    "redact",
]

LEVELS: Mapping[str, tuple[str, ...]] = {
    "network": ("host", "address"),
    "device": ("host", "address", "serial"),
    "all": ("host", "address", "serial", "user"),
}
"""What each level hides; the words are those of `SENSITIVE`."""

MIN_SECRET = 32
"""Bytes of the vendor's secret, at least."""

_OPEN = ("unknown", "error")
_SELF = frozenset({"os.release", "os.arch"})
"""What the system calls itself, which is no secret: the identity of the target is held against it."""

_OWN = frozenset({"id", "clock", "collected_at", "started"})
"""Fields of `run` that hold our own words."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """Subjects without the hidden values, and what opens these."""

    subjects: tuple[Subject, ...]
    openings: tuple[Opening, ...]


def redact(subjects: Sequence[Subject], content: Content, level: str, secret: bytes) -> Redacted:
    """Hide what the level names, in all subjects what any of them names.

    Raises UsageError for a level that does not exist, a short secret, or a value that stands where it cannot be hidden.
    """
    if level not in LEVELS:
        raise UsageError(f"there is no level {level!r}", hint=f"known: {', '.join(LEVELS)}")
    if len(secret) < MIN_SECRET:
        raise UsageError(f"the secret has {len(secret)} bytes; {MIN_SECRET} are needed", hint="head -c 32 /dev/urandom")
    words = LEVELS[level]
    hider = Hider(sensitive_values(subjects, words), secret, [one.snapshot.facts_digest for one in subjects])
    for one in subjects:
        for fact in one.snapshot.facts.values():
            if _value(fact, hider, words) != fact.value:
                for source in fact.evidence:
                    hider.tells(source.sha256)
    hosts = [name for one in subjects if (name := _host(one.snapshot))]
    hidden = tuple(_subject(one, content, hider, words, hosts) for one in subjects)
    return Redacted(hidden, tuple(_used(hider.openings(), hidden)))


def _used(openings: Sequence[Opening], subjects: Sequence[Subject]) -> Iterator[Opening]:
    """Those whose token stands in a subject; others were made while looking."""
    written = [canonical(part) for one in subjects for part in (one.snapshot.to_json(), dict(one.assessment))]
    tokens = {token for data in written for token in TOKEN.findall(data)}
    yield from (one for one in openings if one.token.encode() in tokens)


def _subject(one: Subject, content: Content, hider: Hider, words: Collection[str], hosts: Sequence[str]) -> Subject:
    asked = frozenset(name for result in one.assessment["results"] for name in result["facts"])
    # As a reader will have it: the order of keys shows in the words of a verdict.
    snapshot = read_snapshot(canonical(_snapshot(one.snapshot, hider, words, asked).to_json()), "the redacted snapshot")
    own = _host(one.snapshot)
    inputs = hidden_inputs(inputs_of(one.assessment, content), hider, ([own] if own else []) + [*hosts])
    taken = _taken(one.assessment, evaluate(snapshot, content, inputs), hider)
    assessment = evaluate(snapshot, content, inputs, given=taken).to_json()
    return Subject(snapshot, assessment, tuple(sorted(taken)))


def _taken(before: Mapping[str, Any], again: Assessment, hider: Hider) -> dict[str, Result]:
    """The results that redaction opened, with the verdict and the words they had."""
    was = {one["instance"]: one for one in before["results"]}
    found = {}
    for now in again.results:
        old = result_from(was[now.instance])
        if now.status == old.status:
            continue
        if now.status not in _OPEN:
            raise UsageError(
                f"{now.instance} would change from {old.status} to {now.status} by hiding values",
                hint="choose another --redact level, and report this",
            )
        found[now.instance] = replace(
            now,
            status=old.status,
            facets=old.facets,
            half=old.half,
            explanation=hider.text(old.explanation),
            expected=hider.text(old.expected),
            found=hider.text(old.found),
            evidence=tuple(_evidence(one, hider) for one in old.evidence),
        )
    return found


def _host(snapshot: Snapshot) -> str:
    return str((snapshot.target.get("identity") or {}).get("host_name") or "")


# ---- the snapshot ----------------------------------------------------------------------------------------------------


def _snapshot(snapshot: Snapshot, hider: Hider, words: Collection[str], asked: Collection[str]) -> Snapshot:
    target = dict(snapshot.target)
    identity = target.get("identity")
    if identity and identity.get("host_name"):
        target["identity"] = {**identity, "host_name": hider.token(str(identity["host_name"]))}
    facts = [_fact(fact, hider, words, asked) for fact in snapshot.facts.values()]
    return replace(
        snapshot,
        target={**target, "layout": hider.words(target.get("layout", {}))},
        facts={one.name: one for one in facts},
        limits=hider.words(dict(snapshot.limits)),
        run=hider.words(dict(snapshot.run), _OWN),
    )


def _fact(fact: Fact, hider: Hider, words: Collection[str], asked: Collection[str]) -> Fact:
    shown = replace(
        fact,
        name=fact.name if fact.name in asked else _name(fact.name, hider),
        reason=hider.text(fact.reason) if fact.reason else fact.reason,
        evidence=tuple(_evidence(one, hider) for one in fact.evidence),
        gaps=tuple(hider.text(one) for one in fact.gaps),
    )
    value = _value(fact, hider, words)
    if isinstance(value, dict) and "redacted" in value and value != fact.value:
        tokens = value["redacted"]
        return replace(
            shown,
            state="not_collected",
            value=None,
            reason=f"hidden: {', '.join(tokens) if isinstance(tokens, list) else tokens}",
        )
    return replace(shown, value=value)


def _name(name: str, hider: Hider) -> str:
    """The name without a hidden value in its argument. What a rule asks for is named by the rule: no secret."""
    fact, argument = split(name)
    return f"{fact}:{hider.token(argument)}" if argument and hider.names(argument) else name


def _value(fact: Fact, hider: Hider, words: Collection[str]) -> Any:
    """The value of a fact: its record or records stay, and their fields say that they were hidden."""
    if fact.state != "present" or fact.name in _SELF:
        return fact.value
    spec = specs().get(split(fact.name)[0])

    def record(value: Mapping[str, Any]) -> dict[str, Any]:
        own = {
            field
            for field, word in (marked(spec, value, words) if spec is not None else ())
            if any(own_values(value[field], word))
        }
        return {key: _own(item, hider) if key in own else hider.field(item) for key, item in value.items()}

    if isinstance(fact.value, dict):
        return record(fact.value)
    if isinstance(fact.value, list) and all(isinstance(item, dict) for item in fact.value):
        return [record(item) for item in fact.value]
    if spec is not None and spec.sensitive.get("") in words and any(own_values(fact.value, spec.sensitive[""])):
        return _own(fact.value, hider)
    return hider.field(fact.value)


def _own(value: Any, hider: Hider) -> Any:
    """A marked field that names something: hidden whole."""
    whole = isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    return hider.marker(value) if whole else hider.field(value)


def _evidence(one: Evidence, hider: Hider) -> Evidence:
    return replace(one, source=hider.text(one.source), sha256=None if one.sha256 in hider.telling else one.sha256)
