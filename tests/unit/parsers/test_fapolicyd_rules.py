"""fapolicyd's rule language and symbolic decisions."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.fapolicyd_policy import Attempt, Verdict, decide
from scanner.parsers.fapolicyd_rules import Rule, lines_of, parse

DENY = "deny_audit perm=execute all : all"


def rules(*lines: str) -> list[Rule]:
    return parse(lines_of("\n".join(lines), "r"))


def verdict(*lines: str, uid: int = 1000, folder: str = "/tmp/", perm: str = "execute") -> Verdict:
    return decide(rules(*lines), Attempt(uid, folder, perm))


def test_parts_of_a_rule() -> None:
    (rule,) = rules(
        "%py=/usr/bin/python3,/usr/bin/python", "", "# c", "allow perm=any exe=%py uid=0 : dir=/a/,/b/ trust=1"
    )
    assert (rule.decision, rule.allows, rule.perm, rule.line) == ("allow", True, "any", 4)
    assert [(one.name, one.values) for one in rule.subject] == [
        ("exe", ("/usr/bin/python3", "/usr/bin/python")),
        ("uid", ("0",)),
    ]
    assert [(one.name, one.values) for one in rule.object] == [("dir", ("/a/", "/b/")), ("trust", ("1",))]


def test_sets_can_grow_and_values_can_be_quoted() -> None:
    (rule,) = rules("%languages=text/x-lua", "%languages+=text/x-own", 'deny all : ftype=%languages path="/a b/c"')
    assert rule.object[0].values == ("text/x-lua", "text/x-own")
    assert rule.object[1].values == ("/a b/c",)
    assert rule.perm == "open"


@pytest.mark.parametrize(
    "line",
    [
        "maybe all : all",
        "deny perm=write all : all",
        "deny perm=any all",
        "deny perm=any : all",
        "deny perm=any all :",
        "deny perm=any all : colour=red",
        "deny perm=any exe=%nothing : all",
        "deny perm=any all:all",
        'deny perm=any all : path="/open',
        'deny perm=any all : path="/a"b',
        "%set",
        "%other+=x",
        "deny perm=any\tall : all",
    ],
)
def test_refused_lines_name_their_place(line: str) -> None:
    with pytest.raises(ParseError) as caught:
        rules("# first", line)
    assert (caught.value.where, caught.value.line) == ("r", 2)


@pytest.mark.parametrize(
    ("lines", "uid", "folder", "allowed", "holes"),
    [
        ([DENY], 1000, "/tmp/", False, 0),
        ([], 1000, "/tmp/", True, 0),
        (["deny_audit all : all"], 1000, "/tmp/", True, 0),
        (["deny perm=open all : all"], 0, "/tmp/", True, 0),
        (["deny perm=any all : dir=/tmp/"], 0, "/tmp/", False, 0),
        (["deny perm=any all : dir=/tmp"], 0, "/tmp/", False, 0),
        (["deny perm=any all : dir=/tmp/sub/"], 0, "/tmp/", True, 0),
        (["deny perm=execute uid=1000 : all"], 0, "/tmp/", True, 0),
        (["deny perm=execute uid=0,1000 : all"], 0, "/tmp/", False, 0),
        (["allow perm=any uid=root : all", DENY], 0, "/tmp/", True, 0),
        (["allow perm=any uid=0 trust=1 : all", DENY], 0, "/tmp/", True, 0),
        (["allow perm=any uid=0 trust=1 : all", DENY], 1000, "/tmp/", False, 0),
        (["allow perm=any uid=0 : dir=/var/tmp/", DENY], 0, "/var/tmp/", True, 0),
        (["allow perm=any uid=0 : dir=/var/tmp/", DENY], 0, "/tmp/", False, 0),
        (["allow perm=execute all : trust=1", DENY], 0, "/tmp/", False, 0),
        (["allow perm=execute exe=/usr/bin/make : all", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute all : path=/tmp/tool", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute all : path=glob:/tmp/*", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute all : dir=/tmp/build/", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute gid=wheel : all", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute uid=builder : all", DENY], 1000, "/tmp/", False, 1),
        (["allow perm=execute all : filehash=abc", DENY], 1000, "/tmp/", False, 0),
        (["allow perm=execute all : ftype=text/x-shellscript", DENY], 1000, "/tmp/", False, 0),
        (["allow perm=execute all : dir=execdirs", DENY], 1000, "/tmp/", False, 0),
        (["deny_audit perm=any pattern=ld_so : all"], 1000, "/tmp/", True, 0),
        (["deny perm=execute all : ftype=application/x-executable"], 1000, "/tmp/", True, 0),
        (["deny perm=execute exe=/usr/bin/bash : all"], 1000, "/tmp/", True, 0),
        (["deny perm=execute all : trust=0"], 0, "/tmp/", False, 0),
        (["deny perm=execute all : dir=untrusted"], 0, "/tmp/", False, 0),
        ([DENY, "allow perm=any all : all"], 0, "/tmp/", False, 0),
        (["allow perm=any all : all", DENY], 0, "/tmp/", True, 0),
    ],
)
def test_decisions(lines: list[str], uid: int, folder: str, allowed: bool, holes: int) -> None:
    outcome = verdict(*lines, uid=uid, folder=folder)
    assert (outcome.allowed, len(outcome.holes)) == (allowed, holes)
