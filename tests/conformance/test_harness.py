"""The harness on scenarios of our own making: it runs them apart from this machine and reads the verdict rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.amendments import amendments
from tests.conformance.disagreements import sections
from tests.conformance.report import outcome, section_of, summary
from tests.conformance.run import missing, run
from tests.conformance.scenario import scenarios

RULE = "sshd_set_max_auth_tries"
HEADER = "#!/bin/bash\n# packages = postfix\n# variables = sshd_max_auth_tries_value=3\n"
SET = "sed -i '/^MaxAuthTries/d' /etc/ssh/sshd_config\necho 'MaxAuthTries {}' > /etc/ssh/sshd_config.d/00-ours.conf\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three scenarios of one rule, and one of a rule that nobody has."""
    made = tmp_path / "scenarios"
    (made / RULE).mkdir(parents=True)
    (made / "shared").mkdir()
    (made / "shared/help.sh").write_text("touch /etc/helped\n")
    (made / RULE / "three.pass.sh").write_text(HEADER + SET.format(3))
    (made / RULE / "four.fail.sh").write_text(HEADER + SET.format(4) + ". $SHARED/help.sh\n")
    (made / RULE / "wrong_name.pass.sh").write_text(HEADER + SET.format(5) + "rm -rf /etc/ssh /home\nexit 3\n")
    (made / RULE / "notes.txt").write_text("no scenario")
    (made / "nobody_has_this").mkdir()
    (made / "nobody_has_this/any.fail.sh").write_text("#!/bin/bash\n")
    return made


def test_header_says_packages_and_values(folder: Path) -> None:
    """The header is read, `a=b,c` keeps its comma, and other files are no scenarios."""
    (folder / RULE / "list.pass.sh").write_text("# variables = one=a,b,two=c\n# packages = x, y\n")
    found = {one.name: one for one in scenarios(folder)}
    assert sorted(found) == ["any.fail.sh", "four.fail.sh", "list.pass.sh", "three.pass.sh", "wrong_name.pass.sh"]
    assert found["list.pass.sh"].variables == {"one": "a,b", "two": "c"}
    assert found["list.pass.sh"].packages == ("x", "y")
    assert (found["four.fail.sh"].expected, found["four.fail.sh"].packages) == ("fail", ("postfix",))


def test_profiles_give_values_below_the_header(folder: Path) -> None:
    """Defaults, then the profile's values, then the header's."""
    (folder / "index.json").write_text(
        '{"variables": {"a": "1", "b": "1", "c": "1"}, "profiles": {"stig": {"b": "2", "c": "2"}}}'
    )
    (folder / RULE / "list.pass.sh").write_text(
        "# profiles = xccdf_org.ssgproject.content_profile_stig\n# variables = c=3\n"
    )
    found = {one.name: one for one in scenarios(folder)}
    assert found["list.pass.sh"].variables == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_trees_are_thrown_away_and_verdicts_read(folder: Path, tmp_path: Path) -> None:
    """Agreement, a differing scenario that removes folders, and a rule nobody has; this machine is untouched."""
    before = sorted(path.name for path in Path("/etc").iterdir())
    results = {one["name"]: one for one in run(scenarios(folder), folder, tmp_path / "lab", 1)}
    assert {name: one["got"] for name, one in results.items() if name != "wrong_name.pass.sh"} == {
        "any.fail.sh": "no_rule",
        "four.fail.sh": "fail",
        "three.pass.sh": "pass",
    }
    assert results["wrong_name.pass.sh"]["got"] != "pass"
    assert results["wrong_name.pass.sh"]["code"] == 3
    assert results["three.pass.sh"]["verdicts"][0]["params"]
    assert sorted(path.name for path in Path("/etc").iterdir()) == before
    text, percent = summary(results.values())
    assert "wrong_name.pass.sh: expected pass" in text
    assert 60 < percent < 70


def test_the_page_of_disagreements_is_whole() -> None:
    """Every section says who is right and about which scenarios, under a heading of its own."""
    found = sections()
    assert len({one.title for one in found}) == len(found) > 10
    assert not section_of({"rule": "any", "name": "any.pass.sh"}, found)


def test_outcomes(tmp_path: Path) -> None:
    """What counts as agreement, and what a section changes."""
    page = tmp_path / "page.md"
    page.write_text(
        "### One\nRight: Assay\nScenarios: `^a/`, `^b/x`\n\nWhy.\n\n### Two\nRight: the scenario\nScenarios: `^c/`\n\nWhy.\n"
    )
    found = sections(page)

    def told(rule: str, expected: str, got: str, explanation: str = "") -> str:
        verdict = {"facets": {"persistent": "not_required"}, "explanation": explanation}
        return outcome({"rule": rule, "name": "x", "expected": expected, "got": got, "verdicts": [verdict]}, found)

    assert told("a", "pass", "pass") == "agree"
    assert told("a", "pass", "fail") == told("b", "pass", "fail") == "explained"
    assert told("c", "pass", "fail") == told("d", "pass", "fail") == "differ"
    assert told("d", "pass", "not_applicable") == "nothing there"
    assert told("d", "fail", "not_applicable") == "differ"
    assert told("d", "fail", "unknown", "the target is not running") == "not in a tree"
    assert told("d", "fail", "unknown", "cannot be read") == "differ"
    page.write_text("### One\nRight: nobody\nScenarios: `^a/`\n\nWhy.\n")
    with pytest.raises(ValueError, match="One"):
        sections(page)


def test_a_scenario_that_is_completed_says_why() -> None:
    """auditctl without a file loads nothing; other scenarios stay as they are."""
    assert ["-R" in one.commands for one in amendments("audit_rules_immutable/auditctl_correct.pass.sh")] == [True]
    assert not amendments("audit_rules_immutable/augenrules_correct.pass.sh")


def test_the_summary_tells_what_completing_changed() -> None:
    """Agreement as written and completed, a line a reason and one for all."""
    verdict = {"facets": {"persistent": "fail"}, "explanation": ""}
    base = {"rule": "a", "expected": "pass", "template": "t", "verdicts": [verdict]}
    text, _ = summary(
        [
            {**base, "name": "x", "got": "pass", "as_written": "fail", "amended": ["why"]},
            {**base, "name": "y", "got": "pass", "amended": []},
        ]
    )
    assert "why: 0 of 1 agree as written, 1 completed" in text
    assert "all completed scenarios: 0 of 1" in text
