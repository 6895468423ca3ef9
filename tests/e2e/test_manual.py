"""The manual page: made from the help, well-formed for groff and mandoc, and silent about nothing that a user can set."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from scanner.cli import main, manual
from scanner.cli.manual import ENVIRONMENT, page
from tests.e2e.test_cli import assay

ROOT = Path(__file__).parents[2]
DAY = "2026-01-31"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man") / "assay.1"
    path.write_text(page(DAY), encoding="ascii")
    return path


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed: make test installs it")
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    )


def test_mandoc_and_groff_find_nothing(file: Path) -> None:
    linted = _run("mandoc", "-T", "lint", "-W", "warning", str(file))
    assert (linted.returncode, linted.stdout) == (0, "")
    formatted = _run("groff", "-man", "-ww", "-T", "utf8", str(file))
    assert (formatted.returncode, formatted.stderr) == (0, "")


def test_the_linter_would_find_something(file: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "assay.1"
    spoiled.write_text(file.read_text().replace(".SH NAME", ".SHNAME", 1))
    assert _run("mandoc", "-T", "lint", "-W", "warning", str(spoiled)).returncode != 0


def test_every_verb_and_option_of_the_help_is_in_it(file: Path) -> None:
    shown = " ".join(_run("mandoc", "-T", "ascii", str(file)).stdout.split())
    shown = re.sub(r".\x08", "", shown)  # bold is written by overstriking
    verbs = list(manual._leaves(get_command(main.app), "assay"))
    assert len(verbs) > 25
    for name, verb in verbs:
        assert name in shown
        for parameter in verb.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert all(option in shown for option in parameter.opts), (name, parameter.opts)
    for code in ("0 done", "1 gate not met", "2 usage", "3 incomplete", "4 verification failed", "70 internal error"):
        assert code in shown


def test_its_words_are_those_of_the_help(file: Path) -> None:
    """One option, as the running command explains it."""
    words = " ".join(assay("scan", "--help").stdout.split())
    shown = re.sub(r".\x08", "", " ".join(_run("mandoc", "-T", "ascii", str(file)).stdout.split()))
    for one in ("List what would be read, and stop.", "Percent of applicable rules that must get a verdict."):
        assert one in words
        assert one in shown


def test_every_variable_that_is_read_is_named(file: Path) -> None:
    read = set()
    for source in (ROOT / "scanner").rglob("*.py"):
        read |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"", source.read_text(encoding="utf-8")))
    read -= {"PATH", "TERM"}  # everybody's
    assert {"ASSAY_CONFIG", "SOURCE_DATE_EPOCH", "NO_COLOR"} <= read
    text = file.read_text()
    assert read <= ENVIRONMENT.keys()
    assert all(rf"\fB{name}\fP" in text for name in read | {"ASSAY_PROFILE", "ASSAY_WAIVERS"})


def test_text_cannot_become_a_macro() -> None:
    assert manual._prose(".TH me") == [r"\&.TH me"]
    assert manual._prose("a\\fBb – `c`") == [r"a\efBb \[u2013] \fBc\fP"]
    assert all(len(line) <= 90 and not line.startswith((".", "'")) for line in manual._prose("x .y 'z " * 40))


def test_the_same_bytes_again(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scanner.cli.manual", "--output", str(tmp_path / "again.1")]
    epoch = {
        "PATH": "/usr/bin:/bin",
        "SOURCE_DATE_EPOCH": "1769817600",
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
        "COLUMNS": "40",
    }
    subprocess.run(command, check=True, timeout=60, cwd=ROOT, env=epoch)
    assert (tmp_path / "again.1").read_bytes() == file.read_bytes()
