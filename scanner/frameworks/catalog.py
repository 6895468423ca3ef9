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


def _texts(raw: Any, key: str, where: str) -> tuple[str, ...]:
    """The list of texts under `key`, empty when it is not there."""
    items = raw.get(key, [])
    _need(
        isinstance(items, list) and all(isinstance(item, str) for item in items),
        f"`{key}` is a list of texts (quote them)",
        where,
    )
    return tuple(items)


def _params(raw: Any, where: str) -> Mapping[str, Mapping[str, Any]]:
    params = raw.get("params", {})
    _need(
        isinstance(params, dict) and all(isinstance(values, dict) for values in params.values()),
        "`params` is rule: {parameter: value}",
        where,
    )
    found: Mapping[str, Mapping[str, Any]] = params
    return found


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
        _need(key in ("fit", "version") or isinstance(raw[key], str), f"`{key}` is text", where)
    _need(raw.get("kind", "requirements") in ("requirements", "claims"), "`kind` is requirements or claims", where)
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
        params=_params(mapping, f"controls/{folder}/mapping.yaml"),
        extra_rules=extra,
    )


def _controls(catalog: Mapping[str, Any], where: str) -> dict[str, Control]:
    controls: dict[str, Control] = {}
    listed = catalog.get("controls", [])
    _need(isinstance(listed, list) and all(isinstance(raw, dict) for raw in listed), "`controls` is a list", where)
    for raw in listed:
        name = str(raw.get("id"))
        _need(name not in controls, f"the control {name} stands twice", where)
        _need(raw.get("assessment") in ASSESSMENTS, f"{name}: `assessment` is one of {', '.join(ASSESSMENTS)}", where)
        _need(isinstance(raw.get("title"), str) and raw["title"] != "", f"{name}: `title` is missing", where)
        _need(isinstance(raw.get("note", ""), str), f"{name}: `note` is text", where)
        _need(isinstance(raw.get("props", {}), dict), f"{name}: `props` is a mapping", where)
        _need(raw["assessment"] == "automated" or bool(raw.get("note")), f"{name}: `note` is missing", where)
        controls[name] = Control(
            name,
            raw["title"],
            raw["assessment"],
            raw.get("parent"),
            _texts(raw, "levels", where),
            raw.get("note", ""),
            raw.get("props", {}),
        )
    for control in controls.values():
        _need(
            control.parent is None or control.parent in controls,
            f"{control.id}: parent {control.parent} does not exist",
            where,
        )
    for control in controls.values():
        seen = {control.id}
        above = control.parent
        while above is not None:
            _need(above not in seen, f"{control.id} stands above itself", where)
            seen.add(above)
            above = controls[above].parent
    return controls


def _mapping(
    mapping: Mapping[str, Any], controls: Mapping[str, Control], where: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    coverage: dict[str, str] = {}
    extra: dict[str, tuple[str, ...]] = {}
    stated = mapping.get("controls", {})
    _need(
        isinstance(stated, dict) and all(isinstance(raw, dict) for raw in stated.values()),
        "`controls` is {id: {coverage, rules}}",
        where,
    )
    for control, raw in stated.items():
        _need(control in controls, f"there is no control {control}", where)
        word = raw.get("coverage")
        _need(word in ("full", "partial"), f"{control}: `coverage` is full or partial", where)
        coverage[control] = word
        if raw.get("rules"):
            extra[control] = _texts(raw, "rules", where)
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
    wanted = raw.get("frameworks", [])
    _need(isinstance(wanted, list), "`frameworks` is a list of {id, levels, controls}", where)
    for one in wanted:
        _need(isinstance(one, dict) and "id" in one, "`frameworks` is a list of {id, levels, controls}", where)
        selections.append(Selection(one["id"], _texts(one, "levels", where), _texts(one, "controls", where)))
    require = raw.get("require", {})
    if isinstance(require, str):
        require = {"*": require}
    _need(
        isinstance(require, dict) and all(half in ("both", "persistent") for half in require.values()),
        "`require` is both or persistent, or a mapping of target kinds to these",
        where,
    )
    least = raw.get("min_coverage", 80)
    _need(
        isinstance(least, int) and not isinstance(least, bool) and 0 <= least <= 100,
        "`min_coverage` is a percentage, 0 to 100",
        where,
    )
    for key in ("title", "about"):
        _need(isinstance(raw.get(key, ""), str), f"`{key}` is text", where)
    return Profile(
        id=name,
        title=raw.get("title", name),
        frameworks=tuple(selections),
        about=raw.get("about", ""),
        only=_texts(raw, "only", where),
        rules_in=_texts(raw, "rules_in", where),
        rules_out=_texts(raw, "rules_out", where),
        params=_params(raw, where),
        require=require,
        min_coverage=least,
        fit=_fit(raw.get("fit", []), where),
        default_for=_texts(raw, "default_for", where),
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
