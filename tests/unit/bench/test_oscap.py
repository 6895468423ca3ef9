"""The comparison with OpenSCAP, without OpenSCAP: statuses, kinds of difference, reasons, tree files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bench.oscap.audit_rules import hardened
from bench.oscap.compare import KINDS, Reason, Verdict, combined, compare, load_reasons
from bench.oscap.run import oscap_verdicts, our_verdicts, release_of
from bench.oscap.treefile import parse, write
from scanner.parsers.audit_rules import load, numbered
from tests.support import build

BENCH = Path(__file__).parents[3] / "bench/oscap"


def verdicts(*statuses: str) -> list[Verdict]:
    return [Verdict(status, instance=f"{status}@1") for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), "none"),
        (("pass",), "pass"),
        (("pass", "fail"), "fail"),
        (("pass", "unknown"), "unknown"),
        (("unknown", "error"), "error"),
        (("notapplicable", "pass"), "pass"),
        (("notapplicable", "notchecked"), "notchecked"),
    ],
)
def test_several_results_behind_one_public_rule(statuses: tuple[str, ...], expected: str) -> None:
    assert combined(verdicts(*statuses)).status == expected


@pytest.mark.parametrize(
    ("theirs", "ours", "kind", "unexplained"),
    [
        ("fail", "pass", "pass", True),
        ("fail", "notapplicable", "notapplicable", True),
        ("pass", "notapplicable", None, False),
        ("pass", "unknown", "unjudged", True),
        ("fail", "error", "unjudged", True),
        ("fail", "notchecked", "unjudged", True),
        ("pass", "fail", "fail", False),
        ("pass", "pass", None, False),
        ("unknown", "pass", None, False),
        ("notapplicable", "fail", None, False),
    ],
)
def test_what_must_be_explained(theirs: str, ours: str, kind: str | None, unexplained: bool) -> None:
    found = compare("default", 10, {"a_rule": Verdict(theirs)}, {"a_rule": verdicts(ours)}, [])
    assert (found.rows[0].kind, found.rows[0].unexplained) == (kind, unexplained)


def test_a_rule_that_we_do_not_have_is_not_judged() -> None:
    found = compare("default", 10, {"a_rule": Verdict("pass"), "other": Verdict("notchecked")}, {}, [])
    assert [(row.ours, row.kind) for row in found.rows] == [("none", "unjudged"), ("none", None)]


def test_a_reason_explains_its_kind_its_rules_and_its_trees_alone() -> None:
    reason = Reason("pass", ("sshd_*",), "the built-in value", trees=("default*",), releases=(10,))
    theirs = {"sshd_x": Verdict("fail"), "pam_x": Verdict("fail")}
    ours = {"sshd_x": verdicts("pass"), "pam_x": verdicts("pass")}

    def left(tree: str, release: int) -> list[str]:
        return [row.rule for row in compare(tree, release, theirs, ours, [reason]).rows if row.unexplained]

    assert left("default-relative", 10) == ["pam_x"]
    assert left("hardened", 10) == ["pam_x", "sshd_x"]
    assert left("default", 9) == ["pam_x", "sshd_x"]
    unjudged = compare("default", 10, theirs, {"sshd_x": verdicts("unknown")}, [reason])
    assert all(row.unexplained for row in unjudged.rows)


def test_numbers_of_a_comparison() -> None:
    theirs = {"a": Verdict("pass"), "b": Verdict("fail"), "c": Verdict("unknown"), "d": Verdict("fail")}
    ours = {"a": verdicts("pass"), "b": verdicts("pass"), "c": verdicts("fail"), "d": verdicts("error")}
    found = compare("default", 10, theirs, ours, [])
    assert found.agreement() == (1, 2)
    assert (found.judged("theirs"), found.judged("ours")) == (3, 3)
    assert [row.rule for row in found.settled()] == ["c"]
    assert found.matrix() == {
        ("fail", "error"): 1,
        ("fail", "pass"): 1,
        ("pass", "pass"): 1,
        ("unknown", "fail"): 1,
    }


def test_the_reasons_that_are_written_can_be_read() -> None:
    reasons = load_reasons(BENCH / "reasons.yaml")
    assert {reason.kind for reason in reasons} <= set(KINDS)
    assert all(len(reason.text) > 40 for reason in reasons)


@pytest.mark.parametrize(
    "text",
    [
        "- {kind: maybe, rules: [a], reason: because}",
        "- {kind: pass, rules: [], reason: because}",
        '- {kind: pass, rules: [a], reason: " "}',
        "- {kind: pass, rules: [a], reason: because, tree: default}",
    ],
)
def test_a_reason_that_is_not_complete_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reasons.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"reasons\.yaml, entry 1"):
        load_reasons(path)


def test_results_of_oscap(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    rule = '<rule-result idref="xccdf_org.ssgproject.content_rule_{}"><result>{}</result></rule-result>'
    text = rule.format("a", "pass") + rule.format("b", "notselected") + rule.format("c", "error")
    results.write_text(f'<TestResult xmlns="http://checklists.nist.gov/xccdf/1.2">{text}</TestResult>')
    assert {name: verdict.status for name, verdict in oscap_verdicts(results).items()} == {"a": "pass", "c": "error"}


def test_our_results_by_public_id() -> None:
    result = {"instance": "r@1", "status": "not_applicable", "explanation": "why", "upstream": ["a", "b"]}
    found = our_verdicts({"results": [result, {**result, "instance": "s@1", "status": "manual", "upstream": ["b"]}]})
    assert [verdict.status for verdict in found["b"]] == ["notapplicable", "notchecked"]
    assert [verdict.instance for verdict in found["a"]] == ["r@1"]


def test_release_of_a_data_stream() -> None:
    assert [release_of(Path(f"/x/ssg-rhel{major}-ds.xml")) for major in (9, 10)] == [9, 10]
    with pytest.raises(SystemExit):
        release_of(Path("/x/ssg-debian12-ds.xml"))


def test_a_tree_file(tmp_path: Path) -> None:
    ids = f"me:x:{os.getuid()}:{os.getgid()}::/:/bin/sh\n"
    build(tmp_path, {"/etc/passwd": ids, "/etc/group": f"us:x:{os.getgid()}:\n", "/etc/old": "before"})
    text = """A comment.
