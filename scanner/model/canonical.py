"""Canonical JSON (RFC 8785) and the digests made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from scanner.model.errors import InputError

__all__ = ["canonical", "digest", "plain", "printable"]

_MAX_INT = 2**53 - 1

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

# UTF-8 of U+E000 and above: only with such a character can code point order differ from UTF-16 order.
_BEYOND = bytes(range(0xEE, 0x100))


def printable(text: str | bytes) -> str:
    """Text that JSON can carry: undecodable bytes become %XX (and a literal % before hex digits stays as it is).

    File names are bytes; `text` may hold lone surrogates from `surrogateescape`.
    """
    raw = text if isinstance(text, bytes) else None
    if raw is None:
        assert isinstance(text, str)
        if text.isascii():
            return text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogateescape")
        else:
            return text
    out = raw.decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(char) - 0xDC00:02X}" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in out)


def plain(value: Any, text: Callable[[str | bytes], str] = printable) -> Any:
    """`value` as canonical JSON can hold it: tuples become lists, large integers become text, bytes are escaped.

    `text` says how texts stand there. Raises TypeError for what has no place in evidence (floats, sets, objects).
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | bytes):
        return text(value)
    if isinstance(value, int):
        return value if -_MAX_INT <= value <= _MAX_INT else str(value)
    if isinstance(value, dict):
        return {printable(str(key)): plain(item, text) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, text) for item in value]
    raise TypeError(f"{type(value).__name__} cannot stand in evidence")


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of `value` (for our subset: no floats). Keys are sorted by UTF-16 code units."""
    try:
        # Sorting by code points equals sorting by UTF-16 units unless a key lies beyond the BMP; then order by units.
        raw = _ENCODER.encode(value).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InputError(f"not canonical JSON: {error}") from error
    if len(raw.translate(None, _BEYOND)) < len(raw):
        return json.dumps(_ordered(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    return raw


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def digest(value: Any) -> str:
    """`sha256:` and the hex digest of the canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()
