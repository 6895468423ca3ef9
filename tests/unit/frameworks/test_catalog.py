"""Frameworks and profiles that are not in their form, and selections that would silently choose less."""

from typing import Any

import pytest

from scanner.engine.content import Content
from scanner.frameworks import catalog, profiles
from scanner.frameworks.assess import assess
from scanner.frameworks.select import select
from scanner.model.errors import ContentError
from scanner.model.rule import Param, Rule
from scanner.model.snapshot import Snapshot

FRAMEWORK = {
    "schema": "framework/v1",
    "id": "f",
    "title": "F",
    "short": "F",
    "version": 1,
    "publisher": "p",
    "source": "s",
    "text": "own_words",
    "fit": [{"os_id": "rhel", "fit": "exact"}],
}
RULE = Rule(
    "r",
    "R",
    "low",
    "",
    {"fact": "x", "in": "${allowed}"},
    params={"allowed": Param("allowed", "list", ["a"], "")},
    mappings={"f": ("a",), "g": ("a",)},
)


def _content(profile: Any, catalog_: Any = None, mapping: Any = None, **framework: Any) -> Content:
    controls = catalog_ or [{"id": "a", "title": "A", "assessment": "automated", "levels": ["L1"]}]
    documents = {"profiles/p.yaml": {"schema": "profile/v1", "id": "p", **profile}}
    for name in ("f", "g"):
        fit = [{"os_id": "*", "fit": "exact"}] if name == "g" else FRAMEWORK["fit"]
        documents[f"{name}/framework.yaml"] = {**FRAMEWORK, "id": name, "fit": fit, **framework}
        documents[f"{name}/catalog.yaml"] = {"schema": "catalog/v1", "controls": controls}
        documents[f"{name}/mapping.yaml"] = {"schema": "mapping/v1", **(mapping or {})}
    return Content({"r": RULE}, documents, "sha256:" + "0" * 64, ())  # type: ignore[arg-type]  # a book is a mapping


def _select(content: Content) -> Any:
    known = catalog.frameworks(content)
    chosen = list(profiles.profiles(content).values())
    return known, chosen, select(content, known, chosen)


@pytest.mark.parametrize(
    "profile",
    [
        {"frameworks": 5},
        {"frameworks": [{"id": "f", "levels": 5}]},
        {"frameworks": [{"id": "f", "levels": ["L9"]}]},
        {"frameworks": [{"id": "f", "controls": ["zzz"]}]},
        {"frameworks": [{"id": "f"}], "params": {"r": {"typo": ["a"]}}},
        {"params": {"r": 5}},
        {"params": []},
        {"rules_in": "r"},
        {"only": [5]},
        {"min_coverage": "most"},
        {"min_coverage": -1},
        {"require": {"live": ["both"]}},
        {"title": [1]},
        {"default_for": 5},
    ],
)
def test_a_profile_that_would_choose_something_else_is_refused(profile: dict[str, Any]) -> None:
    with pytest.raises(ContentError):
        _select(_content(profile))


@pytest.mark.parametrize(
    "more",
    [
        {"catalog_": [5]},
        {"catalog_": [{"id": "a", "title": 5, "assessment": "automated"}]},
        {
            "catalog_": [
                {"id": "a", "title": "A", "assessment": "automated", "parent": "b", "props": {"leaf": False}},
                {"id": "b", "title": "B", "assessment": "automated", "parent": "a", "props": {"leaf": False}},
            ]
        },
        {"mapping": {"controls": {"a": "full"}}},
        {"mapping": {"controls": {"a": {"coverage": "full", "rules": 5}}}},
        {"mapping": {"params": {"r": 5}}},
        {"mapping": {"params": {"r": {"typo": 1}}}},
        {"kind": ["claims"]},
        {"fit": 5},
        {"short": 5},
    ],
)
def test_a_framework_that_is_not_in_its_form_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ContentError):
        _select(_content({"frameworks": [{"id": "f"}]}, **more))


def _snapshot(identity: dict[str, Any]) -> Snapshot:
    return Snapshot({}, {"kind": "tree", "identity": identity}, {}, {}, {})


def test_a_profile_of_several_frameworks_fits_as_the_worst_of_them() -> None:
    content = _content({"frameworks": [{"id": "f"}, {"id": "g"}]})
    known, profiles, selected = _select(content)
    debian = _snapshot({"os_id": "debian", "os_version": "12"})
    done = assess(debian, content, known, profiles, selected, now="2026-01-01T00:00:00Z")
    assert done.profiles[0]["fit"] == "foreign"
    assert any("does not fit" in reason for reason in done.completeness["reasons"])


def test_a_target_without_a_name_is_never_complete() -> None:
    content = _content({"frameworks": [{"id": "g"}], "min_coverage": 0})
    known, profiles, selected = _select(content)
    done = assess(_snapshot({}), content, known, profiles, selected, now="2026-01-01T00:00:00Z")
    assert "does not say which system it is" in done.completeness["reasons"][0]


def test_claims_get_verdicts_only_where_a_claims_framework_chose_them() -> None:
    content = _content({"frameworks": [{"id": "g"}]})
    known, profiles, selected = _select(content)
    known = {
        name: catalog.frameworks(_content({}, kind="claims"))[name] if name == "f" else known[name] for name in known
    }
    done = assess(_snapshot({"os_id": "x"}), content, known, profiles, selected, now="2026-01-01T00:00:00Z")
    assert [result.claim_verdict for result in done.results] == [None]
