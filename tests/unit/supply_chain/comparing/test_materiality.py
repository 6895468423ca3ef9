"""The policy: what it says of changes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model.errors import ContentError
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.comparing.materiality import load_policy, shipped_policy
from scanner.supply_chain.comparing.result import KINDS, Change
from scanner.supply_chain.model import Vulnerability
from tests.unit.supply_chain.comparing.bom_maker import bom, component

HEAD = "schema: sbom-policy/v1\nid: own\nrules:\n"
RULE = '- id: one\n  kinds: [component_added]\n  materiality: high\n  says: "{name} is new."\n'


def policy(text: str) -> Any:
    return load_policy(text.encode(), "own.yaml")


def test_the_first_rule_that_fits_decides() -> None:
    rules = RULE.replace("materiality", "when: {name: ['evil-*'], ecosystem: [npm]}\n  materiality") + RULE.replace(
        "id: one", "id: two"
    ).replace("high", "none")
    changes = compare(bom(), bom(component("evil-pad"), component("left-pad")), policy(HEAD + rules)).changes
    told = {change.name: (change.rule, change.materiality, change.reason) for change in changes if change.identity}
    assert told == {"evil-pad": ("one", "high", "evil-pad is new."), "left-pad": ("two", "none", "left-pad is new.")}


def test_what_no_rule_names_has_the_default() -> None:
    (change,) = compare(
        bom(component("a", "1.0.0")), bom(component("a", "1.0.1")), policy(HEAD + RULE + "default: medium\n")
    ).changes
    assert (change.materiality, change.rule) == ("medium", "")


def test_licence_classes_of_the_policy() -> None:
    rule = RULE.replace("materiality", "when: {license_class: [proprietary]}\n  materiality")
    text = HEAD.replace("rules:", "licenses: {MIT: proprietary}\nrules:") + rule
    (change,) = [one for one in compare(bom(), bom(component("a")), policy(text)).changes if one.identity]
    assert change.rule == "one"


def test_a_hostile_name_stays_a_text_in_the_sentence() -> None:
    changes = compare(bom(), bom(component("{0.__class__}{after}")), policy(HEAD + RULE)).changes
    assert "{0.__class__}{after} is new." in {change.reason for change in changes}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("schema: sbom-policy/v2\nid: own\nrules: []\n", 1, "the schema is"),
        ("schema: sbom-policy/v1\nrules: []\n", 1, "lacks the key id"),
        (HEAD + "  []\n", 3, "something in it"),
        (HEAD + RULE + "extra: 1\n", 8, "no key 'extra'"),
        (HEAD + RULE.replace("[component_added]", "[component_gone]"), 5, "component_gone"),
        (HEAD + RULE.replace("high", "grave"), 6, "grave"),
        (HEAD + RULE.replace("{name}", "{nonsense}"), 7, "nonsense"),
        (HEAD + RULE + RULE, 8, "stands twice"),
        (HEAD + RULE + "  when: {reach: [near]}\n", 8, "near"),
        (HEAD + RULE + "  when: {colour: [red]}\n", 8, "colour"),
        (HEAD + RULE + "  when: {reach: direct}\n", 8, "is a list"),
        (HEAD + RULE + "  when: {points_at_least: 0}\n", 8, "1 to 100"),
        (HEAD.replace("rules", "licenses: {MIT: free}\nrules") + RULE, 3, "free"),
        ("[]", 1, "is a mapping"),
        ("a: &b 1\n", 1, "anchors"),
    ],
)
def test_a_policy_with_a_mistake_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ContentError, match=words) as caught:
        policy(text)
    assert caught.value.where == f"own.yaml:{line}"


def test_the_shipped_policy_has_a_rule_for_every_kind() -> None:
    for kind in KINDS:
        judged = shipped_policy().judge(Change(kind, "pkg:npm/x", "x", facts={"points": "50", "state": "unknown"}))
        assert judged.rule, kind


def weigh(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    old, new = (bom(component("x", **fields)) for fields in (before, after))
    return {change.kind: change.materiality for change in compare(old, new).changes if change.identity}


@pytest.mark.parametrize(
    ("before", "after", "kind", "expected"),
    [
        ({"hashes": {"sha256": "aa"}}, {"hashes": {"sha256": "bb"}}, "hash_changed", "high"),
        ({"hashes": {"sha256": "aa"}}, {"hashes": {"sha512": "bb"}}, "hash_incomparable", "low"),
        ({"hashes": {"sha256": "aa"}}, {}, "field_lost", "medium"),
        ({"licenses": ["MIT"]}, {"licenses": ["AGPL-3.0-only"]}, "license_changed", "high"),
        ({"licenses": ["MIT"]}, {"licenses": ["GPL-2.0-only"]}, "license_changed", "high"),
        ({"licenses": ["MIT"]}, {"licenses": ["LGPL-2.1-only"]}, "license_changed", "medium"),
        ({"licenses": ["GPL-2.0-only"]}, {"licenses": ["MIT"]}, "license_changed", "low"),
        ({"licenses": ["MIT"]}, {"licenses": []}, "license_changed", "medium"),
        ({"supplier": "Acme"}, {"supplier": "Other"}, "supplier_changed", "high"),
        ({"supplier": "Acme"}, {}, "supplier_changed", "medium"),
        ({"version": "2.0.0"}, {"version": "1.0.0"}, "version_downgraded", "high"),
        ({"version": "1.0.0"}, {"version": "1.0.1"}, "version_upgraded", "none"),
        ({"version": "1.0.0"}, {"version": "2.0.0"}, "version_upgraded", "medium"),
        ({"version": "1.0.0"}, {"version": "latest"}, "version_changed", "medium"),
        ({"version": "1.0.0"}, {"version": "v1.0.0"}, "version_changed", "none"),
        ({"scope": "optional"}, {"scope": "required"}, "scope_changed", "medium"),
    ],
)  # fmt: skip
def test_weights_of_the_shipped_policy(before: dict[str, Any], after: dict[str, Any], kind: str, expected: str) -> None:
    assert weigh(before, after)[kind] == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, ("affected", "critical"), "critical"),
        (None, ("unknown", "critical"), "critical"),
        (None, ("affected", ""), "medium"),
        (None, ("not_affected", "critical"), "none"),
        (("not_affected", "critical"), ("affected", "critical"), "critical"),
        (("not_affected", "low"), ("affected", "low"), "high"),
        (("affected", "critical"), ("fixed", "critical"), "none"),
        (("affected", "critical"), None, "medium"),
        (("not_affected", "critical"), None, "low"),
    ],
)
def test_weights_of_vulnerabilities(before: Any, after: Any, expected: str) -> None:
    def release(said: Any) -> Any:
        flaws = (Vulnerability("CVE-1", ("x",), said[0], severity=said[1]),) if said else ()
        return bom(component("x", ref="x"), vulnerabilities=flaws)

    (change,) = compare(release(before), release(after)).changes
    assert change.materiality == expected


def test_support_that_ends_between_two_releases() -> None:
    def release(day: str) -> Any:
        return bom(component("x", end_of_support="2026-06-30"), created=f"{day}T00:00:00Z")

    (change,) = compare(release("2026-01-01"), release("2026-12-01")).changes
    assert (change.kind, change.materiality) == ("support_passed", "high")
    assert compare(release("2026-01-01"), release("2026-03-01")).changes == ()
    (change,) = compare(release("2026-01-01"), release("2026-03-01"), as_of="2027-01-01").changes
    assert change.kind == "support_passed"


def test_a_document_that_says_less() -> None:
    full = bom(*(component(f"p{n}", supplier="Acme", hashes={"sha256": "aa"}) for n in range(10)), authors=("me",))
    bare = bom(*(component(f"p{n}", supplier="Acme") for n in range(10)))
    told = {
        change.name: (change.before, change.after, change.materiality)
        for change in compare(full, bare).changes
        if change.kind == "quality_worse"
    }
    assert told == {
        "components with a hash": ("100.0 %", "0.0 %", "medium"),
        "who made it": ("yes", "no", "medium"),
    }  # fmt: skip
