"""What both reports of a bundle give to their templates: the view, its sections in order, words and colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.outputs._charts import WIDTH
from scanner.outputs._templates import environment
from scanner.outputs.pack.model import Brand
from scanner.outputs.pack.texts import Words, shipped
from scanner.outputs.pack.view import PackView
from scanner.outputs.pdf import COLOURS

__all__ = ["filled", "sections", "words_of"]

_CHART = {
    "rules": "#2f5d8c",
    "rules_in_part": "#7fa3c7",
    "person": "#7b5ea7",
    "not_applicable": "#b9bec5",
    "not_assessed": "#e2a100",
    "unchanged": "#b9bec5",
    "changed": "#e2a100",
    "added": "#2f5d8c",
    "removed": "#8b2468",
}
_SEVERITY = {"fail": "#b33a06", "waived": "#e0a27f"}


def sections(view: PackView) -> Iterator[str]:
    """The sections of the report, in the order in which readers of such packs look for them."""
    yield from ("document", "summary", "statement", "scope", "method", "controls")
    if view.claims:
        yield "claims"
    yield from ("failures", "waivers", "plan")
    if view.supply:
        yield "supply"
    if view.answers:
        yield "people"
    yield from ("evidence", "verify")


def words_of(brand: Brand) -> Words:
    """The words of the language that a brand asks for."""
    return Words(brand.texts if brand.texts is not None else shipped(brand.language))


def filled(template: str, view: PackView, **more: Any) -> str:
    """The template with the view in it."""
    there = tuple(sections(view))
    return (
        environment()
        .get_template(template)
        .render(
            view=view,
            t=words_of(view.pack.brand),
            sections=there,
            numbers={name: number for number, name in enumerate(there, 1)},
            colours=COLOURS,
            chart_colours=_CHART,
            severity_colours=_SEVERITY,
            bar_width=WIDTH,
            **more,
        )
    )
