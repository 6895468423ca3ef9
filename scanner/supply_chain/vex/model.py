"""Statements of a VEX document, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.supply_chain.model import Dropped, Vulnerability

__all__ = ["STATES", "Named", "Statement", "VexDocument"]

STATES = ("affected", "under_investigation", "unknown", "fixed", "not_affected")
"""The worst first: of contradicting statements of one source the worst counts."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a document names in words only. `vendor` may be empty."""

    name: str
    version: str
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """`vulnerability.affects` names what is affected (package URLs, digests, refs, BOM-Links, CPE names, or text that
    nothing can be matched with); `named`: more of it, that has no such name. `products`: what it is part of, in the
    same words as `affects`; the statement holds only inside one of them, or anywhere when there are none."""

    vulnerability: Vulnerability
    products: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class VexDocument:
    """`format`: openvex, csaf or cyclonedx. `source`: the name of the file; `sha256`: of its bytes; `author`, `issued`:
    as written; `dropped`: what could not be read as a statement."""

    format: str
    source: str
    sha256: str
    statements: tuple[Statement, ...]
    author: str = ""
    issued: str = ""
    dropped: tuple[Dropped, ...] = ()
