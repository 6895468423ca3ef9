"""Profiles: which rules of which frameworks are asked, with which values; shipped ones and a user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scanner.engine import yaml_text
from scanner.engine.content import Content
from scanner.frameworks.document import fit, need, params, texts
from scanner.model.control import Profile, Selection
from scanner.model.errors import ContentError, UsageError

__all__ = ["from_file", "profile", "profiles"]

_KEYS = frozenset(
    (
        *(
            "schema",
            "id",
            "title",
            "about",
            "extends",
            "frameworks",
            "only",
            "rules_in",
            "rules_out",
            "params",
            "values",
        ),
        *("require", "min_coverage", "fit", "default_for"),
    )
)


def profiles(content: Content) -> dict[str, Profile]:
    """Every shipped profile by id."""
    documents = {path: raw for path, raw in sorted(content.controls.items()) if path.startswith("profiles/")}
    own = {
        path: _profile(path.removeprefix("profiles/").removesuffix(".yaml"), raw, f"controls/{path}")
        for path, raw in documents.items()
    }
    by_id = {one.id: one for one in own.values()}
    return {one.id: _extended(one, by_id, content) for one in own.values()}


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


def from_file(content: Content, data: bytes, where: str) -> Profile:
    """The profile of a user's own file, usually a tailoring of shipped ones (`extends`). Raises ContentError."""
    raw = yaml_text.load(data, where)
    need(isinstance(raw, dict) and isinstance(raw.get("id"), str) and raw["id"] != "", "`id` is missing", where)
    known = profiles(content)
    need(raw["id"] not in known, f"{raw['id']} is the name of a shipped profile; choose another `id`", where)
    one = _extended(_profile(raw["id"], raw, where), known, content)
    need(bool(one.frameworks or one.rules_in), "it selects nothing: give `extends`, `frameworks` or `rules_in`", where)
    return replace(one, document=data.decode("utf-8", "replace"))


def _extended(own: Profile, known: Mapping[str, Profile], content: Content) -> Profile:
    """`own` on top of the profiles it extends: selections and rules add up; its own `only`, parameters,
    halves and fit win."""
    merged = own
    for name in own.extends:
        base = known.get(name)
        if base is None:
            raise ContentError(
                f"there is no profile {name!r} to extend", where=own.source, hint=f"known: {', '.join(sorted(known))}"
            )
        if base.extends:
            base = _extended(base, {key: one for key, one in known.items() if key != own.id}, content)
        merged = replace(
            merged,
            frameworks=tuple(dict.fromkeys((*base.frameworks, *merged.frameworks))),
            only=merged.only or base.only,
            rules_in=tuple(dict.fromkeys((*base.rules_in, *merged.rules_in))),
            rules_out=tuple(dict.fromkeys((*base.rules_out, *merged.rules_out))),
            params={
                **base.params,
                **{rule: {**base.params.get(rule, {}), **given} for rule, given in merged.params.items()},
            },
            require=merged.require or base.require,
            fit=merged.fit or base.fit,
        )
    return replace(merged, params=_with_values(merged, content)) if merged.values else merged


def _with_values(profile: Profile, content: Content) -> Mapping[str, Mapping[str, Any]]:
    """Parameters with the organisation's values put in wherever a rule has a parameter of that name or public alias."""
    found = {rule: dict(given) for rule, given in profile.params.items()}
    used: set[str] = set()
    for name in content.rules:
        for parameter in content.rules[name].params.values():
            key = next((key for key in (*parameter.alias, parameter.name) if key in profile.values), None)
            if key is None:
                continue
            used.add(key)
            mine = found.setdefault(name, {})
            if not {parameter.name, *parameter.alias} & set(mine):
                mine[parameter.name] = profile.values[key]
    for key in profile.values:
        need(key in used, f"`values`: no rule has a parameter {key!r}", profile.source)
    return found


def _profile(name: str, raw: Any, where: str) -> Profile:
    need(isinstance(raw, dict) and raw.get("schema") == "profile/v1", "`schema` must be profile/v1", where)
    need(raw.get("id") == name, f"`id` must be the file name {name}", where)
    for key in raw:
        need(key in _KEYS, f"`{key}` is no part of a profile", where)
    selections = []
    wanted = raw.get("frameworks", [])
    need(isinstance(wanted, list), "`frameworks` is a list of {id, levels, controls}", where)
    for one in wanted:
        need(
            isinstance(one, dict) and isinstance(one.get("id"), str),
            "`frameworks` is a list of {id, levels, controls}",
            where,
        )
        selections.append(Selection(one["id"], texts(one, "levels", where), texts(one, "controls", where)))
    require = raw.get("require", {})
    if isinstance(require, str):
        require = {"*": require}
    need(
        isinstance(require, dict) and all(half in ("both", "persistent") for half in require.values()),
        "`require` is both or persistent, or a mapping of target kinds to these",
        where,
    )
    least = raw.get("min_coverage", 80)
    need(
        isinstance(least, int) and not isinstance(least, bool) and 0 <= least <= 100,
        "`min_coverage` is a percentage, 0 to 100",
        where,
    )
    values = raw.get("values", {})
    need(isinstance(values, dict) and all(isinstance(key, str) for key in values), "`values` is name: value", where)
    for key in ("title", "about"):
        need(isinstance(raw.get(key, ""), str), f"`{key}` is text", where)
    return Profile(
        id=name,
        title=raw.get("title", name),
        frameworks=tuple(selections),
        about=raw.get("about", ""),
        only=texts(raw, "only", where),
        rules_in=texts(raw, "rules_in", where),
        rules_out=texts(raw, "rules_out", where),
        params=params(raw, where),
        values=values,
        extends=texts(raw, "extends", where),
        require=require,
        min_coverage=least,
        fit=fit(raw.get("fit", []), where),
        default_for=texts(raw, "default_for", where),
        source=where,
    )
