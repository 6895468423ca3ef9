"""YAML of our content: one small document of plain values, no anchors, no duplicate keys, text keys only, and errors
that name file and line.

The document is built from the parser's events. The library's own composer calls itself for every level, in C and
without a limit: a text of nested dashes ends the process. Here depth and number of values are counted before anything
is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner.model.errors import ContentError

if TYPE_CHECKING:
    import yaml

__all__ = ["MAX_DEPTH", "MAX_SIZE", "MAX_VALUES", "load", "place", "places"]

MAX_DEPTH = 100
"""Collections inside one another."""

MAX_SIZE = 1 << 20
"""Bytes of one document; the largest shipped one has 132,000."""

MAX_VALUES = 100_000
"""Keys, values and collections of one document; the largest shipped one has 12,000."""

_MAX_DIGITS = 40
_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (None, "!", f"{_TAG}map", f"{_TAG}seq")
# Dates and floats have no place in content: they stay the text that was written.
_TEXTS = frozenset(f"{_TAG}{name}" for name in ("str", "timestamp", "float", "value"))


@cache
def _library() -> tuple[Any, Any]:
    """The library's safe loader (in C where libyaml is there) as a parser, and one without text that knows what a plain
    scalar means. Nothing is imported before: content from the cache needs no YAML.
    """
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader("")


def load(data: bytes, where: str) -> Any:
    """The one document of `data`: mappings, lists, texts, whole numbers, flags and nulls. Raises ContentError with
    `where`:line."""
    import yaml

    try:
        return _built(data, where)
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        raise ContentError(str(error.problem or error.context or "not YAML"), where=f"{where}:{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ContentError(f"not YAML: {error}", where=where) from None


def _events(data: bytes, where: str) -> Iterator[Any]:
    """The parser's events, none beyond the limits. Aliases end it: ten of them are ten times the values."""
    import yaml

    if len(data) > MAX_SIZE:
        raise ContentError(f"larger than {MAX_SIZE:,} bytes", where=where, hint="split it into several files")
    depth = values = documents = 0
    for event in yaml.parse(data, Loader=_library()[0]):
        kind = type(event)
        if kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
            depth -= 1
        elif kind is yaml.AliasEvent or getattr(event, "anchor", None):
            raise _wrong("anchors and aliases are not used in content", event, where, hint="write the value out")
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                raise _wrong("a second document begins: a file holds one", event, where)
        elif kind is yaml.ScalarEvent or kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            values += 1
            depth += kind is not yaml.ScalarEvent
            if depth > MAX_DEPTH:
                raise _wrong("nested too deeply", event, where, hint=f"{MAX_DEPTH} levels are the limit")
            if values > MAX_VALUES:
                raise _wrong(f"more than {MAX_VALUES:,} values", event, where, hint="split it into several files")
        yield event


class _Open:
    """A collection that is being filled."""

    __slots__ = ("into", "key")

    def __init__(self, into: dict[str, Any] | list[Any]) -> None:
        self.into = into
        self.key: str | None = None


def _built(data: bytes, where: str) -> Any:
    import yaml

    top: list[Any] = []
    open_ = [_Open(top)]
    for event in _events(data, where):
        kind = type(event)
        if kind is yaml.ScalarEvent:
            _put(open_[-1], _scalar(event, where), event, where)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.tag not in _COLLECTIONS:
                raise _wrong(f"the tag {event.tag[:80]} is not used in content", event, where)
            fresh: dict[str, Any] | list[Any] = {} if kind is yaml.MappingStartEvent else []
            _put(open_[-1], fresh, event, where)
            open_.append(_Open(fresh))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            open_.pop()
    return top[0] if top else None


def _put(within: _Open, value: Any, event: Any, where: str) -> None:
    into = within.into
    if isinstance(into, list):
        into.append(value)
    elif within.key is not None:
        into[within.key] = value
        within.key = None
    elif not isinstance(value, str):
        raise _wrong(
            f"the key {str(value)[:80]!r} is not text; quote it (YAML 1.1 reads on, off, yes, no as flags)",
            event,
            where,
        )
    elif value in into:
        raise _wrong(f"the key {value[:80]!r} stands twice", event, where)
    else:
        within.key = value


def _scalar(event: yaml.ScalarEvent, where: str) -> Any:
    import yaml

    meaning = _library()[1]
    text = str(event.value)
    tag = event.tag
    if tag is None or tag == "!":
        if not event.implicit[0]:
            return text  # quoted
        tag = meaning.resolve(yaml.ScalarNode, text, (True, False))
    if tag in _TEXTS:
        return text
    node = yaml.ScalarNode(tag, text)
    if tag == f"{_TAG}null":
        return None
    if tag == f"{_TAG}bool" and text.lower() in meaning.bool_values:
        return meaning.construct_yaml_bool(node)
    if tag == f"{_TAG}int":
        if len(text) > _MAX_DIGITS:
            raise _wrong(f"a number of more than {_MAX_DIGITS} characters", event, where, hint="quote it")
        try:
            return meaning.construct_yaml_int(node)
        except (ValueError, IndexError):
            raise _wrong(f"{text!r} is no whole number", event, where) from None
    raise _wrong(f"{text[:40]!r} with the tag {tag[:80]} is not used in content", event, where, hint="quote it")


def _wrong(message: str, event: Any, where: str, hint: str = "") -> ContentError:
    return ContentError(message, where=f"{where}:{_line(event.start_mark)}", hint=hint)


def _line(mark: Any) -> int:
    return int(mark.line) + 1 if mark is not None else 1


def places(data: bytes, key: str) -> list[int]:
    """Lines (1-based) of the items of the list under `key`, in one reading."""
    node = _composed(data)
    for name, value in node.value if node is not None and node.id == "mapping" else ():
        if name.value == key and value.id == "sequence":
            return [item.start_mark.line + 1 for item in value.value]
    return []


def _composed(data: bytes) -> Any:
    import yaml

    try:
        for _ in _events(data, ""):
            pass  # within the limits: the composer below is safe
        return yaml.compose(data, Loader=_library()[0])
    except (yaml.YAMLError, ContentError):
        return None


def place(data: bytes, path: tuple[str | int, ...]) -> int:
    """Line (1-based) of the node at `path`, as near as it exists. For error messages only."""
    import yaml

    node = _composed(data)
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
