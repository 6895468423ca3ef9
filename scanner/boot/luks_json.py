"""Values of the JSON area of LUKS2, which is hostile: each is taken for what it is, or as None when it is not.

Source: cryptsetup, LUKS2 On-Disk Format Specification 1.1, section 3.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from scanner.model.errors import ParseError

__all__ = ["BINARY_SIZE", "MAX_OBJECTS", "data", "mapping", "number", "objects", "text", "texts"]

BINARY_SIZE = 4096
"""Bytes of the binary header; the JSON follows it."""

MAX_OBJECTS = 64
"""Keyslots, tokens, segments or digests of one header; cryptsetup itself stops at 32."""

_MAX_DATA = 4096


def objects(metadata: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    """The numbered objects of one section, by number. Raises ParseError when it is not such a section."""
    section = metadata.get(name)
    if not isinstance(section, dict) or len(section) > MAX_OBJECTS:
        raise ParseError(f"LUKS2 JSON: {name} is missing or too large", offset=BINARY_SIZE)
    for key, item in section.items():
        if not (key.isascii() and key.isdigit() and len(key) <= 4) or not isinstance(item, dict):
            raise ParseError(f"LUKS2 JSON: {name} holds something that is no numbered object", offset=BINARY_SIZE)
    return sorted(section.items(), key=lambda pair: int(pair[0]))


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, empty when it is something else."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A short text."""
    return value[:128] if isinstance(value, str) else None


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item[:128] for item in value[:MAX_OBJECTS] if isinstance(item, str)) if isinstance(value, list) else ()


def number(value: Any) -> int | None:
    """A number; LUKS2 writes 64-bit ones as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 1 << 64 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return None


def data(value: Any) -> bytes | None:
    """Bytes written in base64."""
    if not isinstance(value, str) or len(value) > _MAX_DATA:
        return None
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
