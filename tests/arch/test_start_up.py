"""What keeps commands quick, without a clock: what a start imports, and how the records of a scan are made."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCANNED = ("model", "parsers", "boot", "target", "collectors", "engine", "frameworks")
HEAVY = {"pydantic", "rich", "jinja2", "cryptography", "jsonschema_rs", "weasyprint", "asyncio", "sqlite3", "ssl"}
VERBS = {"scan", "collect", "evaluate", "report", "check", "explain", "verify", "release", "controls", "sbom", "target"}

_RUN = """
import json, sys
from scanner.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def _modules(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, cwd=ROOT, check=True)
    code, modules = json.loads(done.stderr.strip().splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize("words", [("--help",), ("rules", "list"), ("config", "show")], ids=" ".join)
def test_what_a_start_imports(words: tuple[str, ...]) -> None:
    assert not HEAVY & _modules(*words)


def test_a_verb_does_not_import_the_others() -> None:
    modules = _modules("rules", "list")
    assert "scanner.cli.rules" in modules
    assert not {f"scanner.cli.{verb}" for verb in VERBS} & modules


def test_content_from_the_cache_needs_no_yaml() -> None:
    _modules("rules", "list")  # fills the cache
    assert "yaml" not in _modules("rules", "list")


def _records(path: Path) -> bool:
    """Whether a module has a frozen, slotted dataclass of the standard library."""
    tree = ast.parse(path.read_bytes())
    standard = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "dataclasses"
        and any(alias.name == "dataclass" for alias in node.names)
        for node in ast.walk(tree)
    )
    frozen = any(
        isinstance(node, ast.ClassDef)
        and any(ast.unparse(one) == "dataclass(frozen=True, slots=True)" for one in node.decorator_list)
        for node in ast.walk(tree)
    )
    return standard and frozen


def test_records_are_made_the_fast_way() -> None:
    """`from scanner.model.records import dataclass`: see there."""
    modules = [path for part in SCANNED for path in sorted((ROOT / "scanner" / part).rglob("*.py"))]
    assert len(modules) > 300
    assert not [path.relative_to(ROOT).as_posix() for path in modules if _records(path)]
