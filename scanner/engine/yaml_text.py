"""YAML of our content: safe, no anchors, no duplicate keys, text keys only, and errors that name file and line."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner.model.errors import ContentError

if TYPE_CHECKING:
    import yaml

__all__ = ["load", "place"]

MAX_DEPTH = 100
"""Collections inside one another; the C loader dies of many more."""

_BRACKET = re.compile(rb"[\[\]{}]")
_DEEP = (b"- " * 25, b"? " * 25, b"\n" + b" " * 200)


@cache
def _loaders() -> tuple[Any, Any]:
    """The library's safe loader (in C where libyaml is there), and ours on top, which refuses what must not be there.

    Nothing is imported before: content from the cache needs no YAML.
    """
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    ours: Any = type("_Loader", (base,), {})
    ours.add_constructor("tag:yaml.org,2002:map", _mapping)
    # Dates and floats have no place in content: they stay the text that was written.
    ours.add_constructor("tag:yaml.org,2002:timestamp", _plain)
    ours.add_constructor("tag:yaml.org,2002:float", _plain)
    return base, ours


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    import yaml

    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"the key {key!r} is not text; quote it (YAML 1.1 reads on, off, yes, no as flags)",
                key_node.start_mark,
            )
        if key in out:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
        out[key] = loader.construct_object(value_node, deep=True)
    return out


def _plain(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def load(data: bytes, where: str) -> Any:
    """The one document of `data`. Raises ContentError with `where`:line."""
    import yaml

    base, ours = _loaders()
    try:
        # An anchor or alias needs "&" or "*", depth brackets; only then is the costlier look at the events worth it.
        if b"&" in data or b"*" in data or _may_be_deep(data):
            depth = 0
            for event in yaml.parse(data, Loader=base):
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > MAX_DEPTH:
                    raise ContentError("nested too deeply", where=f"{where}:{_line(event.start_mark)}")
                if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                    raise ContentError(
                        "anchors and aliases are not used in content",
                        where=f"{where}:{_line(event.start_mark)}",
                        hint="write the value out",
                    )
        return yaml.load(data, Loader=ours)  # noqa: S506 - a SafeLoader subclass
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        raise ContentError(str(error.problem or error.context or "not YAML"), where=f"{where}:{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ContentError(f"not YAML: {error}", where=where) from None


def _may_be_deep(data: bytes) -> bool:
    """Whether the text could nest beyond what the C loader survives: open brackets, chained dashes, indentation."""
    depth = 0
    many = data.count(b"[") + data.count(b"{") > MAX_DEPTH
    for found in _BRACKET.finditer(data) if many else ():
        depth += 1 if found.group() in b"[{" else -1 if depth else 0
        if depth > MAX_DEPTH:
            return True
    return any(deep in data for deep in _DEEP)


def _line(mark: Any) -> int:
    return int(mark.line) + 1 if mark is not None else 1


def place(data: bytes, path: tuple[str | int, ...]) -> int:
    """Line (1-based) of the node at `path`, as near as it exists. For error messages only."""
    import yaml

    try:
        node: Any = yaml.compose(data, Loader=_loaders()[0])
    except yaml.YAMLError:
        return 1
    line = 1
    for step in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
            line = found.start_mark.line + 1
        if found is None:
            return line
        node = found
    return line
