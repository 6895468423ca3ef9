"""os-release against the specification, and against the shell that may source it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.os_release import Assignment, parse

ALMA = """NAME="AlmaLinux"
VERSION="10.1 (Heliotrope Lion)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
# a comment with ID=other

PRETTY_NAME='AlmaLinux 10.1'
VERSION_ID=10.1
"""


def test_typical() -> None:
    found = parse(ALMA)
    assert found["ID"] == Assignment("almalinux", 3)
    assert found["ID_LIKE"].value == "rhel centos fedora"
    assert found["PRETTY_NAME"].value == "AlmaLinux 10.1"
    assert found["VERSION_ID"] == Assignment("10.1", 8)


def test_the_last_of_a_repeated_key_counts() -> None:
    assert parse("ID=a\nID=b\n")["ID"] == Assignment("b", 2)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends(ending: str) -> None:
    assert parse(f"ID=a{ending}VERSION_ID=1{ending}")["VERSION_ID"].value == "1"


VALUES = [
    "plain",
    '"two words"',
    "'single \\n'",
    '"a \\"quoted\\" \\\\ \\$x \\`y\\`"',
    "a\\ b",
    '""',
    "\"a\"b'c'",
    '"\\n"',
]


@pytest.mark.parametrize("value", VALUES)
def test_as_a_shell_reads_it(tmp_path: Path, value: str) -> None:
    path = tmp_path / "os-release"
    path.write_text(f"NAME={value}\n")
    said = subprocess.run(["sh", "-c", f'. {path}; printf %s "$NAME"'], capture_output=True, text=True, check=True)
    assert parse(path.read_text())["NAME"].value == said.stdout


@pytest.mark.parametrize(
    "text", ["ID", "=x", "1D=x", "A B=x", 'ID="open', "ID='open", "ID=x\\", "ID=a\0b", "export ID=x", "ID =x"]
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
