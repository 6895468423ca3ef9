"""Finding the format of a document by its content, and loading it."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import zlib
from functools import cache
from typing import Any

import scanner.supply_chain.loading as package
from scanner.model.errors import InputError
from scanner.supply_chain.bulk import without_collector
from scanner.supply_chain.loading.base import Loader, Source, refuse
from scanner.supply_chain.loading.xml_text import root_name
from scanner.supply_chain.model import Bom

__all__ = ["from_predicate", "loaders", "open_bom", "source_of"]

MAX_UNPACKED = 1024 * 1024 * 1024
"""Bytes that a gzip-compressed document may unpack to."""

_GZIP = b"\x1f\x8b"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ACCEPTED = "CycloneDX 1.2 to 1.7 (JSON, XML), SPDX 2.2 and 2.3 (JSON, tag-value, YAML, XML, RDF) or SPDX 3.0 JSON-LD"


@cache
def loaders() -> tuple[Loader, ...]:
    """Every loader of the package, by id."""
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        loader = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), "LOADER", None)
        if isinstance(loader, Loader):
            found.append(loader)
    return tuple(sorted(found, key=lambda loader: loader.id))


def open_bom(data: bytes, where: str) -> Bom:
    """The document in `data` (plain or gzip), whatever its format; `where` is its name for messages.

    Raises InputError, with the place inside and a hint, for what is no SBOM, is damaged, or claims to be two formats.
    """
    source = source_of(data, where)
    fitting = [loader for loader in loaders() if loader.probe(source)]
    if len(fitting) > 1:
        names = " and ".join(loader.id for loader in fitting)
        raise refuse(source, f"claims to be several formats at once: {names}", hint="readers would differ about it")
    if not fitting:
        raise _unknown(source)
    with without_collector():
        return fitting[0].load(source)


def source_of(data: bytes, where: str) -> Source:
    """`data` unpacked, with its family told. Raises InputError when empty, and for gzip damaged or too large."""
    digest = hashlib.sha256(data).hexdigest()
    if data[:2] == _GZIP:
        data = _unpacked(data, where)
    start = data[:4096].replace(b"\0", b"")  # UTF-16 has zero bytes between those of ASCII
    for mark in _BOMS:
        start = start.removeprefix(mark)
    start = start.lstrip()
    if not start:
        raise InputError("is empty", where=where, hint=f"accepted: {_ACCEPTED}")
    family = {b"{": "json", b"<": "xml"}.get(start[:1], "text")
    return Source(data, where, digest, family)


def from_predicate(predicate_type: str, predicate: Any, where: str = "attestation") -> Bom:
    """The SBOM inside an in-toto statement: `predicate` is the parsed predicate (an object, or the text of a tag-value
    document as cosign wraps it). Its `sha256` is that of the canonical JSON of the predicate, or of the text."""
    if isinstance(predicate, dict) and isinstance(predicate.get("Data"), str):
        predicate = predicate["Data"]  # cosign's custom predicate: the document as one string
    if isinstance(predicate, str):
        return open_bom(predicate.encode("utf-8", "replace"), where)
    if not isinstance(predicate, dict):
        raise InputError(f"the predicate of type {predicate_type[:100]} is no document", where=where)
    try:
        return open_bom(json.dumps(predicate, sort_keys=True, separators=(",", ":")).encode(), where)
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"the predicate of type {predicate_type[:100]} cannot be read", where=where) from None


def _unknown(source: Source) -> InputError:
    head = source.head
    if b'"predicateType"' in head or b'"payloadType"' in head or b'"dsseEnvelope"' in head:
        return refuse(source, "is a signed statement, not an SBOM", hint="use: assay verify")
    if source.family == "xml":
        root_name(source)  # damage and DTDs have a better message of their own
    return refuse(source, "is no SBOM that this program knows", hint=f"accepted: {_ACCEPTED}")


def _unpacked(data: bytes, where: str) -> bytes:
    """All members of a gzip file."""
    parts: list[bytes] = []
    left = MAX_UNPACKED
    try:
        while data[:2] == _GZIP:
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(data, left + 1))
            left -= len(parts[-1])
            if left < 0:
                raise InputError(f"unpacks to more than {MAX_UNPACKED} bytes", where=where)
            if not stream.eof:
                raise InputError("gzip data that ends too early", where=where, hint="copy the file again")
            data = stream.unused_data
    except zlib.error as error:
        raise InputError(f"damaged gzip data: {error}", where=where, hint="copy the file again") from None
    if data.strip(b"\0"):
        raise InputError("something follows the gzip data", where=where)
    return b"".join(parts)
