"""Hiding what outsiders need not know: names of people and machines, addresses, serial numbers.

A value that a fact declares sensitive is replaced by a salted digest, wherever it stands in the snapshot and in the
verdicts. Its *opening* (salt and value) stays with the vendor and proves the value later. Salts come from a secret of
the vendor by HMAC, so the same snapshot is redacted to the same bytes, and nobody can guess short values by trying
them. For the same reason the plain digests of files that hold such a value are left out.

A field whose value was hidden becomes one that nobody looked at, so a rule that asks for it is unknown and never passes
by redaction. Those results are the vendor's word: they are named, counted, and kept as they were judged before.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scanner.bundle.parts import Subject
from scanner.collectors.registry import specs, split
from scanner.engine.content import Content
from scanner.frameworks.inputs import Inputs, Text, evaluate, inputs_of
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.model.fact import Evidence, Fact, FactSpec
from scanner.model.result import Result, result_from
from scanner.model.snapshot import Snapshot
from scanner.schemas.reading import read_document, read_snapshot

__all__ = ["LEVELS", "MIN_SECRET", "OPENINGS_SCHEMA", "Opening", "Redacted", "openings_file", "read_openings", "redact"]

LEVELS: Mapping[str, tuple[str, ...]] = {
    "network": ("host", "address"),
    "device": ("host", "address", "serial"),
    "all": ("host", "address", "serial", "user"),
}
"""What each level hides; the words are those of `SENSITIVE`."""

MIN_SECRET = 32
"""Bytes of the vendor's secret, at least."""

PREFIX = "redacted-"
OPENINGS_SCHEMA = "assay/openings/v1"

_PUBLIC = frozenset({"root", "nobody", "localhost", "localhost.localdomain", "127.0.0.1", "::1", "0.0.0.0", "::", "*"})  # noqa: S104 - an address to leave alone
_SYSTEM_UIDS = 1000


@dataclass(frozen=True, slots=True)
class Opening:
    """What proves a hidden value: `digest` (hexadecimal) is SHA-256 over salt and value."""

    digest: str
    salt: str
    value: str

    @property
    def token(self) -> str:
        """What stands in the place of the value."""
        return PREFIX + self.digest

    def holds(self) -> bool:
        """Whether salt and value give the digest."""
        try:
            salt = bytes.fromhex(self.salt)
        except ValueError:
            return False
        return hashlib.sha256(salt + self.value.encode("utf-8", "surrogatepass")).hexdigest() == self.digest

    def to_json(self) -> dict[str, str]:
        """The entry of `openings`."""
        return {"digest": self.digest, "salt": self.salt, "value": self.value}


@dataclass(frozen=True, slots=True)
class Redacted:
    """A subject without the hidden values, and their openings."""

    subject: Subject
    openings: tuple[Opening, ...]


def openings_file(openings: Iterable[Opening], manifest: bytes) -> bytes:
    """The file that stays with the vendor: every opening, and the manifest (SHA-256) it belongs to."""
    listed = sorted({one.digest: one for one in openings}.items())
    return canonical(
        {
            "schema": OPENINGS_SCHEMA,
            "manifest": hashlib.sha256(manifest).hexdigest(),
            "openings": [one.to_json() for _, one in listed],
        }
    ) + b"\n"  # fmt: skip


def read_openings(data: bytes, where: str) -> tuple[Opening, ...]:
    """The openings of such a file, or of a part of it. Raises InputError."""
    document = read_document(data, "openings", OPENINGS_SCHEMA, where, "assay bundle create --redact")
    return tuple(Opening(one["digest"], one["salt"], one["value"]) for one in document["openings"])


def redact(subject: Subject, content: Content, level: str, secret: bytes) -> Redacted:
    """Hide what the level names. Raises UsageError for a level that does not exist or a short secret."""
    if level not in LEVELS:
        raise UsageError(f"there is no level {level!r}", hint=f"known: {', '.join(LEVELS)}")
    if len(secret) < MIN_SECRET:
        raise UsageError(f"the secret has {len(secret)} bytes; {MIN_SECRET} are needed", hint="head -c 32 /dev/urandom")
    hider = _Hider(_found(subject.snapshot, LEVELS[level]), secret)
    # As a reader will have it: the order of keys shows in the words of a verdict.
    snapshot = read_snapshot(canonical(_snapshot(subject.snapshot, hider).to_json()), "the redacted snapshot")
    inputs = _inputs(inputs_of(subject.assessment, content), hider)
    before = {one["instance"]: one for one in subject.assessment["results"]}
    again = {one.instance: one for one in evaluate(snapshot, content, inputs).results}
    taken = {
        name: _result(result_from(before[name]), hider)
        for name, one in again.items()
        if (one.status, dict(one.facets)) != (before[name]["status"], before[name]["facets"])
    }
    assessment = evaluate(snapshot, content, inputs, given=taken).to_json()
    return Redacted(Subject(snapshot, assessment, tuple(sorted(taken))), hider.openings())


