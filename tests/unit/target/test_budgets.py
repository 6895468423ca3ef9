"""What hostile images, archives and scripts may cost is counted: the same end on every machine, said as a limit."""

import gzip
from pathlib import Path

import pytest

from scanner.collectors.base import Look
from scanner.collectors.take import take
from scanner.model.errors import LimitError
from scanner.model.fact import FactSpec
from scanner.target import limits
from scanner.target.containers.base import container_of
from scanner.target.devices import FileDevice
from scanner.target.tree import DirectoryTree, TreeTarget
from tests.support import build, fact_of


def test_small_media_may_claim_fewer_entries_than_large_ones() -> None:
    assert limits.entries_in(0) == limits.MIN_ENTRIES
    assert limits.entries_in(1 << 20) == limits.MIN_ENTRIES + 512
    assert limits.entries_in(1 << 50) == limits.MAX_WALK


def test_a_walk_ends_where_its_entries_or_their_paths_are_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = DirectoryTree(
        build(tmp_path, {f"d{number}/{'n' * 100}{one}": "" for number in range(5) for one in range(5)})
    )
    assert len(list(tree.walk("/"))) == 31
    tree.most_entries = 12
    assert len(list(tree.walk("/"))) < 13 + 5
    assert tree.unreadable == [("/d1", "limit: more than 12 entries")] or "limit: more than 12 entries" in str(
        tree.unreadable
    )
    tree.most_entries = 100
    monkeypatch.setattr(limits, "PATH_PER_ENTRY", 10)
    list(tree.walk("/"))
    assert "characters of paths" in tree.unreadable[-1][1]
    tree.close()


def test_a_path_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    tree = DirectoryTree(build(tmp_path, {"a": ("link", "x/" * 1500)}))
    with pytest.raises(LimitError):
        tree.resolve("/a" * 3000)
    tree.close()


def test_gaps_beyond_the_first_thousand_are_counted_as_one(tmp_path: Path) -> None:
    target = TreeTarget(tmp_path)
    look = Look(target, [FactSpec("x.y", "table", "x")], {"x.y": []})

    def compute(look: Look) -> list[object]:
        for number in range(limits.MAX_GAPS + 500):
            look.gap(f"/{number}", "permission")
        return []

    fact = look.fact("x.y", compute)  # type: ignore[arg-type]
    target.close()
    assert len(fact.gaps) == limits.MAX_GAPS + 1
    assert sum(gap.startswith("limit: more than") for gap in fact.gaps) == 1


def test_a_small_file_that_unpacks_to_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FREE_UNPACKED", 1 << 20)
    path = tmp_path / "zeros"
    path.write_bytes(gzip.compress(bytes(60 << 20)))
    device = FileDevice(path)
    found = container_of(device)
    assert found is not None
    with pytest.raises(LimitError, match="times its size"):
        found.open(device)


def test_health_checks_that_take_too_long_to_follow(tmp_path: Path) -> None:
    folder = "etc/greenboot/check/required.d"
    heavy = "".join(f"x{number}=$(program{number})\n" for number in range(20)) + "cmd || true\n" * 100 + "exit $x1\n"
    files = {f"{folder}/{number:02}.sh": heavy for number in range(40)}
    root = build(tmp_path, {**files, "usr/libexec/greenboot/greenboot": "#!/bin/bash\n"})
    first, second = (fact_of(root, "greenboot.checks") for _ in range(2))
    assert any(gap.startswith("limit: the scripts together") for gap in first.gaps), first.gaps[:3]
    assert first == second
    assert isinstance(first.value, list)
    assert first.value[0]["readable"] is True  # type: ignore[index,call-overload]
    assert first.value[-1]["readable"] is False  # type: ignore[index,call-overload]


def test_one_script_that_many_users_share_is_read_once(tmp_path: Path) -> None:
    users = "".join(f"u{number}:x:{number}:100::/home/shared:/bin/sh\n" for number in range(1000, 1300))
    root = build(
        tmp_path,
        {
            "etc/passwd": users,
            "etc/os-release": "ID=x\n",
            "home/shared/.bashrc": "PATH=$PATH:/opt/x\numask 027\n" * 300,
        },
    )
    target = TreeTarget(root)
    facts = take(target, ["search_path.elements", "shell.settings"]).facts
    target.close()
    for name in ("search_path.elements", "shell.settings"):
        fact = facts[name]
        assert isinstance(fact.value, list)
        assert len(fact.value) == limits.MAX_RECORDS
        assert any(gap.startswith("limit") for gap in fact.gaps)
