"""Every command on the pages of docs/users is run, and prints what the page shows.

A page is run top to bottom in a folder of its own that holds what `walk_lab` prepares:

- a block ```console has commands behind `$ ` (lines that go on stand behind `> `) and what each prints; a line `…`
  stands for any number of lines. A command must end 0, unless the next one is `echo $?`, which then shows how it ended.
- a block with `file=PATH` in its first line is written to that file.

`python -m tests.e2e.test_docs_walks [PAGE…]` writes what commands print now into pages that show something else.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.targets.velaos.binary import has_policy_compiler
from scanner.cli.pyz import build as build_pyz
from tests.e2e import walk_lab

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for page in (ROOT / "docs/users").glob("*.md") if page.name != "README.md")
GAP = "…"

pytestmark = [
    pytest.mark.skipif(not has_policy_compiler(), reason="secilc is not installed: make test installs it"),
    pytest.mark.xdist_group("walks"),  # the images are made once
]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a page and the lines that it shall print; `line` is where it stands, from 1."""

    line: int
    text: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a page shows."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A command, what it printed on both streams, and its exit code."""

    command: Command
    printed: tuple[str, ...]
    code: int


# ---- reading a page --------------------------------------------------------------------------------------------------


def steps(text: str) -> Iterator[Command | Written]:
    """Commands and files of a page, in order."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opening = re.fullmatch(r"```(\S+)(?: file=(\S+))?", lines[at])
        if opening is None:
            at += 1
            continue
        end = lines.index("```", at + 1)
        if opening[2]:
            yield Written(opening[2], "".join(f"{line}\n" for line in lines[at + 1 : end]))
        elif opening[1] == "console":
            yield from _commands(lines, at + 1, end)
        at = end + 1


def _commands(lines: Sequence[str], start: int, end: int) -> Iterator[Command]:
    found: list[tuple[int, list[str], list[str]]] = []
    for at in range(start, end):
        line = lines[at]
        if line.startswith("$ "):
            found.append((at + 1, [line[2:]], []))
        elif line.startswith("> ") and not found[-1][2]:
            found[-1][1].append(line[2:])
        else:
            found[-1][2].append(line)
    for at, words, shown in found:
        yield Command(at, "\n".join(words), tuple(shown))


# ---- running it ------------------------------------------------------------------------------------------------------


def prepared(folder: Path) -> Path:
    """The inputs of every walk, and the command `assay`."""
    (folder / "inputs").mkdir()
    walk_lab.prepare(folder / "inputs")
    shutil.rmtree(folder / "inputs/.scratch")
    (folder / "inputs/assay-collect.pyz").write_bytes(build_pyz())
    (folder / "bin").mkdir()
    command = folder / "bin/assay"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m scanner.cli.main "$@"\n')
    command.chmod(0o755)
    return folder


def run_page(text: str, base: Path, folder: Path) -> list[Ran]:
    """Run all steps of a page in `folder`, which gets the inputs of `base`."""
    shutil.copytree(base / "inputs", folder, copy_function=os.link)
    environment = {
        "PATH": f"{base / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(base / "cache"),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "SOURCE_DATE_EPOCH": walk_lab.EPOCH,
        "ASSAY_CHECKOUT": str(ROOT),
    }
    ran: list[Ran] = []
    for step in steps(text):
        if isinstance(step, Written):
            (folder / step.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.path).write_text(step.text, encoding="utf-8")
            continue
        last = ran[-1].code if ran else 0
        done = subprocess.run(
            ["bash", "-c", f"(exit {last})\n{step.text}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        printed = done.stdout.decode("utf-8", "replace").rstrip("\n")
        ran.append(Ran(step, tuple(line.rstrip() for line in printed.splitlines()), done.returncode))
    return ran


_VOLATILE = (
    (re.compile(r"[0-9a-f]{12,}(…|\.\.\.)?"), "<digest>"),
    (re.compile(r"\b[A-Za-z0-9+/]{40,}={0,2}"), "<base64>"),
    (re.compile(r"\b\d+ KiB\b"), "<size>"),
    (re.compile(r"\b\d+ (files|rules)(?=[, ])"), r"<number> \1"),
)
"""Digests, signatures, sizes, and how many rules there are; times are fixed by SOURCE_DATE_EPOCH."""


def stable(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, name in _VOLATILE:
        line = pattern.sub(name, line)
    return line.rstrip()


def same(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether that is what the page shows: equal but for what is volatile, and gaps."""
    parts = _parts([stable(line) for line in shown])
    rest = [stable(line) for line in printed]
    if len(parts) == 1:
        return rest == parts[0]
    first, *middle, last = parts
    if len(rest) < len(first) + len(last) or rest[: len(first)] != first or rest[len(rest) - len(last) :] != last:
        return False
    rest = rest[len(first) : len(rest) - len(last)]
    for part in middle:
        places = [at for at in range(len(rest) - len(part) + 1) if rest[at : at + len(part)] == part]
        if not places:
            return False
        rest = rest[places[0] + len(part) :]
    return True


