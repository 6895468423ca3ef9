"""The published form of `assay target show --json`."""

from __future__ import annotations

from typing import Any

from scanner.schemas.forms import TEXT, TEXTS, list_of, map_of, object_of

__all__ = ["target"]

_NULL_TEXT = {"type": ["string", "null"]}
_STATES = ("read", "encrypted", "unsupported", "damaged", "empty")


def target() -> dict[str, Any]:
    """What a target contains: a disk image has slots, mounts and parts; an archive a platform, layers and labels; a
    directory only its kind."""
    part = object_of(
        {
            "name": TEXT,
            "kind": TEXT,
            "type": _NULL_TEXT,
            "size": {"type": "string", "pattern": "^[0-9]+$"},
            "label": _NULL_TEXT,
            "uuid": _NULL_TEXT,
            "state": {"enum": list(_STATES)},
            "notes": TEXTS,
        }
    )
    image = {
        "layout": TEXT,
        "slot": _NULL_TEXT,
        "why": TEXT,
        "slots": list_of(object_of({"name": TEXT, "role": TEXT, "part": TEXT, "why": TEXT})),
        "mounts": map_of(TEXT),
        "parts": list_of(part),
    }
    archive = {"layout": TEXT, "notes": TEXTS}
    form = object_of(
        {"schema": {"const": "assay/target/v1"}, "kind": TEXT},
        {**image, **archive, "platform": TEXT, "layers": TEXTS, "labels": map_of(TEXT)},
    )
    by_kind = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": {"required": sorted(wanted)}}
        for kind, wanted in (("archive", archive), ("image", image))
    ]
    return {**form, "allOf": by_kind}
