"""Version order against the package managers themselves, and against the documented examples of apk."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest

from scanner.model import versions

LABELS = [
    "0", "00", "1", "01", "1.0", "1.0.", "1.00", "1.0.0", "1.0a", "1.0.a", "1.0A", "1.0b1", "1.0b10",
    "1a0", "a", "a1", "1.0~", "1.0~~", "1.0~rc1", "1.0~rc1~git1", "1.0^", "1.0^git1", "1.0^git1~pre",
    "1.0~rc1^git1", "1.0^git1.1", "1.0^~", "2_0", "2.0", "10.0001", "10.1", "10.0039", "4.999.9", "5.0",
    "99999999999999999999", "100000000000000000000",
]  # fmt: skip


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def test_rpm_labels_as_rpm_orders_them() -> None:
    if shutil.which("rpm") is None:
        pytest.skip("rpm is not installed: make test installs it")
    pairs = list(itertools.product(LABELS, repeat=2))
    table = ",".join(f"'{label}'" for label in LABELS)
    script = f"l={{{table}}} for _,a in ipairs(l) do for _,b in ipairs(l) do io.write(rpm.vercmp(a,b)..' ') end end"
    said = subprocess.run(["rpm", "--eval", f"%{{lua:{script}}}"], capture_output=True, text=True, check=True)
    assert [sign(versions.compare_rpm(a, b)) for a, b in pairs] == [int(word) for word in said.stdout.split()]


def test_rpm_epoch_and_release() -> None:
    ordered = ["1.0-1", "1.0-2", "1.1-1", "0:1.2-1", "1:0.1-1", "2:0.1-1"]
    for a, b in itertools.combinations(ordered, 2):
        assert versions.compare_rpm(a, b) < 0 < versions.compare_rpm(b, a)
    assert versions.compare_rpm("1.0", "1.0-7") == 0
    assert versions.compare_rpm("0:1.0-1", "1.0-1") == 0


DPKG = [
    "1", "1.0", "1.0-0", "1.0-1", "1.0~rc1-1", "1.0~~", "1.0a", "1.0+b1", "1.0-1~bpo", "1:0.9", "0:1.0",
    "1.10", "1.9", "01.0", "1.0-a", "1.0.", "1-1-1",
]  # fmt: skip


def test_dpkg_as_dpkg_orders_them() -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not installed: this is no Debian")
    for a, b in itertools.combinations(DPKG, 2):
        expected = next(
            value
            for word, value in (("lt", -1), ("eq", 0), ("gt", 1))
            if subprocess.run(["dpkg", "--compare-versions", a, word, b], check=False).returncode == 0
        )
        assert sign(versions.compare_dpkg(a, b)) == expected, (a, b)
        assert sign(versions.compare_dpkg(b, a)) == -expected, (b, a)


@pytest.mark.parametrize(
    ("a", "word", "b"),
    [
        ("2.34", ">", "0.1.0_alpha"),
        ("1.3.1-r1", ">", "1.3.1_alpha"),
        ("1.2.9", "<", "1.2.10"),
        ("1.05", "<", "1.1"),
        ("1.010", "<", "1.02"),
        ("0.12.1", ">", "0.12"),
        ("1.0_rc1", "<", "1.0"),
        ("1.0_p1", ">", "1.0"),
        ("1.0_alpha2", "<", "1.0_beta1"),
        ("1.0_git20200101", ">", "1.0"),
        ("1.0_cvs", "<", "1.0_p"),
        ("6a", ">", "6"),
        ("3.0.0b", "<", "3.0.0c"),
        ("1.0-r2", "<", "1.0-r10"),
        ("1.0", "<", "1.0-r1"),
        ("1.0~ab12", ">", "1.0"),
        ("007", "=", "7"),
    ],
)
def test_apk(a: str, word: str, b: str) -> None:
    expected = {"<": -1, "=": 0, ">": 1}[word]
    assert sign(versions.compare_apk(a, b)) == expected
    assert sign(versions.compare_apk(b, a)) == -expected


def test_dotted() -> None:
    ordered = ["1.0rc1", "1.0", "1.0.1", "1.2", "1.10", "2"]
    for a, b in itertools.combinations(ordered, 2):
        assert versions.compare_dotted(a, b) < 0 < versions.compare_dotted(b, a), (a, b)
    assert versions.compare_dotted("1", "1.0.0") == 0


def test_by_manager() -> None:
    assert versions.compare("rpm", "1^1", "1") > 0
    assert versions.compare("dpkg", "1~1", "1") < 0
    assert versions.compare("apk", "1_p1", "1") > 0
    with pytest.raises(ValueError, match="pacman"):
        versions.compare("pacman", "1", "2")
