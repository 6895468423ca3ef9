"""A user's own profile file: built on shipped ones, with an organisation's values."""

from __future__ import annotations

import pytest

from scanner.engine.content import load
from scanner.frameworks import catalog
from scanner.frameworks.profiles import from_file, profile
from scanner.frameworks.select import Selected, select
from scanner.model.errors import AssayError

CONTENT = load()
KNOWN = catalog.frameworks(CONTENT)
OWN = """schema: profile/v1
id: our-stig
title: STIG as we run it
extends: [stig]
rules_out: [sshd-banner-shown]
rules_in: [kernel/kernel-lockdown-*]
values: {sshd_idle_timeout_value: 120}
params:
  password-length: {limit: 20}
"""


def _chosen(text: str) -> Selected:
    return select(CONTENT, KNOWN, [from_file(CONTENT, text.encode(), "own.yaml")])


def _params(selected: Selected, rule: str) -> list[dict[str, object]]:
    return [dict(one.params) for one in selected.instances.values() if one.rule.id == rule]


def test_it_is_the_base_with_changes() -> None:
    own, base = _chosen(OWN), select(CONTENT, KNOWN, [profile(CONTENT, "stig")])
    rules = {one.rule.id for one in own.instances.values()}
    before = {one.rule.id for one in base.instances.values()}
    assert before - rules == {"sshd-banner-shown"}
    assert {one for one in rules - before if not one.startswith("kernel-lockdown-")} == set()
    assert [one["limit"] for one in _params(own, "password-length")] == [20]


def test_an_organisations_value_reaches_every_rule_with_that_variable() -> None:
    own = _chosen(OWN)
    assert [one["seconds"] for one in _params(own, "sshd-idle-interval-limited")] == [120]
    (instance,) = [one for one in own.instances.values() if one.rule.id == "sshd-idle-interval-limited"]
    assert instance.sources["seconds"] == "profile our-stig"


def test_what_is_left_out_makes_its_control_partial() -> None:
    own = _chosen(OWN)
    touched = [one for one in own.controls["stig-rhel10"].values() if "sshd-banner-shown" in one.rules]
    assert touched
    assert not any(one.whole for one in touched)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: profile/v1\nid: stig\n", "shipped profile"),
        ("schema: profile/v1\nid: x\n", "selects nothing"),
        ("schema: profile/v1\nid: x\nextends: [nobody]\n", "no profile 'nobody' to extend"),
        (
            "schema: profile/v1\nid: x\nextends: [stig]\nvalues: {var_nothing: 5}\n",
            "no rule has a parameter 'var_nothing'",
        ),
        ("schema: profile/v1\nid: x\nextends: [stig]\nmagic: 5\n", "`magic` is no part"),
        ("schema: profile/v1\nid: x\nextends: stig\n", "list of texts"),
        ("schema: rule/v1\nid: x\n", "profile/v1"),
        ("[]", "`id` is missing"),
        ("schema: profile/v1\nid: x\nextends: [stig]\nvalues: 5\n", "`values` is name: value"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(AssayError, match=message):
        from_file(CONTENT, text.encode(), "own.yaml")


def test_a_value_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(AssayError, match="wants a whole number"):
        _chosen("schema: profile/v1\nid: x\nextends: [stig]\nvalues: {sshd_idle_timeout_value: soon}\n")
