"""Licence texts as SPDX expressions, and the class of an expression.

Expressions are parsed with the SPDX index of the license-expression package, and written in one form: operands of AND
and OR flattened, without repeats, sorted. `MIT or Apache-2.0` and `(Apache-2.0 OR MIT)` are one expression.
Classes stand in data/license-classes.tsv; a policy may override them by identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner import files
from scanner.model.errors import ContentError
from scanner.supply_chain.model import Component, License

if TYPE_CHECKING:
    from license_expression import Licensing

__all__ = ["CLASSES", "NO_LICENSE", "class_of", "class_of_component", "license_of", "stated"]

CLASSES = (
    "public_domain",
    "permissive",
    "weak_copyleft",
    "strong_copyleft",
    "network_copyleft",
    "proprietary",
    "unknown",
)
"""From the fewest duties to the most, and last what nobody can say. AND takes the last of its parts, OR the first."""

NO_LICENSE = frozenset({"", "NOASSERTION", "NONE"})
"""Texts that state nothing."""

MAX_EXPRESSION = 2000
"""Characters of a text that may be an expression; licence texts in full are longer."""

_CATEGORIES: Mapping[str, str] = {  # words of the index that license-expression ships
    "Permissive": "permissive",
    "Public Domain": "public_domain",
    "Copyleft Limited": "weak_copyleft",
    "Copyleft": "strong_copyleft",
    "Proprietary Free": "proprietary",
    "Commercial": "proprietary",
    "Source-available": "proprietary",
    "Free Restricted": "proprietary",
}


def license_of(text: str, acknowledgement: str = "") -> License:
    """The stated licence `text` (an identifier, an expression or a name). Cached: documents repeat few texts."""
    return _license(text, acknowledgement)


@lru_cache(maxsize=65536)
def _license(text: str, acknowledgement: str) -> License:
    return License(text, _expression(text), acknowledgement)


def stated(licenses: Iterable[License]) -> list[License]:
    """Those that state something: no NOASSERTION, NONE or empty text."""
    return [one for one in licenses if one.text.strip() not in NO_LICENSE]


def _expression(text: str) -> str | None:
    """The canonical expression, or None for a name, a URL, a reference without meaning."""
    text = text.strip()
    if text in NO_LICENSE or len(text) > MAX_EXPRESSION:
        return None
    named = _data().aliases.get(text.lower())
    if named is not None:
        return named
    tree = _parsed(text)
    if tree is None:
        return None
    try:
        written = _written(tree)
    except (_UnknownNameError, RecursionError):
        return None
    alone = " " not in written and _is_reference(written) and written not in _identifiers()
    return None if alone else written  # a lone reference says nothing without its text


class _UnknownNameError(ValueError):
    """A part of an expression is no SPDX identifier."""


def _parsed(text: str) -> Any:
    from license_expression import ExpressionError
    from license_expression import ParseError as SyntaxProblem

    try:
        return _licensing().parse(text)
    except (ExpressionError, SyntaxProblem, RecursionError, ValueError, TypeError, AttributeError, IndexError):
        return None  # the parser has no single error for hostile text


def _written(tree: Any) -> str:
    return _text(_normal(tree))


_Node = tuple[str, tuple[str, ...]]
"""AND, OR or nothing, and the texts that it joins."""


def _text(node: _Node) -> str:
    return f" {node[0]} ".join(node[1])


def _normal(tree: Any) -> _Node:
    from license_expression import AND, LicenseWithExceptionSymbol

    if tree.isliteral:
        if isinstance(tree, LicenseWithExceptionSymbol):
            exception = _name(tree.exception_symbol, exception=True)
            return "", (f"{_name(tree.license_symbol)} WITH {exception}",)
        return "", (_name(tree),)
    word = "AND" if isinstance(tree, AND) else "OR"
    parts: dict[str, _Node] = {}
    for child in tree.args:
        node = _normal(child)
        if node[0] in ("", word):  # of the same kind there are two texts at least
            parts.update({text: ("", (text,)) for text in node[1]})
        else:
            parts[f"({_text(node)})"] = node
    return next(iter(parts.values())) if len(parts) == 1 else (word, tuple(sorted(parts)))


def _name(symbol: Any, *, exception: bool = False) -> str:
    key = str(symbol.key)
    if _is_reference(key) or (key in _identifiers() and bool(symbol.is_exception) == exception):
        return key
    named = _data().aliases.get(key.lower())
    if named is None or exception:
        raise _UnknownNameError(key)
    return named


def _is_reference(name: str) -> bool:
    return name.startswith(("LicenseRef-", "DocumentRef-"))


@cache
def _licensing() -> Licensing:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _identifiers() -> frozenset[str]:
    """Identifiers of licences and exceptions in their canonical spelling, those that SPDX replaced left out."""
    return frozenset(str(key) for key in _licensing().known_symbols)


@cache
def _categories() -> Mapping[str, str]:
    from license_expression import get_license_index

    return {
        entry["spdx_license_key"]: _CATEGORIES.get(entry["category"], "unknown")
        for entry in get_license_index()
        if entry.get("spdx_license_key")
    }


@dataclass(frozen=True, slots=True)
class _Data:
    classes: Mapping[str, str]
    prefixes: tuple[tuple[str, str], ...]
    exceptions: Mapping[str, str]
    exception_prefixes: tuple[tuple[str, str], ...]
    aliases: Mapping[str, str]


@cache
def _data() -> _Data:
    """The table of this project."""
    path = Path(__file__).parent / "data" / "license-classes.tsv"
    names: dict[str, dict[str, str]] = {"class": {}, "exception": {}}
    prefixes: dict[str, list[tuple[str, str]]] = {"class": [], "exception": []}
    aliases: dict[str, str] = {}
    for number, line in enumerate(files.read_bytes(path).decode().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        kind, *cells = line.split("\t")
        if kind == "alias":
            aliases.update(dict.fromkeys(cells[1].split("|"), cells[0]))
            continue
        table, value = ("exception", cells.pop(0)) if kind == "exception" else ("class", kind)
        if value not in CLASSES or len(cells) != 1:
            raise ContentError(f"no licence class: {value!r}", where=f"{path.name}:{number}")
        for name in cells[0].split():
            if name.endswith("*"):
                prefixes[table].append((name[:-1], value))
            else:
                names[table][name] = value
    return _Data(names["class"], tuple(prefixes["class"]), names["exception"], tuple(prefixes["exception"]), aliases)


def class_of(expression: str | None, overrides: Mapping[str, str] | None = None) -> str:
    """The class of a canonical expression, one of `CLASSES`. AND: the part with most duties; OR: the one with fewest,
    for the user may choose; an exception such as Classpath makes its licence weaker. `overrides`: identifier (or
    `licence WITH exception`) to class."""
    if expression is None:
        return "unknown"
    if overrides:
        return _class(expression, overrides)
    return _cached_class(expression)


@lru_cache(maxsize=65536)
def _cached_class(expression: str) -> str:
    return _class(expression, {})


def class_of_component(component: Component, overrides: Mapping[str, str] | None = None) -> str:
    """The class of all that is stated for a component. Concluded licences count before declared ones; several entries
    hold together, as AND; no entry is unknown."""
    said = stated(component.licenses)
    said = [one for one in said if one.acknowledgement == "concluded"] or said
    return max((class_of(one.expression, overrides) for one in said), key=CLASSES.index, default="unknown")


def _class(expression: str, overrides: Mapping[str, str]) -> str:
    if expression in overrides:
        return overrides[expression]
    if " " not in expression:
        return _class_of_name(expression, overrides)
    tree = _parsed(expression)
    return "unknown" if tree is None else _class_of_tree(tree, overrides)


def _class_of_tree(tree: Any, overrides: Mapping[str, str]) -> str:
    from license_expression import AND, LicenseWithExceptionSymbol

    if isinstance(tree, LicenseWithExceptionSymbol):
        name, exception = str(tree.license_symbol.key), str(tree.exception_symbol.key)
        if f"{name} WITH {exception}" in overrides:
            return overrides[f"{name} WITH {exception}"]
        plain = _class_of_name(name, overrides)
        most = _looked_up(exception, _data().exceptions, _data().exception_prefixes)
        return plain if most is None or plain == "unknown" else min(plain, most, key=CLASSES.index)
    if tree.isliteral:
        return _class_of_name(str(tree.key), overrides)
    choose = max if isinstance(tree, AND) else min
    return choose((_class_of_tree(part, overrides) for part in tree.args), key=CLASSES.index)


def _class_of_name(name: str, overrides: Mapping[str, str]) -> str:
    if name in overrides:
        return overrides[name]
    found = _looked_up(name, _data().classes, _data().prefixes)
    return found if found is not None else _categories().get(name, "unknown")


def _looked_up(name: str, exact: Mapping[str, str], prefixes: tuple[tuple[str, str], ...]) -> str | None:
    if name in exact:
        return exact[name]
    return next((value for prefix, value in prefixes if name.startswith(prefix)), None)
