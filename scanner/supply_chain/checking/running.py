"""Putting the parts of a check together."""

from __future__ import annotations

from scanner.supply_chain.checking import fields
from scanner.supply_chain.checking.fields import Related
from scanner.supply_chain.checking.lists import LISTS, ComponentField, DocumentField, FieldList
from scanner.supply_chain.checking.quality import statements
from scanner.supply_chain.checking.result import Check, FieldResult, ListResult, Missing
from scanner.supply_chain.checking.schemas import validate
from scanner.supply_chain.model import Bom

__all__ = ["check"]

EXAMPLES = 20
"""Components without a field that a result names."""


def check(bom: Bom, data: bytes) -> Check:
    """Check a loaded document; `data` is what it was loaded from."""
    known = fields.related(bom)
    return Check(
        source=bom.source,
        format=bom.format,
        spec=bom.spec,
        encoding=bom.encoding,
        sha256=bom.sha256,
        name=bom.name,
        components=len(bom.components),
        relations=len(bom.relations),
        vulnerabilities=len(bom.vulnerabilities),
        schema=validate(bom, data),
        lists=tuple(_judged(one, bom, known) for one in LISTS),
        quality=statements(bom),
        dropped=bom.dropped,
    )


def _judged(asked: FieldList, bom: Bom, known: Related) -> ListResult:
    results = [_of_document(field, bom) for field in asked.document]
    results += [_of_components(field, bom, known) for field in asked.components]
    states = {one.state for one in results if one.level == "required"}
    state = next((worst for worst in ("missing", "not_checked", "unknown_stated") if worst in states), "met")
    return ListResult(asked.id, asked.title, asked.edition, "missing" if "partly" in states else state, tuple(results))


def _of_document(field: DocumentField, bom: Bom) -> FieldResult:
    if field.has is None or (field.only and bom.format != field.only and not field.has(bom)):
        return FieldResult(field.id, field.title, "document", field.level, "not_checked", 0, 1, field.reason)
    has = field.has(bom)
    return FieldResult(
        field.id, field.title, "document", field.level, "met" if has else "missing", present=int(has), total=1
    )


def _of_components(field: ComponentField, bom: Bom, known: Related) -> FieldResult:
    total = len(bom.components)
    if not total:
        return FieldResult(
            field.id, field.title, "component", field.level, "missing", 0, 0, "the document lists no components"
        )
    if field.only and bom.format != field.only:
        reason = f"only {field.only} documents are looked at for this field"
        return FieldResult(field.id, field.title, "component", field.level, "not_checked", 0, total, reason)
    lacking = [one for one in bom.components if not field.has(one, known)]
    stated = [one for one in lacking if field.element and fields.stated_unknown(one, field.element)]
    said = {one.ref for one in stated}
    silent = [one for one in lacking if one.ref not in said]
    present = total - len(lacking)
    return FieldResult(
        field.id,
        field.title,
        "component",
        field.level,
        _state(present, len(stated), len(silent)),
        present,
        total,
        examples=tuple(Missing(one.ref, one.name, one.version, one.place) for one in [*silent, *stated][:EXAMPLES]),
        unknown=len(stated),
    )


def _state(present: int, stated: int, silent: int) -> str:
    """`silent` components lack the field and do not say why."""
    if silent:
        return "partly" if present or stated else "missing"
    return "unknown_stated" if stated else "met"
