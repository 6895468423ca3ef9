"""The form of clauses and conditions: checked when content is loaded, so that evaluation meets no surprise.

Raises FormError with the path of keys to the wrong place; the loader turns it into file:line.
"""

from __future__ import annotations

import re
from typing import Any

from scanner.engine.conditions import OPERATORS
from scanner.engine.patterns import PatternError, safe

__all__ = ["FormError", "check_clause", "check_condition", "check_record"]

Path = tuple[str | int, ...]

_OUTCOMES = ("pass", "fail", "not_applicable")
_TABLE = {"where", "each", "count"}
_FACT_KEYS = {"fact", "if_absent", "if_empty", "says", "has", "any", "all", "not"} | _TABLE | set(OPERATORS)
_CONDITION_KEYS = {"any", "all", "not", "has", "if_empty"} | _TABLE | set(OPERATORS)
_LISTS = ("in", "contains_all", "contains_any")
_DIGITS = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_PARAM = re.compile(r"^\$\{[a-z][a-z0-9_]*\}$")


class FormError(Exception):
    """What is wrong, and the keys that lead there."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def _is_param(value: Any) -> bool:
    return isinstance(value, str) and _PARAM.match(value) is not None


def check_clause(clause: Any, path: Path, *, negated: bool = False) -> None:
    """A clause: one fact asked, or `all`, `any`, `not` of clauses."""
    if not isinstance(clause, dict) or not clause:
        raise FormError("a clause is a mapping with `fact`, `all`, `any` or `not`", path)
    if "fact" in clause:
        _check_fact(clause, path, negated=negated)
        return
    words = [word for word in ("all", "any", "not") if word in clause]
    extra = set(clause) - {"all", "any", "not", "says"}
    if len(words) != 1 or extra:
        raise FormError(
            "a clause without `fact` has exactly one of all, any, not"
            + (f" (not {sorted(extra)[0]})" if extra else ""),
            path,
        )
    word = words[0]
    if word == "not":
        check_clause(clause["not"], (*path, "not"), negated=not negated)
        return
    parts = clause[word]
    if not isinstance(parts, list) or not parts:
        raise FormError(f"`{word}` is a list of clauses", (*path, word))
    for index, part in enumerate(parts):
        check_clause(part, (*path, word, index), negated=negated)


def _check_fact(clause: dict[str, Any], path: Path, *, negated: bool) -> None:
    if not isinstance(clause["fact"], str) or not clause["fact"]:
        raise FormError("`fact` is the name of a fact", (*path, "fact"))
    for key in clause:
        if key not in _FACT_KEYS:
            raise FormError(f"`{key}` is no part of a clause", (*path, key))
    for key in ("if_absent", "if_empty"):
        if key in clause and clause[key] not in _OUTCOMES:
            raise FormError(f"`{key}` is one of {', '.join(_OUTCOMES)}", (*path, key))
    if negated and "if_absent" not in clause:
        raise FormError("below `not`, a clause must say `if_absent`: absence would turn into a pass", path)
    table = _TABLE & set(clause)
    value = (set(OPERATORS) | {"any", "all", "not"}) & set(clause)
    if bool(table) + bool(value) + ("has" in clause) != 1:
        raise FormError(
            "a clause asks either a table (where, each, count), an object (has) or a value (operators)", path
        )
    if table:
        check_table(clause, path)
    elif "has" in clause:
        check_record(clause["has"], (*path, "has"))
    else:
        check_condition({key: clause[key] for key in value}, path)


def check_table(clause: dict[str, Any], path: Path) -> None:
    """`where`, `each` (with `if_empty`) and `count`."""
    if "each" not in clause and "count" not in clause:
        raise FormError("`where` alone decides nothing: add `each` or `count`", path)
    if "each" in clause and "if_empty" not in clause:
        raise FormError("`each` needs `if_empty`: absence never passes by accident", path)
    for key in ("where", "each"):
        if key in clause:
            check_record(clause[key], (*path, key), may_be_empty=key == "where")
    if "count" in clause:
        _check_count(clause["count"], (*path, "count"))


def _check_count(count: Any, path: Path) -> None:
    wanted = count if isinstance(count, dict) else {"equals": count}
    if not wanted:
        raise FormError("an empty `count` decides nothing", path)
    for name, number in wanted.items():
        if name not in ("equals", "at_least", "at_most"):
            raise FormError("`count` knows equals, at_least and at_most", (*path, name))
        if not _is_param(number) and (isinstance(number, bool) or not isinstance(number, int)):
            raise FormError("`count` compares whole numbers", path)


def check_record(matcher: Any, path: Path, *, may_be_empty: bool = False) -> None:
    """`{field: condition}`; any, all, not combine whole matchers."""
    if not isinstance(matcher, dict) or (not matcher and not may_be_empty):
        raise FormError("fields and their conditions are expected", path)
    for name, condition in matcher.items():
        if name in ("any", "all"):
            if not isinstance(condition, list) or not condition:
                raise FormError(f"`{name}` is a list of field conditions", (*path, name))
            for index, one in enumerate(condition):
                check_record(one, (*path, name, index))
        elif name == "not":
            check_record(condition, (*path, name))
        else:
            check_condition(condition, (*path, name))


def check_condition(condition: Any, path: Path) -> None:
    """A plain value, or operators."""
    if not isinstance(condition, dict):
        return
    if not condition:
        raise FormError("an empty condition decides nothing", path)
    for name, wanted in condition.items():
        if name not in _CONDITION_KEYS:
            raise FormError(f"`{name}` is no operator; known: {', '.join(sorted(_CONDITION_KEYS))}", (*path, name))
        if name == "not":
            check_condition(wanted, (*path, name))
        elif name in ("any", "all"):
            if not isinstance(wanted, list) or not wanted:
                raise FormError(f"`{name}` is a list of conditions", (*path, name))
            for index, one in enumerate(wanted):
                check_condition(one, (*path, name, index))
        elif name == "has":
            check_record(wanted, (*path, name))
        else:
            _check_operand(name, wanted, (*path, name))
    if _TABLE & set(condition):
        check_table(condition, path)
    elif "if_empty" in condition:
        raise FormError("`if_empty` stands beside `each`", path)


def _check_operand(name: str, wanted: Any, path: Path) -> None:
    if name == "if_empty" and wanted not in _OUTCOMES:
        raise FormError(f"`{name}` is one of {', '.join(_OUTCOMES)}", path)
    if _is_param(wanted):
        return
    if name in _LISTS and not isinstance(wanted, list):
        raise FormError(f"`{name}` wants a list", path)
    if name in ("at_least", "at_most") and not (
        (isinstance(wanted, int) and not isinstance(wanted, bool))
        or (isinstance(wanted, str) and _DIGITS.fullmatch(wanted))
    ):
        raise FormError(f"`{name}` wants a whole number", path)
    if name == "version_at_least" and not re.match(r"\d", str(wanted)):
        raise FormError("`version_at_least` wants a version that starts with a digit", path)
    if name == "matches":
        if not isinstance(wanted, str):
            raise FormError("`matches` wants a regular expression", path)
        try:
            safe(wanted)
        except PatternError as error:
            raise FormError(str(error), path) from None
    if name == "mode_within" and not (isinstance(wanted, str) and re.fullmatch(r"[0-7]{4}", wanted)):
        raise FormError('`mode_within` wants four octal digits in quotes, "0644"', path)
    if name == "set" and not isinstance(wanted, bool):
        raise FormError("`set` is true or false", path)
