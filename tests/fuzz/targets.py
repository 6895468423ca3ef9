"""What can be fuzzed: every public function of the parsers that takes one text or bytes, and every reader of images.

parser:systemd_unit.parse    the function of scanner/parsers or scanner/boot
image:squashfs               opening, walking and reading an image of that kind (see tests/hostile/image_makers.py)
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import tempfile
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import scanner.boot
import scanner.parsers
from fixtures.targets import velaos
from fixtures.targets.tree import File
from scanner.model.errors import AssayError
from scanner.target.opening import open_path
from tests.hostile.image_makers import MAKERS, sow

__all__ = ["Target", "targets"]

_LARGEST_IMAGE = 600_000
_NOT_PARSERS = frozenset({"control_of", "key", "path", "perms"})
"""What raises ValueError by contract for one word, to be caught by the parser that calls it."""


@dataclass(frozen=True, slots=True)
class Target:
    """`run` takes bytes and may raise AssayError, nothing else; `seeds` gives what mutation starts from."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def targets() -> dict[str, Target]:
    """Every target by name."""
    found: dict[str, Target] = {}
    for package in (scanner.parsers, scanner.boot):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name in getattr(module, "__all__", ()):
                kind = _takes(getattr(module, name)) if name not in _NOT_PARSERS else None
                if kind is not None:
                    target = f"parser:{info.name}.{name}"
                    found[target] = Target(target, _parser(getattr(module, name), kind), _texts)
    for name in MAKERS:
        found[f"image:{name}"] = Target(f"image:{name}", _read_image, lambda name=name: _image(name))  # type: ignore[misc]
    return found


def _takes(function: object) -> type | None:
    """str or bytes, where that is the one thing the function must be given."""
    if not inspect.isfunction(function):
        return None
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is inspect.Parameter.empty]
    try:
        hints = typing.get_type_hints(function)
    except NameError:
        return None
    kind = hints.get(needed[0].name) if len(needed) == 1 else None
    return kind if kind in (str, bytes) else None


def _parser(function: Callable[[typing.Any], object], kind: type) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        given = data if kind is bytes else data.decode("utf-8", "surrogateescape")
        try:
            result = function(given)
            if inspect.isgenerator(result):
                for _ in result:
                    pass
        except AssayError:
            return

    return run


def _texts() -> list[bytes]:
    """Contents of all files of the fixture device: each parser finds its own among them by what it reaches."""
    seeds = [b"", b"a = b\n"]
    for node in velaos.hardened().files.values():
        content = node.content if isinstance(node, File) else node
        if isinstance(content, str | bytes):
            seeds.append((content.encode() if isinstance(content, str) else content)[:20_000])
    return list(dict.fromkeys(seeds))


def _image(name: str) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="assay-fuzz-") as folder:
        data = MAKERS[name].make(sow(Path(folder) / "tree"), Path(folder)).read_bytes()
    if len(data) > _LARGEST_IMAGE:
        raise SystemExit(f"an image of {len(data)} bytes is too large to fuzz; tests/hostile spoils it instead")
    return [data]


def _read_image(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="assay-fuzz-") as file:
        file.write(data)
        file.flush()
        try:
            target = open_path(Path(file.name))
        except AssayError:
            return
        try:
            for number, entry in enumerate(target.tree.walk("/")):
                if entry.type == "file" and number % 16 == 0:
                    target.tree.pread(entry.path, 0, 4096)
                    target.tree.xattrs(entry.path)
        except AssayError:
            return
        finally:
            target.close()
