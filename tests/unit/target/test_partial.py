"""A tree that is no whole root proves no absence; a packing without owners and modes claims none."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.errors import NotCollectedError
from scanner.target.base import Entry
from scanner.target.opening import open_path
from scanner.target.partial import honest
from scanner.target.tree import DirectoryTree
from tests.support import Content, build

WHOLE: dict[str, Content] = {"/etc/os-release": "ID=x\n", "/usr/bin/true": "", "/bin": ("link", "usr/bin")}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"/readme": "x"},
        {"/etc/ssh/sshd_config": "PermitRootLogin no\n"},
        {"/etc/os-release": "ID=x\n"},
        {"/usr/lib/os-release": "ID=x\n"},
        {"/etc/passwd": "", "/usr": None, "/bin": ("link", "usr/bin")},
    ],
)
def test_a_fragment_says_of_nothing_that_it_is_absent(files: dict[str, Content], tmp_path: Path) -> None:
    target = open_path(build(tmp_path, files))
    facts, _ = collect(target, None)
    target.close()
    assert facts
    assert [name for name, fact in facts.items() if fact.state == "absent"] == []
    empty = [name for name, fact in facts.items() if fact.state == "present" and not fact.value and not fact.gaps]
    assert empty == []


def test_a_fragment_gives_what_it_has(tmp_path: Path) -> None:
    tree = honest(DirectoryTree(build(tmp_path, {"/etc/ssh/sshd_config": "Port 22\n"})))
    assert tree.read("/etc/ssh/sshd_config") == b"Port 22\n"
    with pytest.raises(NotCollectedError, match="no root of a system"):
        tree.stat("/etc/passwd")
    walked = [entry.path for entry in tree.walk("/")]
    assert walked == ["/"]
    assert "no root of a system" in tree.unreadable[0][1]


def test_a_whole_root_is_left_as_it_is(tmp_path: Path) -> None:
    tree = DirectoryTree(build(tmp_path, WHOLE))
    assert honest(tree) is tree


class Lossy(DirectoryTree):
    lost = frozenset({"owner", "mode", "xattrs"})


@pytest.mark.parametrize("attribute", ["uid", "gid", "mode", "permissions"])
def test_what_the_packing_lost_is_not_known(attribute: str, tmp_path: Path) -> None:
    tree = honest(Lossy(build(tmp_path, WHOLE)))
    entry = tree.stat("/usr/bin/true")
    with pytest.raises(NotCollectedError, match="keeps no owners"):
        getattr(entry, attribute)
    assert (entry.type, entry.size, entry.path) == ("file", 0, "/usr/bin/true")
    assert isinstance(entry, Entry)
    assert tree.stat("/bin", follow=False).type == "link"
