"""What is paired with what, and what is only suggested."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.matching import match
from scanner.supply_chain.model import Bom, Component
from tests.unit.supply_chain.comparing.bom_maker import bom, component


def pairs(old: Bom, new: Bom) -> set[tuple[str, str, str]]:
    return {(old.components[pair.old].ref, new.components[pair.new].ref, pair.by) for pair in match(old, new).pairs}


def versions(name: str, *numbers: str, prefix: str = "") -> Bom:
    return bom(*(component(name, number, ref=prefix + number) for number in numbers))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.0.0 2.0.0", "1.0.0 2.0.1", "1.0.0>1.0.0 2.0.0>2.0.1"),
        ("1.0.0 2.0.0", "2.0.0 1.0.0", "1.0.0>1.0.0 2.0.0>2.0.0"),
        ("1.0.0 2.0.0", "1.1.0 2.1.0 3.0.0", "1.0.0>1.1.0 2.0.0>2.1.0"),
        ("1.0.0", "1.0.1 2.0.0", "1.0.0>1.0.1"),
        ("2.0.0", "1.0.0 3.0.0", "2.0.0>3.0.0"),
        ("1.9.0 1.10.0", "1.10.1", "1.10.0>1.10.1"),
        ("1.0.0 3.0.0 5.0.0", "1.0.1 5.0.1", "1.0.0>1.0.1 5.0.0>5.0.1"),
    ],
)
def test_several_versions_are_paired_as_sets(old: str, new: str, expected: str) -> None:
    left, right = versions("lodash", *old.split()), versions("lodash", *new.split(), prefix="n")
    assert {f"{one}>{two[1:]}" for one, two, _ in pairs(left, right)} == set(expected.split())


def test_copies_of_one_version_are_told_apart_by_content() -> None:
    def copies(*digests: str) -> Bom:
        return bom(
            *(
                component("x", "1.0.0", ref=f"{number}", hashes={"sha256": digest})
                for number, digest in enumerate(digests)
            )
        )

    changes = compare(copies("aa", "bb", "cc"), copies("cc", "dd", "aa")).changes
    assert [(one.kind, one.before, one.after) for one in changes] == [("hash_changed", "sha256:bb", "sha256:dd")]


def deb(name: str, arch: str, version: str = "1", **fields: object) -> Component:
    purl = f"pkg:deb/debian/{name}@{version}?arch={arch}"
    return component(name, version, purl=purl, ref=f"{name}-{arch}-{version}", **fields)


def test_architectures_are_different_packages() -> None:
    changes = compare(bom(deb("libc6", "amd64")), bom(deb("libc6", "i386"))).changes
    assert {change.kind for change in changes if change.identity} == {"component_added", "component_removed"}


def test_without_a_package_url_the_name_decides_when_it_is_unambiguous() -> None:
    named = bom(Component("n", "libc6", "1"))
    assert pairs(named, bom(deb("libc6", "amd64"))) == {("n", "libc6-amd64-1", "name_and_type")}
    assert pairs(named, bom(deb("libc6", "amd64"), deb("libc6", "i386"))) == set()
    assert pairs(named, bom(deb("libc6", "amd64", type="application"))) == {("n", "libc6-amd64-1", "name")}
    (change,) = [one for one in compare(named, bom(deb("libc6", "amd64"))).changes if one.kind == "identity_changed"]
    assert (change.matched_by, change.facts["field"]) == ("name_and_type", "given")


def test_an_ecosystem_that_is_stated_must_agree() -> None:
    stated = Component("n", "six", "1", properties={"syft:package:type": "python"})
    assert pairs(bom(stated), bom(component("six", "1"))) == set()
    assert pairs(bom(replace(stated, properties={})), bom(component("six", "1"))) != set()


def test_a_group_that_is_left_out() -> None:
    old = bom(Component("o", "core", "1", group="org.example"))
    new = bom(Component("n", "core", "1"))
    assert pairs(old, new) == {("o", "n", "bare_name")}
    assert pairs(old, bom(Component("n", "core", "1", group="com.other"))) == set()


def test_subjects_belong_together_unless_they_are_in_both() -> None:
    one = bom(component("app", "1.0.0", ref="a"), subject="a")
    two = bom(component("application", "2.0.0", ref="b"), subject="b")
    assert pairs(one, two) == {("a", "b", "subject")}
    both = bom(component("application", "2.0.0", ref="b"), component("app", "1.0.0", ref="c"), subject="b")
    assert pairs(one, both) == {("a", "c", "purl")}


def test_the_spelling_of_a_package_url_is_no_change() -> None:
    one = Component("a", "Foo_Bar", "1.0", purl="pkg:pypi/foo-bar@1.0")
    two = Component("b", "Foo_Bar", "1.1", purl="pkg:pypi/foo-bar@1.1")
    assert [change.kind for change in compare(bom(one), bom(two)).changes] == ["version_upgraded"]


def test_the_epoch_of_an_rpm_counts_wherever_it_stands() -> None:
    def bash(version: str, query: str) -> Bom:
        return bom(Component("b", "bash", version, purl=f"pkg:rpm/fedora/bash@{version.split(':')[-1]}{query}"))

    assert [one.kind for one in compare(bash("2.0-1", ""), bash("1.0-1", "?epoch=1")).changes] == ["version_upgraded"]
    told = compare(bash("1:1.0-1", "?epoch=1"), bash("1.0-1", "?epoch=1")).changes
    assert told == ()


def test_a_rename_is_suggested_and_not_asserted() -> None:
    same = {"sha256": "ab" * 32}
    old = bom(component("left-pad", "1.3.0", hashes=same, supplier="Acme"))
    new = bom(component("string-pad-left", "1.3.0", hashes=same, supplier="Acme"))
    diff = compare(old, new)
    assert [change.kind for change in diff.changes] == ["component_added", "component_removed"]
    (found,) = diff.suggestions
    assert (found.kind, found.score) == ("rename", 100)
    assert {"same content", "same supplier", "same version"} <= set(found.reasons)


def test_a_split_is_suggested() -> None:
    old = bom(component("openldap", "2.6.0", supplier="Acme"))
    parts = [component(name, "2.6.0", supplier="Acme") for name in ("openldap-libs", "openldap-clients")]
    found = [one for one in compare(old, bom(*parts)).suggestions if one.kind == "split"]
    assert [one.new for one in found] == [("pkg:npm/openldap-clients 2.6.0", "pkg:npm/openldap-libs 2.6.0")]
    merged = [one for one in compare(bom(*parts), old).suggestions if one.kind == "merge"]
    assert [one.old for one in merged] == [found[0].new]


def test_what_has_nothing_in_common_is_not_suggested() -> None:
    assert compare(bom(component("zlib", "1.0.0")), bom(component("express", "4.0.0"))).suggestions == ()


def test_dependencies_follow_a_package_through_its_versions() -> None:
    def release(number: str) -> Bom:
        parts = [
            component("app", number, ref="app"),
            component("a", number, ref="a"),
            component("b", number, ref=f"b{number}"),
        ]
        return bom(*parts, subject="app", depends=[("app", "a"), ("a", f"b{number}")])

    changes = compare(release("1.0.0"), release("1.1.0")).changes
    assert {change.kind for change in changes} == {"version_upgraded"}
    assert {change.name: change.facts["reach"] for change in changes} == {
        "app": "subject",
        "a": "direct",
        "b": "transitive",
    }


def test_what_is_added_says_what_it_came_with() -> None:
    app, a, b = (component(name, "1.0.0", ref=name) for name in ("app", "a", "b"))
    old = bom(app, a, subject="app", depends=[("app", "a")])
    new = bom(app, a, b, subject="app", depends=[("app", "a"), ("a", "b")])
    by_kind = {change.kind: change for change in compare(old, new).changes}
    assert by_kind["component_added"].via == ("pkg:npm/a 1.0.0",)
    assert by_kind["component_added"].facts["reach"] == "transitive"
    assert by_kind["relation_added"].after == "depends_on pkg:npm/b 1.0.0"


def test_relations_to_what_is_not_there_are_noted() -> None:
    one = bom(component("app", "1.0.0", ref="app"), depends=[("app", "gone")])
    assert compare(one, one).notes == (
        "the document: 1 relations name something that is no component of it; they are not compared",
    ) * 2  # fmt: skip


def test_subjects_of_different_ecosystems_have_no_order() -> None:
    one = bom(Component("a", "app", "2.0.0", purl="pkg:deb/debian/app@2.0.0"), subject="a")
    two = bom(Component("b", "app", "1.0.0", purl="pkg:rpm/fedora/app@1.0.0"), subject="b")
    kinds = {change.kind for change in compare(one, two).changes}
    assert kinds == {"version_changed", "identity_changed"}


def test_another_architecture_is_suggested_as_a_variant() -> None:
    diff = compare(bom(deb("libc6", "amd64")), bom(deb("libc6", "arm64")))
    assert [(one.kind, one.reasons[0]) for one in diff.suggestions] == [("variant", "same package, other qualifiers")]
    assert any("another architecture" in line for line in diff.summary)


def test_a_copy_of_the_subject_among_the_components_is_the_subject() -> None:
    def release(number: str) -> Bom:
        root, copy = (component("app", number, ref=ref, type="application") for ref in ("root", "copy"))
        return bom(root, copy, component("a", number, ref="a"), subject="root", depends=[("copy", "a")])

    reach = {(change.name, change.facts["reach"]) for change in compare(release("1.0.0"), release("2.0.0")).changes}
    assert reach == {("app", "subject"), ("a", "direct")}


def test_digests_that_differ_across_formats_are_reported_with_a_doubt() -> None:
    one, two = (bom(component("x", hashes={"sha256": digest * 32})) for digest in ("aa", "bb"))
    other = replace(two, format="spdx")
    assert [change.kind for change in compare(one, other).changes] == ["hash_changed"]
    assert "they may be of different things" in compare(one, other).notes[0]
    assert compare(one, two).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ({"supplier": "Example Ltd <a@example.com>"}, {"supplier": "Example\n  Ltd"}, []),
        ({"supplier": "Example Ltd <a@example.com>"}, {"supplier": "Example Ltd (a@example.com)"}, []),
        ({"supplier": "Example <a@example.com>"}, {"supplier": "Example <b@example.com>"}, ["supplier_changed"]),
        ({"supplier": ""}, {"supplier": "<a@example.com>"}, ["supplier_changed"]),
        ({"licenses": ("Acme EULA,\n    version 1",)}, {"licenses": ("Acme EULA, version 1",)}, []),
        ({"licenses": ("Acme EULA, version 2",)}, {"licenses": ("Acme EULA, version 1",)}, ["license_changed"]),
    ],
)
def test_what_formats_write_differently_is_no_change(
    old: dict[str, Any], new: dict[str, Any], kinds: list[str]
) -> None:
    diff = compare(bom(component("a", **old)), bom(component("a", **new)))
    assert [change.kind for change in diff.changes if change.name == "a"] == kinds


def test_a_file_is_the_same_from_the_root_and_from_here() -> None:
    here, root = (
        bom(component(name, "", ref="f", purl=None, type="file", hashes={"sha256": digest}))
        for name, digest in (("./usr/bin/a", "aa" * 32), ("/usr/bin/a", "aa" * 32))
    )
    assert compare(here, root).changes == ()
    other = bom(component("/usr/bin/a", "", ref="f", purl=None, type="file", hashes={"sha256": "bb" * 32}))
    assert [change.kind for change in compare(here, other).changes] == ["hash_changed"]
    library = bom(component("./a", "", ref="f", purl=None))
    assert len(compare(library, bom(component("/a", "", ref="f", purl=None))).changes) == 2
