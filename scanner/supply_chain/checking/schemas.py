"""Is the document valid by the schema of its format?

CycloneDX JSON: the schemas that cyclonedx-python-lib carries, checked by jsonschema-rs (50,000 components: 0.2 s; that
library's own validator needs minutes). CycloneDX XML: by the XML schemas beside them, if lxml is there. SPDX: nobody
ships its schemas.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner import files
from scanner.model.errors import InputError
from scanner.supply_chain.checking.result import Problem, SchemaResult
from scanner.supply_chain.loading.opening import source_of
from scanner.supply_chain.model import Bom

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["validate"]

SHOWN = 50
"""Problems that a result holds."""
COUNTED = 1000
"""Problems after which counting stops: a document with one wrong habit repeats it in every component."""

_PIECE = 8192
"""Bytes of XML that are fed at a time: as near as the line of a problem is known."""

_BASE = "http://cyclonedx.org/schema/"
"""Where the schemas say they live: names in a registry, nothing is ever fetched from there."""
_SHARED = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json", "cryptography-defs.SNAPSHOT.schema.json")
_STRICT = ("1.2", "1.3")
"""Versions whose plain JSON schema allows unknown fields; the strict one beside it is what the standard means."""


def validate(bom: Bom, data: bytes) -> SchemaResult:
    """Check `data`, the bytes that `bom` was loaded from."""
    if bom.format != "cyclonedx":
        return SchemaResult("not_checked", reason="no installed package carries a schema of SPDX")
    if bom.encoding == "json":
        return _json(bom, data)
    return _xml(bom, data)


def _json(bom: Bom, data: bytes) -> SchemaResult:
    name = f"bom-{bom.spec}{'-strict' if bom.spec in _STRICT else ''}.SNAPSHOT.schema.json"
    try:
        validator = _validator(name)
    except (InputError, ValueError) as error:
        return SchemaResult("not_checked", reason=f"the schema {name} cannot be used: {str(error)[:200]}")
    document = json.loads(source_of(data, bom.source).data)
    try:
        errors = list(islice(validator.iter_errors(document), COUNTED + 1))
    except (ValueError, RecursionError) as error:  # nested beyond what the validator walks
        return SchemaResult("not_checked", schema=name, reason=str(error)[:200])
    problems = tuple(Problem(_pointer(error.instance_path), _said(error)) for error in errors[:SHOWN])
    state = "invalid" if errors else "valid"
    return SchemaResult(state, name, "", problems, min(len(errors), COUNTED), len(errors) > COUNTED)


@cache
def _validator(name: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    shared = [(_BASE + other, _read(other)) for other in _SHARED]
    schema = {**_read(name), "$id": _BASE + name}
    return jsonschema_rs.validator_for(
        schema, registry=jsonschema_rs.Registry(shared), validate_formats=True, offline=True
    )


def _read(name: str) -> Any:
    return json.loads(files.read_bytes(_folder() / name))


def _folder() -> Path:
    """Where cyclonedx-python-lib keeps its schemas (the package is found, not imported)."""
    found = find_spec("cyclonedx")
    if found is None or not found.submodule_search_locations:
        raise InputError("cyclonedx-python-lib is not installed")
    return Path(found.submodule_search_locations[0]) / "schema" / "_res"


def _pointer(path: list[str | int]) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _said(error: Any) -> str:
    """The message, cut: it may quote the whole document."""
    return str(error.message)[:200]


def _xml(bom: Bom, data: bytes) -> SchemaResult:
    """By lxml, as the document is fed to it and without a tree: 50,000 components in 1.6 s and 40 MB, for which the
    pure Python package xmlschema takes 20 s."""
    if find_spec("lxml") is None:
        return SchemaResult("not_checked", reason="checking XML schemas needs the Python package lxml")
    etree: Any = import_module("lxml.etree")
    name = f"bom-{bom.spec}.SNAPSHOT.xsd"
    # The loader refused DTDs before; nothing is resolved or fetched here either way.
    closed = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    text = source_of(data, bom.source).data
    found: list[Problem] = []
    try:
        schema = etree.XMLSchema(etree.parse(str(_folder() / name), etree.XMLParser(**closed)))
        parser = etree.XMLParser(huge_tree=True, schema=schema, target=_Nothing(), **closed)
        line = 1
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            parser.feed(piece)
            new = list(islice(parser.feed_error_log, len(found), COUNTED + 1))
            found += [Problem(f"line {line}, from byte {start} on", str(error.message)[:200]) for error in new]
            line += piece.count(b"\n")
            if len(found) > COUNTED:
                break
        else:
            parser.close()
    except (etree.LxmlError, InputError, OSError) as error:
        return SchemaResult("not_checked", schema=name, reason=str(error)[:200])
    state = "invalid" if found else "valid"
    return SchemaResult(state, name, "", tuple(found[:SHOWN]), min(len(found), COUNTED), len(found) > COUNTED)


class _Nothing:
    """Takes the elements of a document and keeps none."""

    def close(self) -> None:
        """The end of the document."""
