"""The fuzzer finds what is planted, keeps what reaches new steps, and finds nothing in a moment with the parsers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import fstab
from tests.fuzz.__main__ import Coverage, fuzz, mutated
from tests.fuzz.targets import Target, targets


def test_a_planted_bug_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(data: bytes) -> None:
        if b"\xff\xff\xff\xff" in data:
            raise IndexError("planted")

    found = fuzz(Target("planted", run, lambda: [b"a", b"b"]), 2, random.Random(1), tmp_path / "crashes")
    assert found == 1
    (crash,) = (tmp_path / "crashes").iterdir()
    assert b"\xff\xff\xff\xff" in crash.read_bytes()
    assert "IndexError" in capsys.readouterr().out


def test_new_steps_are_seen_once() -> None:
    def run(data: bytes) -> None:
        fstab.parse(data.decode())

    coverage = Coverage()
    assert coverage.run(run, b"/dev/sda1 / ext4 defaults 0 1\n")
    assert not coverage.run(run, b"/dev/sda1 / ext4 defaults 0 1\n")


def test_the_same_seed_gives_the_same_inputs() -> None:
    one, two = (
        [mutated(b"a = b\n", [b"c"], source) for _ in range(50)] for source in (random.Random(5), random.Random(5))
    )
    assert one == two


def test_every_parser_is_a_target() -> None:
    known = targets()
    assert sum(name.startswith("parser:") for name in known) > 100
    assert "parser:sudoers.parse" in known
    assert "image:squashfs-gzip" in known
    with pytest.raises(ParseError):
        fstab.parse("\0")
