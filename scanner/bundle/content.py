"""The packed rules and controls: are they those of the released Assay, and if not, which differ?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import scanner
from scanner import files as own_files
from scanner.bundle.manifest import sha256
from scanner.engine.content import Content, digest_of, from_files
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["compare", "content_of"]

_NAMED = 8


def compare(sums: Mapping[str, str], stated: Mapping[str, Any], installed: Content, version: str) -> dict[str, Any]:
    """How packed content (SHA-256 by name) differs from the installed one: `same`, `changed`, `added`, `removed`, and a
    sentence. `version` is the Assay that packed it. Raises RefusedError when it is not the content that is stated."""
    digest = digest_of(sums, stated["overrides"])
    if digest != stated["digest"]:
        raise RefusedError("the packed content is not the one that the manifest states")
    if digest == installed.digest:
        changed: list[str] = []
        added: list[str] = []
        removed: list[str] = []
        sentence = f"the rules and controls are those of the released Assay {scanner.__version__}"
    else:
        own = {name: sha256(own_files.read_bytes(path)) for name, path in installed.paths.items()}
        changed = sorted(name for name in own.keys() & sums.keys() if own[name] != sums[name])
        added, removed = sorted(sums.keys() - own.keys()), sorted(own.keys() - sums.keys())
        sentence = _modified(changed, added, removed, version)
    return {
        "same": digest == installed.digest,
        "digest": digest,
        "changed": changed,
        "added": added,
        "removed": removed,
        "sentence": sentence,
    }


def _modified(changed: list[str], added: list[str], removed: list[str], version: str) -> str:
    counts = ", ".join(
        f"{len(names)} {word} ({', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''})"
        for word, names in (("changed", changed), ("added", added), ("removed", removed))
        if names
    )
    said = f"MODIFIED: the rules or controls are not those of the released Assay {scanner.__version__}: {counts}"
    if version == scanner.__version__:
        return said
    return f"{said}; the signer says they are those of Assay {version}: verify with that version to see"


def content_of(
    packed: Mapping[str, bytes], prefix: str, sums: Mapping[str, str], stated: Mapping[str, Any], installed: Content
) -> Content:
    """The packed content. When it is the installed one to the byte, that is taken, which was read already."""
    if stated["digest"] == installed.digest:
        return installed
    return from_files({name: packed[prefix + name] for name in sums}, tuple(stated["overrides"]))
