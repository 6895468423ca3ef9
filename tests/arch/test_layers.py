"""Layers point one way, only target/ touches the inspected system, and the collection path is standard library only."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scanner"

LAYERS = (
    ("model",),
    ("parsers", "boot"),
    ("target",),
    ("collectors",),
    ("engine",),
    ("frameworks",),
    ("supply_chain",),
    ("outputs",),
    ("bundle", "gate", "fleet"),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
OWN_FILES = {"files", "__version__"}
STANDARD_ONLY = ("model", "parsers", "boot", "target", "collectors")
IO_NAMES = {"open", "print", "input"}
IO_MODULES = {"os", "pathlib", "socket", "subprocess", "shutil", "tempfile", "glob"}
PURE = ("model", "parsers", "boot", "collectors")


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def _own(name: str) -> str | None:
    return name.split(".")[1] if name.startswith("scanner.") else None


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    part = _part(path)
    if part not in RANK:
        assert part in {"__init__", "files", "config", "standalone", "schemas"}
        return
    tree = ast.parse(path.read_bytes())
    for name, line in _imports(tree):
        own = _own(name)
        if own is None or own in OWN_FILES or own not in RANK:
            continue
        assert RANK[own] <= RANK[part], f"{path.name}:{line}: {part} must not import {name}"


@pytest.mark.parametrize(
    "path",
    [path for path in _modules() if _part(path) in STANDARD_ONLY],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_the_collection_path_is_standard_library_only(path: Path) -> None:
    for name, line in _imports(ast.parse(path.read_bytes())):
        top = name.split(".")[0]
        if top == "zstandard":
            continue  # used only when it happens to be there
        if top == "cryptography" and path.name in {"sector_cipher.py", "luks_unlock.py"}:
            continue  # imported when someone gives a key (--luks-key), and not before
        assert top == "scanner" or top in sys.stdlib_module_names, f"{path.name}:{line}: {name}"


@pytest.mark.parametrize(
    "path", [path for path in _modules() if _part(path) in PURE], ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_no_io_outside_target_and_files(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    for name, line in _imports(tree):
        assert name.split(".")[0] not in IO_MODULES, f"{path.name}:{line}: imports {name}"
        assert not name.startswith("scanner.files"), f"{path.name}:{line}: imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in IO_NAMES, f"{path.name}:{node.lineno}: calls {node.func.id}"


def test_nothing_is_executed_but_by_command_py() -> None:
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in _modules()
        if any(
            name.split(".")[0] in {"subprocess", "multiprocessing"}
            for name, _ in _imports(ast.parse(path.read_bytes()))
        )
    ]
    assert users == ["target/command.py"]


def test_no_module_is_called_utils() -> None:
    assert [path for path in _modules() if path.stem in {"utils", "helpers", "common", "misc"}] == []


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def test_every_public_name_has_a_docstring() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _modules()
        for node in _public(ast.parse(path.read_bytes()).body)
        if not ast.get_docstring(node)
    ]
    assert bare == []
