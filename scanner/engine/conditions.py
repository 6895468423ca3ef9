"""Conditions on one value, three-valued, and the words that explain them.

A condition is a plain value (equals) or a mapping of operators that must all hold. Testing gives pass, fail, error (the
value has a type the operator cannot judge) or unknown (the field was not looked at). See docs/rules.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scanner.engine import patterns
from scanner.engine.status import all_of, any_of, inverse
from scanner.model.fact import Json
from scanner.model.versions import compare_dotted

__all__ = ["MISSING", "OPERATORS", "RECORD_WORDS", "test", "test_record", "words", "words_of_record"]

RECORD_WORDS = ("any", "all", "not")


class _Missing:
    """The value of a field that no record holds."""

    def __repr__(self) -> str:
        return "not looked at"


MISSING = _Missing()


def _number(value: Json) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,30}", value.strip(), re.ASCII):
        return int(value)
    return None


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "flag"
    for kind, name in ((int, "number"), (str, "text"), (list, "list"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "null"


def _equals(value: Json, wanted: Json) -> str:
    if isinstance(value, list) and isinstance(wanted, list):
        # Item by item: Python takes True for 1, evidence does not.
        return _whole(zip(value, wanted, strict=True)) if len(value) == len(wanted) else "fail"
    if isinstance(value, dict) and isinstance(wanted, dict):
        return _whole((value[key], wanted[key]) for key in wanted) if set(value) == set(wanted) else "fail"
    if type(value) is type(wanted):
        return "pass" if value == wanted else "fail"
    if wanted is None or value is None:
        return "fail"
    if _kind(value) != _kind(wanted):
        if {_kind(value), _kind(wanted)} == {"number", "text"}:
            return "pass" if str(value).strip() == str(wanted).strip() else "fail"
        return "error"
    return "pass" if value == wanted else "fail"


def _whole(pairs: Iterable[tuple[Json, Json]]) -> str:
    parts = [_equals(value, wanted) for value, wanted in pairs]
    return all_of(parts) if parts else "pass"


def _in(value: Json, wanted: Json) -> str:
    if isinstance(value, list | dict):
        return "error"
    kind = type(value)
    if any(type(one) is kind and one == value for one in wanted):
        return "pass"
    found = {_equals(value, one) for one in wanted}
    return "pass" if "pass" in found else "fail" if "fail" in found or not wanted else "error"


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[Json, Json], str]:
    def check(value: Json, wanted: Json) -> str:
        if value is None:
            return "fail"
        left, right = _number(value), _number(wanted)
        if left is None or right is None:
            return "error"
        return "pass" if compare(left, right) else "fail"

    return check


def _item(value: Json) -> tuple[str, str]:
    """An item of a list, to compare: a number and its digits are one, a flag or null is no text."""
    return ("text" if isinstance(value, str) or _kind(value) == "number" else _kind(value), str(value))


def _contains(quantifier: Callable[[list[bool]], bool]) -> Callable[[Json, Json], str]:
    def check(value: Json, wanted: Json) -> str:
        if value is None:
            return "fail"
        if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
            return "error"
        have = {_item(item) for item in value}
        return "pass" if quantifier([_item(one) in have for one in wanted]) else "fail"

    return check


def _matches(value: Json, wanted: Json) -> str:
    if value is None:
        return "fail"
    if isinstance(value, bool) or not isinstance(value, str | int):
        return "error"
    text = str(value)
    if len(text) > patterns.ALWAYS_SEARCHED and len(text) > patterns.longest(wanted):
        return "error"  # nobody looked: not a no
    return "pass" if patterns.compiled(wanted).search(text) else "fail"


def _version(value: Json, wanted: Json) -> str:
    if value is None:
        return "fail"
    if not isinstance(value, str) or not re.match(r"\d", value) or not re.match(r"\d", str(wanted)):
        return "error"
    return "pass" if compare_dotted(value, str(wanted)) >= 0 else "fail"


def _mode(value: Json, wanted: Json) -> str:
    if value is None:
        return "fail"
    if not isinstance(value, str) or not re.fullmatch(r"[0-7]{3,4}", value):
        return "error"
    return "fail" if int(value, 8) & ~int(str(wanted), 8) else "pass"


def _set(value: Json, wanted: Json) -> str:
    return "pass" if (value is not None) == wanted else "fail"


OPERATORS: Mapping[str, tuple[Callable[[Json, Json], str], str]] = {
    "equals": (_equals, "{}"),
    "in": (_in, "one of {}"),
    "at_least": (_ordered(lambda left, right: left >= right), "at least {}"),
    "at_most": (_ordered(lambda left, right: left <= right), "at most {}"),
    "contains_all": (_contains(all), "containing all of {}"),
    "contains_any": (_contains(any), "containing any of {}"),
    "matches": (_matches, "matching /{}/"),
    "version_at_least": (_version, "version {} or newer"),
    "mode_within": (_mode, "{} or stricter"),
    "set": (_set, "{}"),
}
"""Operator name to (test of value and wanted value, words)."""


def _marker(value: Json) -> str | None:
    """`{state: error}` in the place of a field's value says that this one field could not be read."""
    if isinstance(value, dict) and value.get("state") in ("error", "not_collected"):
        return "error" if value["state"] == "error" else "unknown"
    return None


