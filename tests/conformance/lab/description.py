"""Reading `system.txt`: which packages the lab knows, and what files each brings."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

UNIT = "[Unit]\nDescription={name}\n[Service]\nExecStart=/usr/sbin/{stem}\n"


@dataclass(slots=True)
class Item:
    """One file, directory or link of a package."""

    kind: str
    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"
    text: str = ""


@dataclass(slots=True)
class Package:
    """A package; `installed` ones belong to the plain system."""

    name: str
    installed: bool
    items: list[Item] = field(default_factory=list)


def read(path: Path) -> list[Package]:
    """The packages of the description, in its order. Raises ValueError with the line of a mistake."""
    packages: list[Package] = []
    item: Item | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.startswith("%% "):
            if item is not None and item.kind == "file":
                item.text += line + "\n"
            continue
        words = line.split()[1:]
        if words[0] == "package" and not words[1].isupper():
            packages.append(Package(words[1], "installed" in words[2:]))
            item = None
        elif packages:
            try:
                item = _item(words)
            except (IndexError, KeyError) as error:
                raise ValueError(f"{path.name}:{number}: {line}") from error
            packages[-1].items.append(item)
    for package in packages:
        for one in package.items:
            if one.kind != "link":
                one.text = one.text.rstrip("\n") + "\n" if one.text.strip() else ""
    return packages


def wrapper(path: str, stub: str) -> str:
    """The text of a command that is one of the stubs."""
    python = f"/run/lab/python/bin/python3.{sys.version_info.minor}"
    name = path.rpartition("/")[2]
    return f'#!/usr/bin/sh\nLAB_NAME={name} exec {python} -E -s /run/lab/stubs/{stub}.py "$@"\n'


def _item(words: list[str]) -> Item:
    kind, path = words[0], words[1]
    if kind == "link":
        return Item("link", path, text=words[2])
    if kind == "stub":
        return Item("program", path, text=wrapper(path, words[2]))
    if kind == "tool":
        return Item("tool", path)
    if kind == "unit":
        return _unit(path, words[2:])
    owner, _, group = (words[3] if len(words) > 3 else "root:root").partition(":")
    item = Item({"file": "file", "dir": "dir", "empty": "file"}[kind], path, words[2], owner, group)
    if kind == "empty":
        item.kind, item.text = "program", f"stand-in for {path}\n"
    return item


def _unit(name: str, wanted: list[str]) -> Item:
    text = UNIT.format(name=name, stem=name.rpartition(".")[0])
    if wanted:
        text += f"[Install]\nWantedBy={wanted[0]}\n"
    return Item("unit", f"/usr/lib/systemd/system/{name}", "0644", text=text)


def programs(package: Package) -> list[Item]:
    """Stand-ins for the programs that the units of the package start and nothing else brings."""
    known = {item.path for item in package.items}
    found: dict[str, Item] = {}
    for item in package.items:
        if item.path.startswith("/usr/lib/systemd/system/"):
            for path in re.findall(r"^ExecStart=-?(/usr/(?:sbin|libexec|lib/systemd)/\S+)", item.text, re.MULTILINE):
                if path not in known:
                    found[path] = Item("program", path, text=f"stand-in for {path}\n")
    return list(found.values())
