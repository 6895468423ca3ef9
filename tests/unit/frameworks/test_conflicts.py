"""Frameworks that want different things: found, and solved where one value satisfies all."""

from __future__ import annotations

from scanner.engine.content import load
from scanner.frameworks import catalog
from scanner.frameworks.conflicts import Conflict, conflicts

CONTENT = load()
KNOWN = catalog.frameworks(CONTENT)


def _on(rule: str, *frameworks: str) -> Conflict:
    found = [one for one in conflicts(CONTENT, KNOWN, frameworks) if rule in {wish.rule for wish in one.wishes}]
    assert found, rule
    return found[0]


def test_the_strictest_number_satisfies_all() -> None:
    one = _on("password-length")
    assert one.verdict == "satisfiable"
    assert one.satisfied_by == "15 or more"
    assert {(wish.framework, wish.value) for wish in one.wishes} >= {("stig-rhel10", 15), ("pci-dss-4", 12)}
    assert all(wish.controls for wish in one.wishes)


def test_a_range_is_cut_to_what_all_allow() -> None:
    assert _on("login-password-age-limited", "cis-rhel10", "stig-rhel10").satisfied_by == "1 to 60"


def test_different_fixed_values_contradict() -> None:
    one = _on("sshd-banner-shown", "cis-rhel10", "stig-rhel10")
    assert (one.verdict, one.satisfied_by) == ("contradiction", "")
    assert {wish.value for wish in one.wishes} == {"/etc/issue", "/etc/issue.net"}


def test_sets_without_a_common_member_contradict_and_with_one_do_not() -> None:
    assert _on("login-password-hash-strong", "pci-dss-4", "stig-rhel10").verdict == "contradiction"
    assert _on("login-password-hash-strong", "cis-rhel10", "stig-rhel10").satisfied_by == "SHA512"


def test_rules_under_different_conditions_do_not_contradict() -> None:
    assert _on("journald-forward-to-syslog", "cis-rhel10").verdict == "depends"


def test_a_parameter_that_is_no_plain_comparison_is_left_to_a_person() -> None:
    assert _on("audit-watch-faillock").verdict == "undecided"


def test_one_framework_alone_and_equal_values_are_no_conflict() -> None:
    assert not [one for one in conflicts(CONTENT, KNOWN, ["hipaa-164-312"]) if one.verdict == "satisfiable"]
    for one in conflicts(CONTENT, KNOWN):
        assert len({str(wish.value) for wish in one.wishes}) > 1, one.question


def test_contradictions_come_first() -> None:
    verdicts = [one.verdict for one in conflicts(CONTENT, KNOWN)]
    assert verdicts[0] == "contradiction"
    assert verdicts == sorted(verdicts, key=["contradiction", "depends", "undecided", "satisfiable"].index)
