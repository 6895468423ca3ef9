"""The merge of rules.d, beside the real augenrules where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.parsers.audit_merge import merge
from scanner.parsers.audit_rules import load
from scanner.parsers.natural_order import natural_sorted

FILES = {
    "5-first.rules": "## comment\n-D\n-b 8192\n\n-w /etc/first -p wa -k one\n",
    "10-second.rules": "-e 2\n-w /etc/second -p wa -k two\n-f 1\n-D -k one\n",
    "30-no-newline.rules": "-w /etc/third -p wa",
    "31-next.rules": "-k swallowed\n-f 2\n",
    "ignored.txt": "-w /etc/ignored -p wa\n",
    "99-end.rules": "-w /etc/last -p wa\n",
}


def merged(files: dict[str, str]) -> list[str]:
    names = natural_sorted([name for name in files if name.endswith(".rules")])
    return [line.text for line in merge((name, files[name]) for name in names)]


def test_controls_move_and_the_lock_comes_last() -> None:
    assert merged(FILES) == [
        "-D",
        "-b 8192",
        "-f 2",
        "-w /etc/first -p wa -k one",
        "-w /etc/second -p wa -k two",
        "-D -k one",
        "-w /etc/third -p wa-k swallowed",
        "-w /etc/last -p wa",
        "-e 2",
    ]


def test_indented_comments_and_controls_count_too() -> None:
    assert merged({"a.rules": "  # -w /x\n  -e 2\n-w /a -p wa\n"}) == ["-w /a -p wa", "  -e 2"]


def test_a_later_delete_all_takes_nothing_with_it() -> None:
    lines = merge([("a.rules", "-w /a -p wa\n"), ("b.rules", "-D\n")])
    assert [rule.path for rule in load(lines).rules] == ["/a"]


def test_lines_keep_their_place() -> None:
    lines = merge([("a.rules", "\n-w /a -p wa\n"), ("b.rules", "-w /b -p wa")])
    assert [(line.source, line.number) for line in lines] == [("a.rules", 2), ("b.rules", 1)]


def test_the_real_augenrules_agrees(tmp_path: Path) -> None:
    script = shutil.which("augenrules", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if script is None:
        pytest.skip("augenrules is not installed: make test installs it (package auditd)")
    folder = tmp_path / "rules.d"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    text = Path(script).read_text(encoding="utf-8").replace("/etc/audit", str(tmp_path))
    copy = tmp_path / "augenrules"
    copy.write_text(text, encoding="utf-8")
    subprocess.run(["bash", str(copy)], check=True, capture_output=True, cwd=tmp_path)
    written = (tmp_path / "audit.rules").read_text(encoding="utf-8").splitlines()
    assert [line for line in written if line and not line.startswith("##")] == merged(FILES)


@pytest.mark.parametrize(
    "names",
    [
        ["10-a", "5-b", "audit", "30-stig", "30-pci-dss-v31"],
        ["a1.rules", "a01.rules", "A.rules", "10a.rules", "10-a.rules", "~x.rules"],
        ["9.10.rules", "9.5.rules", "zz_top.rules", "zz-top.rules", "foo.1.rules", "foo.rules"],
    ],
)
def test_natural_order_is_that_of_sort(names: list[str]) -> None:
    said = subprocess.run(
        ["sort", "-V"], input="\n".join(names), text=True, capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    assert natural_sorted(names) == said.stdout.split()
