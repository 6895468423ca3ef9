"""The collectors alone: what `assay-collect.pyz` runs. Standard library only, nothing installed, no rules inside.

    python3 -I -S assay-collect.pyz -o snapshot.json [DIRECTORY] [--runtime]

The facts to collect are those that every shipped rule of the same release may ask for (`plan.json` in the archive).
"""

from __future__ import annotations

import json
import pkgutil
import sys
from collections import Counter
from pathlib import Path

from scanner import __version__, files
from scanner.collectors.take import take
from scanner.model.canonical import canonical
from scanner.model.errors import AssayError
from scanner.target.base import Target
from scanner.target.live import LiveTarget
from scanner.target.partial import honest
from scanner.target.tree import TreeTarget

__all__ = ["main"]

_USAGE = """usage: python3 -I -S assay-collect.pyz [-o PATH] [--runtime] [DIRECTORY]

Take a snapshot of this machine, or of the root tree in DIRECTORY.
  -o PATH     where to write it; - (the default) is standard output
  --runtime   take /proc and /sys inside DIRECTORY as its running half
  --version   print the version"""


def main(arguments: list[str]) -> int:
    """Run with command-line arguments; the exit code as everywhere in Assay."""
    output, directory, runtime = "-", None, False
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        if word in ("-h", "--help"):
            print(_USAGE)  # noqa: T201 - a command line of its own
            return 0
        if word == "--version":
            print(f"assay-collect {__version__}")  # noqa: T201
            return 0
        if word == "--runtime":
            runtime = True
        elif word in ("-o", "--output") and todo:
            output = todo.pop(0)
        elif not word.startswith("-") and directory is None:
            directory = word
        else:
            print(_USAGE, file=sys.stderr)  # noqa: T201
            return 2
    try:
        return _collect(output, directory, runtime)
    except AssayError as error:
        print(f"assay-collect: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code


def _collect(output: str, directory: str | None, runtime: bool) -> int:
    target: Target = LiveTarget() if directory is None else TreeTarget(Path(directory), runtime=runtime)
    target.tree = honest(target.tree)
    try:
        snapshot = take(target, _plan())
    finally:
        target.close()
    files.write_output(output, canonical(snapshot.to_json()) + b"\n")
    states = Counter(fact.state for fact in snapshot.facts.values())
    words = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in sorted(states.items()))
    print(f"assay-collect: {len(snapshot.facts)} facts ({words}); {snapshot.facts_digest}", file=sys.stderr)  # noqa: T201
    return 0


def _plan() -> list[str] | None:
    try:
        data = pkgutil.get_data("scanner", "plan.json")
    except OSError:
        return None
    return list(json.loads(data)) if data else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
