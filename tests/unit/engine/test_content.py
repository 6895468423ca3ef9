"""Loading content: every mistake is a sentence with file and line; extra folders; the cache."""

from pathlib import Path

import pytest

from scanner.engine import content, yaml_text
from scanner.model.errors import ContentError, UsageError
from tests.support import build

RULE = """schema: rule/v1
id: company-rule
title: The company file is there
severity: low
rationale: Because.
check:
  fact: os.arch
  equals: x86_64
remediation: {summary: Do it.}
tests:
  - {name: there, expect: pass, facts: {os.arch: x86_64}}
  - {name: other, expect: fail, facts: {os.arch: armv5}}
  - {name: blind, expect: unknown, facts: {}}
"""


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small shipped content, so that each test does not parse the whole rule base."""
    root = build(
        tmp_path / "shipped",
        {f"rules/base/{name}.yaml": RULE.replace("company-rule", name) for name in ("base-one", "base-two")},
    )
    monkeypatch.setattr("scanner.files.content_root", lambda: root)
    return root


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("severity: low", "severity: huge", 4, "severity"),
        ("id: company-rule", "id: other-rule", 2, "file name"),
        ("schema: rule/v1", "schema: rule/v9", 1, "rule/v1"),
        ("  equals: x86_64", "  equal: x86_64", 8, "no part of a clause"),
        ("  fact: os.arch", "  has: {a: 1}\n  fact: os.arch", 6, "asks either"),
        ("  equals: x86_64", "  matches: '('", 8, "regular expression"),
        ("expect: fail", "expect: failed", 12, "expect"),
        ("title: The company file is there", "title: a\ntitle: b", 4, "twice"),
        ("title: The company file is there", "title: &x a", 3, "anchors"),
        ("title: The company file is there", "yes: a", 3, "not text"),
        ("title: The company file is there", "title: [", 5, ""),
        ("  equals: x86_64", "  equals: ${arch}", 6, "not declared"),
        ("remediation: {summary: Do it.}", "remediation: {}", 9, "summary"),
        ("remediation:", "colour: red\nremediation:", 9, "no part of a rule"),
    ],
)
def test_a_malformed_rule_names_file_and_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in RULE
    build(tmp_path / "own", {"rules/company/company-rule.yaml": RULE.replace(old, new, 1)})
    with pytest.raises(ContentError) as caught:
        content.load((tmp_path / "own",), cache=False)
    assert caught.value.where.endswith(f"company-rule.yaml:{line}"), caught.value
    assert says in str(caught.value)


def test_an_extra_folder_adds_rules(tmp_path: Path) -> None:
    shipped = content.load(cache=False)
    build(tmp_path / "own", {"rules/company/company-rule.yaml": RULE})
    more = content.load((tmp_path / "own",), cache=False)
    assert set(more.rules) - set(shipped.rules) == {"company-rule"}
    assert more.digest != shipped.digest


def test_replacing_a_shipped_rule_needs_a_word(tmp_path: Path) -> None:
    shipped = content.load(cache=False)
    name = "base-one"
    build(tmp_path / "own", {f"rules/mine/{name}.yaml": RULE.replace("company-rule", name)})
    with pytest.raises(ContentError, match="already shipped"):
        content.load((tmp_path / "own",), cache=False)
    replaced = content.load((tmp_path / "own",), allow_override=True, cache=False)
    assert replaced.rules[name].title == "The company file is there"
    assert replaced.overrides
    assert len(replaced.rules) == len(shipped.rules)


def test_the_cache_gives_the_same_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = content.load()
    assert list((tmp_path / "cache").glob("assay/content-*.json"))
    second = content.load()
    assert (first.digest, list(first.rules)) == (second.digest, list(second.rules))
    next((tmp_path / "cache").glob("assay/content-*.json")).write_text("{cut off")
    assert list(content.load().rules) == list(first.rules)


def test_an_unknown_rule_is_named_with_the_nearest(tmp_path: Path) -> None:
    build(tmp_path / "own", {"rules/company/company-rule.yaml": RULE})
    book = content.load((tmp_path / "own",), cache=False).rules
    with pytest.raises(UsageError) as caught:
        book.named("company-rul")
    assert "company-rule" in caught.value.hint


def test_a_small_yaml_with_millions_of_nodes_is_refused() -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (98 + i, 98 + i, 97 + i, 97 + i) for i in range(20))
    with pytest.raises(ContentError, match="anchors"):
        yaml_text.load(bomb, "bomb.yaml")


def test_dates_and_floats_stay_text() -> None:
    assert yaml_text.load(b"a: 2026-01-31\nb: 1.10\nc: 3\n", "x") == {"a": "2026-01-31", "b": "1.10", "c": 3}
