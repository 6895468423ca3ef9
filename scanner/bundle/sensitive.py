"""Which values of all subjects of a bundle are to be hidden."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from scanner.bundle.marks import marked, own_values
from scanner.bundle.parts import Subject
from scanner.bundle.telling import PUBLIC, by_form, named
from scanner.collectors.registry import specs, split
from scanner.model.fact import Fact
from scanner.model.snapshot import Snapshot

__all__ = ["MAX_LENGTH", "MIN_LENGTH", "sensitive_values"]

MIN_LENGTH = 3
"""A shorter value stands by chance in any text: it is hidden in its own field alone."""

MAX_LENGTH = 255
"""A longer one is no name: its own field alone is hidden, and the names that were found in it."""

_VERSIONS = frozenset({"version", "release", "evr", "sbat", "version_id", "ostree_version", "stub_version", "uname"})
_DIGESTS = frozenset({"sha256", "fingerprint", "key_id", "checksum", "partition_type", "root_hash", "stored_root_hash"})
_KEYS = ("name", "key", "keyword", "directive")


def sensitive_values(subjects: Sequence[Subject], words: Collection[str]) -> frozenset[str]:
    """The values of these words in any subject, long enough to be replaced everywhere.

    What a system calls itself (its id, its version) and names of its own accounts are no secret.
    """
    public = set(PUBLIC)
    found: set[str] = set()
    for one in subjects:
        public |= _own_names(one.snapshot)
        found |= {*_of_marks(one.snapshot, words), *_of_forms(one, words)}
    return frozenset(
        one for one in found if MIN_LENGTH <= len(one.strip()) <= MAX_LENGTH and one.strip().lower() not in public
    )


def _own_names(snapshot: Snapshot) -> set[str]:
    identity = snapshot.target.get("identity") or {}
    names = {str(value).lower() for key, value in identity.items() if key != "host_name"}
    users = snapshot.facts.get("accounts.users")
    for record in users.value if users is not None and users.state == "present" else ():
        uid = record.get("uid")
        if isinstance(uid, int) and (uid < 1000 or uid == 65534):
            names.add(str(record.get("name")).lower())
    return names


def _of_marks(snapshot: Snapshot, words: Collection[str]) -> Iterator[str]:
    known = specs()
    if "host" in words:
        host = str((snapshot.target.get("identity") or {}).get("host_name") or "")
        yield from (*named(host, "host"), host.partition(".")[0])
    for name, fact in snapshot.facts.items():
        spec = known.get(split(name)[0])
        if spec is None or fact.state != "present":
            continue
        if spec.sensitive.get("") in words:
            yield from own_values(fact.value, spec.sensitive[""])
        for record in fact.value if isinstance(fact.value, list) else [fact.value]:
            if isinstance(record, dict):
                for field, word in marked(spec, record, words):
                    yield from own_values(record[field], word)


def _of_forms(one: Subject, words: Collection[str]) -> Iterator[str]:
    for name, fact in one.snapshot.facts.items():
        yield from by_form(split(name)[1] or "", words)
        yield from _of_fact(fact, words)
    rest = (one.snapshot.target.get("layout"), one.snapshot.limits, one.snapshot.run.get("collectors"))
    inputs = one.assessment.get("inputs") or {}
    for value in (*rest, inputs.get("waivers"), inputs.get("answers")):
        yield from _in(value, words, version=False)


def _of_fact(fact: Fact, words: Collection[str]) -> Iterator[str]:
    for text in (fact.reason or "", *fact.gaps, *(source.source for source in fact.evidence)):
        yield from by_form(text, words)
    yield from _in(fact.value, words, version=fact.name.startswith("packages."))


def _in(value: Any, words: Collection[str], version: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield from by_form(value, words, version)
    elif isinstance(value, list):
        for item in value:
            yield from _in(item, words, version)
    elif isinstance(value, dict):
        yield from _in_record(value, words, version)


def _in_record(record: dict[str, Any], words: Collection[str], version: bool) -> Iterator[str]:
    for key, item in record.items():
        if key not in _DIGESTS:
            yield from _in(item, words, version or key in _VERSIONS)
    setting = next((record[key] for key in _KEYS if isinstance(record.get(key), str)), None)
    if setting and isinstance(record.get("value"), str):
        yield from by_form(f"{setting}={record['value']}", words, version)
