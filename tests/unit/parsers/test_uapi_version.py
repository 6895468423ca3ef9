"""The order of versions, against systemd itself."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.parsers.uapi_version import compare

_PIECES = ("1", "10", "2", "a", "b", "rc", ".", "-", "~", "^", "_", "+", "0", "00", "x", "\u00e9", " ")
_TEXT = st.text(alphabet="019abz.-~^_+ \u00e9", max_size=12)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9.0", "1.10.0"),
        ("1~rc1", "1"),
        ("1", "1^post"),
        ("1", "1.0"),
        ("1-1", "1.1"),
        ("a", "1"),
        ("", "0"),
        ("Demo_1.9", "Demo_1.10"),
    ],
)
def test_known_orders(older: str, newer: str) -> None:
    assert compare(older, newer) < 0 < compare(newer, older)


def test_systemd_agrees() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    chance = random.Random(7)
    for _ in range(120):
        a, b = ("".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 6))) for _ in range(2))
        if "-" in (a[0], b[0]):
            continue  # the tool would take it for an option
        done = subprocess.run([tool, "compare-versions", a, "le", b], capture_output=True, check=False)
        assert (compare(a, b) <= 0) == (done.returncode == 0), (a, b)


@given(_TEXT, _TEXT, _TEXT)
def test_it_is_an_order(a: str, b: str, c: str) -> None:
    assert compare(a, a) == 0
    assert (compare(a, b) > 0) == (compare(b, a) < 0)
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_any_text_has_a_place(a: str, b: str) -> None:
    assert compare(a, b) == -compare(b, a)
