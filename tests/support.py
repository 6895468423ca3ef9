"""Helpers of the tests: small root trees from plain text, and the facts a collector gives for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from scanner.collectors.registry import collect
from scanner.model.fact import Fact
from scanner.target.tree import TreeTarget

Content = str | bytes | None | tuple[str, str]


def build(root: Path, files: Mapping[str, Content]) -> Path:
    """Make a tree: path -> text or bytes; None = an empty directory; ("link", target) = a symbolic link."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        elif isinstance(content, tuple):
            os.symlink(content[1], path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
    return root


def facts_of(root: Path, wanted: Iterable[str], *, runtime: bool = False) -> dict[str, Fact]:
    """The wanted facts of the tree at `root`; with `runtime`, /proc and /sys inside it are its running half."""
    target = TreeTarget(root, runtime=runtime)
    try:
        facts, _ = collect(target, wanted)
    finally:
        target.close()
    return facts


def fact_of(root: Path, name: str, *, runtime: bool = False) -> Fact:
    """One fact of the tree at `root`."""
    return facts_of(root, [name], runtime=runtime)[name]
