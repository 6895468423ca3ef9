"""The result of `assay verify` in words: the verdict, what it rests on, then everything else that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.table import clean

__all__ = ["text"]

_STATES = {"verified": "VERIFIED", "failed": "NOT VERIFIED", "unsupported": "CANNOT BE VERIFIED HERE"}
_SYMBOLS = {"verified": "✓", "failed": "✗", "unsupported": "?"}


def text(document: Mapping[str, Any]) -> str:
    """A document of the schema `assay/verify/v1` as lines."""
    artifact = document["artifact"]
    lines = [f"{_STATES[document['state']]}: {clean(artifact['name'])}: {clean(document['reason'])}"]
    platform = f" ({clean(artifact['platform'])})" if artifact["platform"] else ""
    lines.append(f"  {artifact['kind']}{platform} {artifact['digest']}")
    lines += [f"  listed by index {clean(digest)}" for digest in artifact["listed_by"]]
    for at, one in enumerate(document["findings"]):
        lines += _finding(one, at in document["counted"])
    lines += [f"  note: {clean(note)}" for note in document["notes"]]
    return "\n".join(lines) + "\n"


def _finding(one: Mapping[str, Any], counted: bool) -> Iterator[str]:
    kind = clean(one["predicate_type"] or one["kind"])
    yield f"  {_SYMBOLS[one['state']]} {kind}: {clean(one['place'])}{' (counts)' if counted else ''}"
    signer = one["signer"]
    if signer:
        who = signer.get("identity") or signer.get("key", "")
        source = signer.get("issuer") or signer.get("key_file", "")
        yield f"      by {clean(who)} ({clean(source)})"
    if one["subject"]:
        yield f"      over {clean(one['subject'])}"
    if one["verdict"]:
        yield f"      says {clean(one['verdict'])}"
    if one["time"]:
        yield f"      at {one['time']} ({clean(one['time_source'])})"
    yield from (f"      {clean(name)}: {clean(value)}" for name, value in one["details"].items())
    if one["reason"]:
        yield f"      {clean(one['reason'])}"
