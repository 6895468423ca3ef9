"""Finding the format of a VEX document by its content, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from scanner.model.errors import InputError
from scanner.supply_chain.loading.base import Drops, Source, refuse
from scanner.supply_chain.loading.json_text import read_object
from scanner.supply_chain.loading.opening import open_bom, source_of
from scanner.supply_chain.model import Bom, Component
from scanner.supply_chain.vex import csaf, openvex
from scanner.supply_chain.vex.model import Named, Statement, VexDocument

__all__ = ["open_vex"]

_ACCEPTED = "OpenVEX, CSAF 2.0 and CycloneDX documents in JSON"


def open_vex(data: bytes, where: str) -> VexDocument:
    """The statements in `data`; `where` is its name for messages. Raises InputError for what is no VEX document."""
    source = source_of(data, where)
    if source.family != "json":
        raise InputError("is no VEX document in JSON", where=where, hint=f"accepted: {_ACCEPTED}")
    if b'"bomFormat"' in source.head:
        return _cyclonedx(data, source)
    top = read_object(source, {})
    context = top.get("@context")
    contexts = context if isinstance(context, list) else [context]
    if any(isinstance(one, str) and one.startswith("https://openvex.dev/ns") for one in contexts):
        return _read(source, "openvex", top, openvex.read)
    document = top.get("document")
    if isinstance(document, dict) and str(document.get("category", "")).startswith("csaf_"):
        return _read(source, "csaf", top, csaf.read)
    raise refuse(source, "is no VEX document that this program knows", hint=f"accepted: {_ACCEPTED}")


def _read(
    source: Source,
    name: str,
    top: dict[str, Any],
    reader: Callable[[dict[str, Any], str, Drops], tuple[list[Statement], str, str]],
) -> VexDocument:
    drops = Drops()
    statements, author, issued = reader(top, source.where, drops)
    return VexDocument(name, source.where, source.sha256, tuple(statements), author, issued, drops.result())


def _cyclonedx(data: bytes, source: Source) -> VexDocument:
    """A CycloneDX document whose vulnerabilities speak of another one, or of another edition of the same one."""
    bom = open_bom(data, source.where)
    listed = {one.ref: one for one in bom.components}
    statements = []
    for flaw in bom.vulnerabilities:
        words = [word for ref in flaw.affects for word in _words(bom, ref, listed.get(ref))]
        named = [
            Named(one.name, one.version, one.group or one.supplier)
            for one in (listed[ref] for ref in flaw.affects if ref in listed)
            if one.purl is None and not one.cpes
        ]
        said = replace(flaw, affects=tuple(words), source=flaw.source or source.where)
        statements.append(Statement(said, named=tuple(named)))
    author = ", ".join(bom.authors)
    return VexDocument("cyclonedx", source.where, bom.sha256, tuple(statements), author, bom.created, bom.dropped)


def _words(bom: Bom, ref: str, listed: Component | None) -> tuple[str, ...]:
    """What a ref of this document is called elsewhere."""
    if listed is None:
        return (ref if ":" in ref else _link(bom, ref),)
    return (listed.purl,) if listed.purl else (_link(bom, ref), *listed.cpes)


def _link(bom: Bom, ref: str) -> str:
    """A ref of this document as a BOM-Link, for it means nothing elsewhere; as text that fits nothing when the document
    has no serial number."""
    serial = bom.serial.removeprefix("urn:uuid:")
    return f"urn:cdx:{serial}/1#{quote(ref, safe='')}" if serial else f"{ref} of {bom.source or 'a document'}"