def test(condition: Json, value: Any) -> str:
    """Status of `value` under `condition`."""
    if value is MISSING:
        return "unknown"
    marked = _marker(value)
    if marked is not None:
        return marked
    if not isinstance(condition, dict):
        return _equals(value, condition)
    parts: list[str] = []
    if "where" in condition or "each" in condition or "count" in condition:
        from scanner.engine.tables import judge_table

        if not isinstance(value, list):
            return "fail" if value is None else "error"
        parts.append(judge_table(condition, value).status)
    for name, wanted in condition.items():
        if name in OPERATORS:
            parts.append(OPERATORS[name][0](value, wanted))
        elif name == "not":
            parts.append(inverse(test(wanted, value)))
        elif name == "any":
            parts.append(any_of(test(one, value) for one in wanted))
        elif name == "all":
            parts.append(all_of(test(one, value) for one in wanted))
        elif name == "has":
            parts.append(
                test_record(wanted, value) if isinstance(value, dict) else "fail" if value is None else "error"
            )
    return all_of(parts)


def test_record(matcher: Mapping[str, Json], record: Any) -> str:
    """Status of one record under `{field: condition, …}`, where any, all and not combine whole matchers."""
    if not isinstance(record, dict):
        return "error"
    parts: list[str] = []
    for name, condition in matcher.items():
        if name == "any":
            status = any_of(test_record(one, record) for one in condition)
        elif name == "all":
            status = all_of(test_record(one, record) for one in condition)
        elif name == "not":
            status = inverse(test_record(condition, record))
        else:
            status = test(condition, record.get(name, MISSING))
        if status == "fail":
            # Nothing can change a failed `all`; most records of a table end here.
            return status
        parts.append(status)
    return all_of(parts) if parts else "pass"


# ---- words ---------------------------------------------------------------------------------------------------------


def show(value: Any) -> str:
    """A value as people read it, short."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if not value:
            return "none"
        text = ", ".join(show(item) for item in value[:8])
        return text + (f" and {len(value) - 8} more" if len(value) > 8 else "")
    if _marker(value):
        return "hidden" if "redacted" in value else "not looked at" if _marker(value) == "unknown" else "not readable"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in list(value.items())[:6]) + "}"
    text = str(value)
    return text if len(text) <= 160 else text[:157] + "…"


def words(condition: Json) -> str:
    """The condition in words, to stand after a field name."""
    if not isinstance(condition, dict):
        return show(condition)
    parts: list[str] = []
    for name, wanted in condition.items():
        if name == "set":
            parts.append("set" if wanted else "not set")
        elif name == "matches":
            parts.append(f"matching /{wanted}/")
        elif name in OPERATORS:
            parts.append(OPERATORS[name][1].format(show(wanted)))
        elif name == "not":
            parts.append(
                f"not {words(wanted)}" if not isinstance(wanted, dict) or len(wanted) == 1 else f"not ({words(wanted)})"
            )
        elif name in ("any", "all"):
            parts.append((" or " if name == "any" else " and ").join(words(one) for one in wanted))
        elif name == "has":
            parts.append(words_of_record(wanted))
        elif name == "where":
            parts.append(f"of those with {words_of_record(wanted)}" if wanted else "")
        elif name == "each":
            parts.append(f"each with {words_of_record(wanted)}")
        elif name == "count":
            parts.append(f"{words(wanted)} of them")
    return ", ".join(part for part in parts if part)


def words_of_record(matcher: Mapping[str, Json]) -> str:
    """A record matcher in words."""
    parts: list[str] = []
    for name, condition in matcher.items():
        if name in ("any", "all"):
            joiner = " or " if name == "any" else " and "
            parts.append("(" + joiner.join(words_of_record(one) for one in condition) + ")")
        elif name == "not":
            parts.append(f"not ({words_of_record(condition)})")
        else:
            parts.append(f"{name.replace('_', ' ')} {words(condition)}")
    return " and ".join(parts)
