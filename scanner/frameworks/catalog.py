"""From the documents under `controls/` to frameworks and profiles, with mistakes named by file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.engine.content import Content
from scanner.model.control import ASSESSMENTS, FITS, Control, Fit, Framework, Profile, Selection
from scanner.model.errors import ContentError, UsageError

__all__ = ["frameworks", "profile", "profiles"]


def _need(condition: bool, message: str, where: str) -> None:
    if not condition:
        raise ContentError(message, where=where, hint="docs/frameworks.md describes the form")


def _fit(raw: Any, where: str) -> tuple[Fit, ...]:
    _need(isinstance(raw, list), "`fit` is a list of {os_id, major, fit}", where)
    out = []
    for one in raw:
        _need(
            isinstance(one, dict) and one.get("fit") in FITS and isinstance(one.get("os_id"), str),
            "a `fit` line has os_id and fit",
            where,
        )
        out.append(Fit(one["os_id"], one["fit"], str(one["major"]) if "major" in one else None))
    return tuple(out)


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
    _need(isinstance(raw, dict) and raw.get("schema") == "framework/v1", "`schema` must be framework/v1", where)
    for key in ("id", "title", "short", "version", "publisher", "source", "text", "fit"):
        _need(key in raw, f"`{key}` is missing", where)
    _need(raw["id"] == folder, f"`id` must be the folder name {folder}", where)
    catalog = documents.get(f"{folder}/catalog.yaml")
    _need(
        isinstance(catalog, dict) and catalog.get("schema") == "catalog/v1",
        "catalog.yaml (catalog/v1) is missing",
        where,
    )
    assert isinstance(catalog, dict)
    mapping = documents.get(f"{folder}/mapping.yaml", {"schema": "mapping/v1"})
    _need(
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
        fit=_fit(raw["fit"], where),
        kind=raw.get("kind", "requirements"),
        by_analogy_note=raw.get("by_analogy_note", ""),
        coverage=coverage,
        params=mapping.get("params", {}),
        extra_rules=extra,
    )


def _controls(catalog: Mapping[str, Any], where: str) -> dict[str, Control]:
    controls: dict[str, Control] = {}
    for raw in catalog.get("controls", ()):
        name = str(raw.get("id"))
        _need(name not in controls, f"the control {name} stands twice", where)
        _need(raw.get("assessment") in ASSESSMENTS, f"{name}: `assessment` is one of {', '.join(ASSESSMENTS)}", where)
        _need(bool(raw.get("title")), f"{name}: `title` is missing", where)
        _need(raw["assessment"] == "automated" or bool(raw.get("note")), f"{name}: `note` is missing", where)
        controls[name] = Control(
            name,
            raw["title"],
            raw["assessment"],
            raw.get("parent"),
            tuple(raw.get("levels", ())),
            raw.get("note", ""),
            raw.get("props", {}),
        )
    for control in controls.values():
        _need(
            control.parent is None or control.parent in controls,
            f"{control.id}: parent {control.parent} does not exist",
            where,
        )
    return controls


def _mapping(
    mapping: Mapping[str, Any], controls: Mapping[str, Control], where: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    coverage: dict[str, str] = {}
    extra: dict[str, tuple[str, ...]] = {}
    for control, raw in mapping.get("controls", {}).items():
        _need(control in controls, f"there is no control {control}", where)
        word = raw.get("coverage")
        _need(word in ("full", "partial"), f"{control}: `coverage` is full or partial", where)
        coverage[control] = word
        if raw.get("rules"):
            extra[control] = tuple(raw["rules"])
    return coverage, extra


def profiles(content: Content) -> dict[str, Profile]:
    """Every profile by id."""
    found = {}
    for path, raw in sorted(content.controls.items()):
        if path.startswith("profiles/"):
            one = _profile(path, raw)
            found[one.id] = one
    return found


def _profile(path: str, raw: Any) -> Profile:
    where = f"controls/{path}"
    name = path.removeprefix("profiles/").removesuffix(".yaml")
    _need(isinstance(raw, dict) and raw.get("schema") == "profile/v1", "`schema` must be profile/v1", where)
    _need(raw.get("id") == name, f"`id` must be the file name {name}", where)
    known = {
        "schema",
        "id",
        "title",
        "about",
        "frameworks",
        "only",
        "rules_in",
        "rules_out",
        "params",
        "require",
        "min_coverage",
        "fit",
        "default_for",
    }
    for key in raw:
        _need(key in known, f"`{key}` is no part of a profile", where)
    selections = []
    for one in raw.get("frameworks", ()):
        _need(isinstance(one, dict) and "id" in one, "`frameworks` is a list of {id, levels, controls}", where)
        selections.append(Selection(one["id"], tuple(one.get("levels", ())), tuple(one.get("controls", ()))))
    require = raw.get("require", {})
    if isinstance(require, str):
        require = {"*": require}
    _need(
        isinstance(require, dict) and set(require.values()) <= {"both", "persistent"},
        "`require` is both or persistent, or a mapping of target kinds to these",
        where,
    )
    return Profile(
        id=name,
        title=raw.get("title", name),
        frameworks=tuple(selections),
        about=raw.get("about", ""),
        only=tuple(raw.get("only", ())),
        rules_in=tuple(raw.get("rules_in", ())),
        rules_out=tuple(raw.get("rules_out", ())),
        params=raw.get("params", {}),
        require=require,
        min_coverage=int(raw.get("min_coverage", 80)),
        fit=_fit(raw.get("fit", []), where),
        default_for=tuple(raw.get("default_for", ())),
        source=where,
    )


def profile(content: Content, name: str) -> Profile:
    """The profile called `name`. Raises UsageError."""
    known = profiles(content)
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        raise UsageError(
            f"there is no profile {name!r}",
            hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}",
        )
    return known[name]
