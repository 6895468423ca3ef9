"""JSON and base64 of strangers, read strictly: what two readers could understand in two ways is refused."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from scanner.model.strict_json import no_constant, unique_keys
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["MAX_BOM_PARTS", "MAX_DOCUMENT", "MAX_PARTS", "decode_base64", "read_object", "text_of"]

MAX_DOCUMENT = 144 * 1024 * 1024
"""Bytes of an envelope, a bundle or a signed payload: base64 makes 134 million bytes of an SBOM of 100 million. To
verify and load that one (110,000 components) takes 950 MiB."""

MAX_PARTS = 100_000
"""Values of a document whose author is unknown: each costs memory far beyond its bytes. Base64 holds none of the marks
by which they are counted."""

MAX_BOM_PARTS = 8_000_000
"""The same for a statement that holds an SBOM which a user wants to see although nobody verified it: one of 100,000
components has some 3 million."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*={0,2}")


def read_object(data: bytes, what: str, *, trusted: bool = False, parts: int = MAX_PARTS) -> dict[str, Any]:
    """The JSON object in `data`: UTF-8, no key twice, no NaN, bounded. `trusted`: its author is known by signature;
    `parts`: values that it may have otherwise.

    Raises RefusedError.
    """
    if len(data) > MAX_DOCUMENT:
        raise RefusedError(f"{what} is larger than {MAX_DOCUMENT} bytes")
    if not trusted and sum(data.count(mark) for mark in (b",", b"[", b"{")) > parts:
        raise RefusedError(f"{what} has more than {parts} values")
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=no_constant)
    except RecursionError:
        raise RefusedError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise RefusedError(f"{what} is not JSON as it should be: {str(error)[:160]}") from None
    if not isinstance(found, dict):
        raise RefusedError(f"{what} is not a JSON object")
    return found


def text_of(value: Any, what: str) -> str:
    """A JSON text that is not empty. Raises RefusedError."""
    if not isinstance(value, str) or not value:
        raise RefusedError(f"{what} is missing or is no text")
    return value


def decode_base64(value: Any, what: str, *, url_safe: bool = False) -> bytes:
    """The bytes of a base64 text: one alphabet, whole padding, nothing between. Raises RefusedError.

    `url_safe`: the other alphabet is allowed too, as DSSE wants it.
    """
    text = text_of(value, what)
    if url_safe and ("-" in text or "_" in text) and _URL_SAFE.fullmatch(text):
        text = text.replace("-", "+").replace("_", "/")
    if not _BASE64.fullmatch(text):
        raise RefusedError(f"{what} is not base64")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise RefusedError(f"{what} is not base64") from None
