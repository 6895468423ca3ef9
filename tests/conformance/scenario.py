"""Scenarios as they lie in a rendered folder: what their names and header comments say."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEADER = re.compile(r"^# ([a-z_]+) = (.*)$", re.MULTILINE)
_NAME = re.compile(r"\.(pass|fail|notapplicable)\.sh$")
EXPECTED = {"pass": "pass", "fail": "fail", "notapplicable": "not_applicable"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One script that makes a state, and the verdict that the state must get.

    `selected` is false when the header names profiles and none of them has the rule: the public suite skips it as well.
    `variables` are the values of the public rule's variables for this scenario: the variables' defaults, those of the
    profile that the header names, and those the header gives, each over the one before.
    """

    rule: str
    name: str
    expected: str
    template: str | None
    packages: tuple[str, ...]
    variables: Mapping[str, str]
    selected: bool

    @property
    def id(self) -> str:
        """`rule/name`."""
        return f"{self.rule}/{self.name}"


def scenarios(folder: Path) -> Iterator[Scenario]:
    """Every scenario of a folder that `render.py` made, or of one with `rule/name.pass.sh` and nothing more."""
    index = _index(folder)
    for place in sorted(one for one in folder.iterdir() if one.is_dir() and one.name != "shared"):
        about = index["rules"].get(place.name, {})
        for path in sorted(place.glob("*.sh")):
            kind = _NAME.search(path.name)
            if kind is None or path.name not in about.get("scenarios", [path.name]):
                continue
            yield _one(path, EXPECTED[kind[1]], about.get("template"), index)


def _index(folder: Path) -> dict[str, Any]:
    path = folder / "index.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return {"rules": {}, "variables": {}, "profiles": {}, "profile_rules": {}, **found}


def _one(path: Path, expected: str, template: str | None, index: Mapping[str, Any]) -> Scenario:
    header = dict(
        reversed(_HEADER.findall(html.unescape(path.read_text(errors="replace"))))
    )  # the first of a name counts
    variables: dict[str, str] = dict(index["variables"])
    rule = path.parent.name
    profiles = [one.rpartition("_profile_")[2] for one in _words(header.get("profiles", ""))]
    known = [] if index["profile_rules"] else [rule]  # a profile that the product does not have selects nothing
    having = [one for one in profiles if rule in index["profile_rules"].get(one, known)]
    for profile in having[:1]:
        variables.update(index["profiles"].get(profile, {}))
    variables.update(_assignments(header.get("variables", "")))
    packages = tuple(_words(header.get("packages", "")))
    return Scenario(rule, path.name, expected, template, packages, variables, bool(having) or not profiles)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]


def _assignments(text: str) -> dict[str, str]:
    """`a=b,c=d`; a part without `=` belongs to the value before it."""
    found: dict[str, str] = {}
    last = ""
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            last = name
            found[last] = value
        elif last:
            found[last] += f",{part.strip()}"
    return found
