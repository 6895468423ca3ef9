"""From the documents under `controls/` to frameworks, with mistakes named by file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanner.engine.content import Content
from scanner.frameworks.document import fit, need, params, texts
from scanner.model.control import ASSESSMENTS, Control, Framework

__all__ = ["frameworks"]


def frameworks(content: Content) -> dict[str, Framework]:
    """Every framework by id."""
    found = {}
    for path, raw in sorted(content.controls.items()):
        folder, _, name = path.rpartition("/")
        if name == "framework.yaml":
            found[folder] = _framework(folder, raw, content.controls)
    return found


def _framework(folder: str, raw: Any, documents: Mapping[str, Any]) -> Framework:
    where = f"controls/{folder}/framework.yaml"
    need(isinstance(raw, dict) and raw.get("schema") == "framework/v1", "`schema` must be framework/v1", where)
    for key in ("id", "title", "short", "version", "publisher", "source", "text", "fit"):
        need(key in raw, f"`{key}` is missing", where)
        need(key in ("fit", "version") or isinstance(raw[key], str), f"`{key}` is text", where)
    need(raw.get("kind", "requirements") in ("requirements", "claims"), "`kind` is requirements or claims", where)
    need(raw["id"] == folder, f"`id` must be the folder name {folder}", where)
    catalog = documents.get(f"{folder}/catalog.yaml")
    need(
        isinstance(catalog, dict) and catalog.get("schema") == "catalog/v1",
        "catalog.yaml (catalog/v1) is missing",
        where,
    )
    assert isinstance(catalog, dict)
    mapping = documents.get(f"{folder}/mapping.yaml", {"schema": "mapping/v1"})
    need(
        isinstance(mapping, dict) and mapping.get("schema") == "mapping/v1",
        "`schema` must be mapping/v1",
        f"controls/{folder}/mapping.yaml",
    )
    controls = _controls(catalog, f"controls/{folder}/catalog.yaml")
    coverage, extra = _mapping(mapping, controls, f"controls/{folder}/mapping.yaml")
    return Framework(
        id=raw["id"],
        title=raw["title"],
        short=raw["short"],
        version=str(raw["version"]),
        publisher=raw["publisher"],
        source=raw["source"],
        text=raw["text"],
        controls=controls,
        fit=fit(raw["fit"], where),
        kind=raw.get("kind", "requirements"),
        by_analogy_note=raw.get("by_analogy_note", ""),
        coverage=coverage,
        params=params(mapping, f"controls/{folder}/mapping.yaml"),
        extra_rules=extra,
        benchmark=_benchmark(raw, where),
    )


_BENCHMARK = ("id", "title", "version", "release", "date")


def _benchmark(raw: Mapping[str, Any], where: str) -> dict[str, str]:
    given = raw.get("benchmark", {})
    need(
        isinstance(given, dict)
        and (not given or set(given) == set(_BENCHMARK))
        and all(isinstance(value, str) for value in given.values()),
        f"`benchmark` has the texts {', '.join(_BENCHMARK)} (quote them)",
        where,
    )
    need(
        not given or re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", given["date"], re.ASCII) is not None,
        "`benchmark.date` is a day as 2026-07-01",
        where,
    )
    return dict(given)


def _controls(catalog: Mapping[str, Any], where: str) -> dict[str, Control]:
    controls: dict[str, Control] = {}
    listed = catalog.get("controls", [])
    need(isinstance(listed, list) and all(isinstance(raw, dict) for raw in listed), "`controls` is a list", where)
    for raw in listed:
        name = str(raw.get("id"))
        need(name not in controls, f"the control {name} stands twice", where)
        need(raw.get("assessment") in ASSESSMENTS, f"{name}: `assessment` is one of {', '.join(ASSESSMENTS)}", where)
        need(isinstance(raw.get("title"), str) and raw["title"] != "", f"{name}: `title` is missing", where)
        need(isinstance(raw.get("note", ""), str), f"{name}: `note` is text", where)
        need(isinstance(raw.get("props", {}), dict), f"{name}: `props` is a mapping", where)
        need(raw["assessment"] == "automated" or bool(raw.get("note")), f"{name}: `note` is missing", where)
        controls[name] = Control(
            name,
            raw["title"],
            raw["assessment"],
            raw.get("parent"),
            texts(raw, "levels", where),
            raw.get("note", ""),
            raw.get("props", {}),
        )
    for control in controls.values():
        need(
            control.parent is None or control.parent in controls,
            f"{control.id}: parent {control.parent} does not exist",
            where,
        )
    for control in controls.values():
        seen = {control.id}
        above = control.parent
        while above is not None:
            need(above not in seen, f"{control.id} stands above itself", where)
            seen.add(above)
            above = controls[above].parent
    return controls


def _mapping(
    mapping: Mapping[str, Any], controls: Mapping[str, Control], where: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    coverage: dict[str, str] = {}
    extra: dict[str, tuple[str, ...]] = {}
    stated = mapping.get("controls", {})
    need(
        isinstance(stated, dict) and all(isinstance(raw, dict) for raw in stated.values()),
        "`controls` is {id: {coverage, rules}}",
        where,
    )
    for control, raw in stated.items():
        need(control in controls, f"there is no control {control}", where)
        word = raw.get("coverage")
        need(word in ("full", "partial"), f"{control}: `coverage` is full or partial", where)
        coverage[control] = word
        if raw.get("rules"):
            extra[control] = texts(raw, "rules", where)
    return coverage, extra