def _parts(lines: Sequence[str]) -> list[list[str]]:
    """The lines between gaps."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == GAP:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def faults(ran: Sequence[Ran]) -> list[str]:
    """What a page says wrong, each with its line."""
    found = []
    for at, one in enumerate(ran):
        asked = at + 1 < len(ran) and ran[at + 1].command.text == "echo $?"
        if one.code != 0 and not asked:
            said = "\n".join(one.printed[-10:])
            found.append(f"line {one.command.line}: `{one.command.text}` ended {one.code}:\n{said}")
        if not same(one.command.shown, one.printed):
            change = difflib.unified_diff(one.command.shown, one.printed, "the page", "the command", lineterm="", n=1)
            found.append(f"line {one.command.line}: `{one.command.text}` prints something else:\n" + "\n".join(change))
    return found


# ---- writing a page anew ---------------------------------------------------------------------------------------------


def renewed(text: str, ran: Sequence[Ran]) -> str:
    """The page with what commands print now, where it shows something else; its gaps are kept where they can be."""
    lines = text.splitlines()
    for one in reversed(ran):
        command = one.command
        if not same(command.shown, one.printed):
            start = command.line + command.text.count("\n")
            lines[start : start + len(command.shown)] = _abridged(command.shown, one.printed)
    return "\n".join(lines) + "\n"


def _abridged(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """`printed`, cut where `shown` is cut: as many lines from the start and the end, and what lies between from the
    first line that is still there."""
    parts = _parts(shown)
    if len(parts) == 1 or len(printed) <= len(parts[0]) + len(parts[-1]):
        return list(printed)
    first, *middle, last = parts
    found = list(printed[: len(first)])
    rest = list(printed[len(first) : len(printed) - len(last)])
    for part in middle:
        at = next((at for line in part for at, one in enumerate(rest) if stable(one) == stable(line)), None)
        if at is not None:
            found += [GAP, *rest[at : at + len(part)]]
            rest = rest[at + len(part) :]
    return [*found, GAP, *printed[len(printed) - len(last) :]]


def main(names: Sequence[str]) -> int:
    """Renew pages; what fails is said and changes nothing."""
    with tempfile.TemporaryDirectory(prefix="assay-walks-") as scratch:
        base = prepared(Path(scratch))
        for page in [Path(name) for name in names] or PAGES:
            text = page.read_text(encoding="utf-8")
            ran = run_page(text, base, base / page.stem)
            new = renewed(text, ran)
            page.write_text(new, encoding="utf-8")
            again = [replace(one, command=command) for one, command in zip(ran, _only_commands(new), strict=True)]
            print(f"{page.name}: {'renewed' if new != text else 'as it was'}")
            print("".join(f"  {one}\n" for one in faults(again)), end="")
    return 0


def _only_commands(text: str) -> list[Command]:
    return [step for step in steps(text) if isinstance(step, Command)]


# ---- tests -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs, made once."""
    return prepared(tmp_path_factory.mktemp("walks"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page: Path, base: Path, tmp_path: Path) -> None:
    ran = run_page(page.read_text(encoding="utf-8"), base, tmp_path / "walk")
    assert len(ran) >= 5, "a walk goes somewhere"
    renew = f"\n\nmeant? python -m tests.e2e.test_docs_walks docs/users/{page.name}"
    assert not faults(ran), "\n\n".join(faults(ran)) + renew


def test_every_user_has_a_page() -> None:
    users = {"release-engineer", "ci", "procurement", "compliance-officer", "auditor", "rule-author"}
    assert {page.stem for page in PAGES} == users
    index = (ROOT / "docs/users/README.md").read_text(encoding="utf-8")
    assert all(f"({page.name})" in index for page in PAGES)


_SAMPLE = """
```console
$ printf 'one\\ntwo %s\\nthree\\nfour\\n' 0123456789abcdef
one
two 00000000000000000000
…
four
$ false
$ echo $?
1
```
```yaml file=in/a.yaml
key: value
```
```console
$ cat \\
>   in/a.yaml
key: value
```
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("one\ntwo 0", "one\ntwo 0", ""),
        ("\nfour\n$", "\nfive\n$", "line 3"),
        ("$ false\n$ echo $?\n1\n", "$ false\n", "ended 1"),
        ("$ echo $?\n1\n", "$ echo $?\n0\n", "line 9"),
        ("in/a.yaml\nkey: value", "in/a.yaml\nkey: other", "line 16"),
    ],
)
def test_the_runner_sees_drift_and_failures(old: str, new: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    page = _SAMPLE.replace(old, new, 1)
    found = faults(run_page(page, tmp_path, tmp_path / "walk"))
    assert len(found) == bool(fault)
    assert fault in "".join(found)


def test_a_renewed_page_is_right_and_keeps_its_gaps(tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    page = _SAMPLE.replace("\nfour\n", "\nfive\n")
    new = renewed(page, run_page(page, tmp_path, tmp_path / "walk"))
    assert new == _SAMPLE.replace("00000000000000000000", "0123456789abcdef")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
