"""Ids that formats ask for, made from what they name: the same assessment always gets the same ones.

`identifier` makes UUIDs of version 5 (RFC 9562, section 5.5); OSCAL accepts versions 4 and 5 only. `token` makes names
that XML and OSCAL take for ids (a letter or underscore first).
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from scanner.frameworks.texts import without_texts
from scanner.model.canonical import canonical

__all__ = ["assessment_digest", "identifier", "target_name", "token", "tokens"]

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:assay:outputs")
_NOT_IN_TOKENS = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_TOKEN = 200


def assessment_digest(assessment: Mapping[str, Any]) -> str:
    """SHA-256 of the assessment in canonical form, 64 hexadecimal digits: the seed of ids of this assessment alone.

    The publisher's texts are no part of an assessment: with them and without them the ids are the same.
    """
    return hashlib.sha256(canonical(without_texts(assessment))).hexdigest()


def target_name(assessment: Mapping[str, Any]) -> str:
    """What stays the same when this target is assessed again: the seed of ids that a later file must find again."""
    target = assessment["target"]
    named = {
        key: (target.get("identity") or {}).get(key) for key in ("platform", "os_id", "variant_id", "host_name", "arch")
    }
    return json.dumps([target.get("kind"), named], sort_keys=True)


def identifier(*parts: str) -> str:
    """The UUID of these parts. Other parts, or the same in another order, give another one."""
    return str(uuid.uuid5(_SPACE, json.dumps(parts)))


def token(text: str) -> str:
    """`text` as an id: `164.312(a)(1)` becomes `_164.312_a_1`. Two texts may give one token: see `tokens`."""
    shown = _NOT_IN_TOKENS.sub("_", text)[:_MAX_TOKEN].strip("_")
    return shown if shown[:1].isalpha() else f"_{shown}"


def tokens(texts: Iterable[str]) -> dict[str, str]:
    """Text -> token, each another one: of texts that would share a token all but the first get a short digest."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        if text in found:
            continue
        name = token(text)
        if name in taken:
            name = f"{name}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
        taken.add(name)
        found[text] = name
    return found
