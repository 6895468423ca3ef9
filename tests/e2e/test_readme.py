"""What README.md and the pages of users promise is there: verbs, options, files, pictures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from scanner.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/users").glob("*.md"))]
TOP = get_command(main.app)


def _verb(words: list[str]) -> tuple[Any, list[str]]:
    """The verb that the words name, and what follows it."""
    command, rest = TOP, words[1:]
    while hasattr(command, "list_commands") and rest:
        context = command.make_context("assay", [], resilient_parsing=True)
        inner = command.get_command(context, rest[0])
        if inner is None:
            return command.commands.get("decide", command), rest  # `assay gate NEW`
        command, rest = inner, rest[1:]
    return command, rest


def _commands(text: str) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.findall(r"`(?:\.venv/bin/)?(assay [a-z][^`]*)`", text)


def test_every_command_in_the_readme_parses() -> None:
    commands = _commands((ROOT / "README.md").read_text(encoding="utf-8"))
    known = [one for one in commands if one not in ("assay fleet", "assay boot")]
    assert len(known) >= 12
    for one in known:
        verb, arguments = _verb(shlex.split(one))
        assert not hasattr(verb, "list_commands") or verb.hidden, one
        verb.make_context("assay", list(arguments))  # raises for an option or argument that it does not take


def test_what_is_said_to_be_missing_is_missing() -> None:
    for name in ("fleet", "boot"):
        verb, rest = _verb(["assay", name])
        assert (verb, rest) == (TOP, [name]), f"README.md says that there is no `assay {name}` yet"


def test_every_verb_has_its_row() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Verbs")[2].partition("## More")[0]
    firsts = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    named = {word.split()[0] for word in re.findall(r"`([a-z ]+)`", firsts)}
    assert named == set(main.VERBS) | set(main.GROUPS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_running_text_name_verbs_and_options_that_exist(page: Path) -> None:
    for one in _commands(page.read_text(encoding="utf-8")):
        words = one.split()
        if words[1] in ("fleet", "boot"):
            continue
        verb, _ = _verb(words)
        assert verb is not TOP, one
        options = {option for parameter in verb.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, one


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [one.partition("#")[0] for one in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert targets
    for one in targets:
        assert (page.parent / one).exists(), f"{page.name}: {one}"


def test_pictures_are_small_and_load_nothing() -> None:
    pictures = [ROOT / "docs/pictures/terminal.svg", ROOT / "docs/pictures/report.png"]
    assert all(0 < picture.stat().st_size < 200_000 for picture in pictures)
    assert pictures[1].read_bytes().startswith(b"\x89PNG")
    svg = pictures[0].read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"\s<]+", svg)) <= {"http://www.w3.org/2000/svg"}
    assert "<script" not in svg
    assert "VelaOS&#160;claims" in svg