class _Hider:
    """The values to hide, and what stands in their place."""

    def __init__(self, values: frozenset[str], secret: bytes) -> None:
        self._secret = secret
        self._opened: dict[str, Opening] = {}
        self.telling: set[str] = set()
        """SHA-256 of what was read where something is hidden."""
        longest_first = sorted(values, key=lambda value: (-len(value), value))
        pattern = "|".join(re.escape(value) for value in longest_first) or r"(?!)"
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", re.IGNORECASE)

    def openings(self) -> tuple[Opening, ...]:
        return tuple(self._opened[name] for name in sorted(self._opened))

    def names(self, text: str) -> bool:
        """Whether a value to hide stands in the text."""
        return self._pattern.search(text) is not None

    def token(self, value: str) -> str:
        """What stands for a value: the same everywhere in this bundle."""
        salt = hmac.digest(self._secret, b"assay/redaction/v1\0" + value.encode(), "sha256")
        digest = hashlib.sha256(salt + value.encode()).hexdigest()
        self._opened[digest] = Opening(digest, salt.hex(), value)
        return PREFIX + digest

    def text(self, text: str) -> str:
        """The text with each hidden value replaced by its token."""
        return self._pattern.sub(lambda found: self.token(found[0]), text)

    def field(self, value: Any) -> Any:
        """The value of a field of a fact: a marker "not looked at" where something in it is hidden.

        Texts inside lists and objects are hidden one by one where the container can say so, else as a whole.
        """
        if isinstance(value, str):
            return self._marker(value) if self.names(value) else value
        if isinstance(value, list):
            if any(isinstance(item, str) and self.names(item) for item in value):
                return {"state": "not_collected", "redacted": [self.token(str(item)) for item in value]}
            return [self.field(item) for item in value]
        if isinstance(value, dict):
            if any(self.names(key) for key in value):
                return {"state": "not_collected", "redacted": [self.token(key) for key in sorted(value)]}
            return {key: self.field(item) for key, item in value.items()}
        return value

    def _marker(self, value: str) -> dict[str, str]:
        return {"state": "not_collected", "redacted": self.token(value)}

    def words(self, value: Any) -> Any:
        """Any document with the values replaced in its texts; keys and structure stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.words(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.words(item) for key, item in value.items()}
        return value


# ---- what is hidden --------------------------------------------------------------------------------------------------


def _found(snapshot: Snapshot, words: tuple[str, ...]) -> frozenset[str]:
    """The sensitive values of a snapshot. What the system calls itself (its id, its version) is no secret."""
    known = specs()
    values: set[str] = set()
    for name, fact in snapshot.facts.items():
        spec = known.get(split(name)[0])
        if spec is not None and fact.state == "present":
            values.update(_of_fact(spec, fact.value, words))
    identity = snapshot.target.get("identity") or {}
    if "host" in words and identity.get("host_name"):
        values.add(str(identity["host_name"]))
    public = {str(value).lower() for key, value in identity.items() if key != "host_name"} | _PUBLIC
    return frozenset(value for value in values if value.strip() and value.lower() not in public)


def _of_fact(spec: FactSpec, value: Any, words: tuple[str, ...]) -> Iterator[str]:
    for field, word in spec.sensitive.items():
        if word not in words:
            continue
        if not field:
            yield from _texts(value)
            continue
        for record in value if isinstance(value, list) else [value]:
            if isinstance(record, dict) and not (word == "user" and _is_system(record)):
                yield from _texts(record.get(field))


def _is_system(record: Mapping[str, Any]) -> bool:
    """Whether a record is about an account of the system, whose name says nothing about a person."""
    uid = record.get("uid")
    return isinstance(uid, int) and (uid < _SYSTEM_UIDS or uid == 65534)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


# ---- the parts of a subject ------------------------------------------------------------------------------------------


def _snapshot(snapshot: Snapshot, hider: _Hider) -> Snapshot:
    for fact in snapshot.facts.values():
        if _hidden(fact.value, hider) != fact.value:
            hider.telling.update(one.sha256 for one in fact.evidence if one.sha256)
    return replace(
        snapshot,
        target=hider.words(dict(snapshot.target)),
        facts={hider.text(name): _fact(fact, hider) for name, fact in snapshot.facts.items()},
        limits=hider.words(dict(snapshot.limits)),
        run=hider.words(dict(snapshot.run)),
    )


def _fact(fact: Fact, hider: _Hider) -> Fact:
    shown = replace(
        fact,
        name=hider.text(fact.name),
        reason=hider.text(fact.reason) if fact.reason else fact.reason,
        evidence=tuple(_evidence(one, hider) for one in fact.evidence),
        gaps=tuple(hider.text(one) for one in fact.gaps),
    )
    value = _hidden(fact.value, hider)
    if isinstance(value, dict) and "redacted" in value and value != fact.value:
        return replace(shown, state="not_collected", value=None, reason=f"hidden: {value['redacted']}")
    return replace(shown, value=value)


def _hidden(value: Any, hider: _Hider) -> Any:
    """The value of a fact: its record or records stay, and their fields say that they were hidden."""
    if isinstance(value, dict):
        return {hider.text(key): hider.field(item) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [{key: hider.field(item) for key, item in record.items()} for record in value]
    return hider.field(value)


def _evidence(one: Evidence, hider: _Hider) -> Evidence:
    return replace(one, source=hider.text(one.source), sha256=None if one.sha256 in hider.telling else one.sha256)


def _result(one: Result, hider: _Hider) -> Result:
    return replace(
        one,
        explanation=hider.text(one.explanation),
        expected=hider.text(one.expected),
        found=hider.text(one.found),
        evidence=tuple(_evidence(item, hider) for item in one.evidence),
    )


def _inputs(inputs: Inputs, hider: _Hider) -> Inputs:
    def hidden(text: Text | None) -> Text | None:
        return Text(text.where, hider.text(text.text)) if text else None

    return replace(inputs, waivers=hidden(inputs.waivers), answers=hidden(inputs.answers))