==> /etc/old mode=0600 owner=me:us
after @what@ and user@host
==> /var/log/ mode=0700 owner=me:us
==> /usr/bin/tool owner=me:us
==> /etc/link owner=me:us -> /etc/old
"""
    write(tmp_path, parse(text, {"what": "words"}))
    assert (tmp_path / "etc/old").read_text() == "after words and user@host\n"
    assert stat.S_IMODE((tmp_path / "etc/old").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var/log").stat().st_mode) == 0o700
    assert (tmp_path / "usr/bin/tool").read_text() == "a stub of /usr/bin/tool\n"
    assert stat.S_IMODE((tmp_path / "usr/bin/tool").stat().st_mode) == 0o755
    assert os.readlink(tmp_path / "etc/link") == "/etc/old"


def test_a_tree_file_cannot_write_outside_of_the_tree(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = build(tmp_path / "root", {"/etc/passwd": "root:x:0:0::/:\n", "/etc/group": "root:x:0:\n"})
    (root / "way").symlink_to(outside)
    with pytest.raises(ValueError, match="leads out of the tree"):
        write(root, parse("==> /way/file\ntext\n", {}))
    assert not list(outside.iterdir())


@pytest.mark.parametrize("header", ["/a size=3", "/a mode=0600 ->  "])
def test_a_header_that_cannot_be_read(header: str) -> None:
    with pytest.raises(ValueError, match="a header is PATH"):
        parse(f"==> {header}\ntext\n", {})


@pytest.mark.parametrize("name", ["both", "hardened"])
def test_the_tree_files_that_are_written_can_be_read(name: str) -> None:
    entries = parse((BENCH / f"trees/{name}.tree").read_text(), {"banner": "b", "audit": "a", "cmdline": "c"})
    assert len({entry.path for entry in entries}) == len(entries) > 5
    assert not [entry.path for entry in entries if "@banner@" in (entry.content or "")]


@pytest.mark.parametrize("release", [9, 10])
def test_audit_rules_of_the_hardened_tree_are_rules(release: int) -> None:
    text = hardened(release)
    parsed = load(numbered(text, "x.rules"))
    assert not parsed.problems
    assert len(parsed.rules) == len(text.splitlines()) > 60
