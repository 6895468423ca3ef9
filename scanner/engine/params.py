"""Parameters: resolving their values, putting them into a check, naming the instance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from scanner.engine.form import FormError, check_clause
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.model.rule import Param, Rule

__all__ = ["TODAY", "TYPE_CHECKS", "built_in", "find", "instance_id", "parse_value", "resolve", "substitute"]

TYPE_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list) and all(isinstance(item, str | int) for item in value),
}
"""Parameter type -> whether a value is one."""

TODAY = "today"
"""The parameter that every rule has without declaring it: the day of the evaluation, in days since 1970-01-01 UTC."""

_WHOLE = re.compile(r"^\$\{([a-z][a-z0-9_]*)\}$")
_PART = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "s": 1, "m": 60, "h": 3600, "d": 86400}
"""Units that public variables write behind a number: bytes and seconds."""


def parse_value(param: Param, text: str, *, public: bool = False) -> Any:
    """A value from the command line, by the parameter's type. Raises UsageError.

    `public`: the value of a public variable, which may be a list `a|b` or a number with a unit, as `512M` or `1h`.
    """
    if public and param.type == "number" and re.fullmatch(r"\d{1,9}[KMGsmhd]", text, re.ASCII):
        return int(text[:-1]) * _UNITS[text[-1]]
    if param.type == "number":
        if not re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
            raise UsageError(f"{param.name} wants a whole number, not {text!r}")
        return int(text)
    if param.type == "flag":
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise UsageError(f"{param.name} wants true or false, not {text!r}")
        return text.lower() in ("true", "yes", "1")
    if param.type == "list":
        items = [item.strip() for item in re.split(r"[|,]" if public else ",", text) if item.strip()]
        numbers = bool(param.default) and all(isinstance(item, int) for item in param.default)
        return (
            [int(item) for item in items]
            if numbers and all(re.fullmatch(r"\d{1,15}", item, re.ASCII) for item in items)
            else items
        )
    return text


def find(rule: Rule, name: str) -> Param | None:
    """The parameter of `rule` called `name`, or whose public alias is `name`."""
    if name in rule.params:
        return rule.params[name]
    return next((param for param in rule.params.values() if name in param.alias), None)


def built_in(rule: Rule, name: str) -> dict[str, Any]:
    """The values that the public rule `name` has built in where ours has parameters; none for another name."""
    return {param.name: param.public[name] for param in rule.params.values() if name in param.public}


def resolve(rule: Rule, layers: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and where each came from. `layers` are (source, {param or alias: value}), the strongest first."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, param in rule.params.items():
        values[name], sources[name] = param.default, "rule"
        for source, given in layers:
            key = next((key for key in (name, *param.alias) if key in given), None)
            if key is not None:
                raw = given[key]
                values[name] = raw
                if isinstance(raw, str) and param.type != "text":
                    values[name] = parse_value(param, raw, public=key != name)
                sources[name] = source
                if not TYPE_CHECKS[param.type](values[name]) or is_reference(values[name]):
                    raise UsageError(f"{source}: the parameter {name} of {rule.id} wants a {param.type}, not {raw!r}")
                break
    if set(sources.values()) - {"rule"}:
        _check(rule, values, sources)
    return values, sources


def _check(rule: Rule, values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Raise UsageError when a chosen value makes no condition (a bad regular expression, a mode that is none)."""
    clauses = [rule.when] if rule.when is not None else []
    if "manual" not in rule.check:
        clauses += list(rule.check.values()) if set(rule.check) <= {"persistent", "runtime"} else [rule.check]
    try:
        for clause in clauses:
            check_clause(substitute(clause, values), ())
    except FormError as error:
        given = ", ".join(f"{name}={values[name]!r} ({source})" for name, source in sources.items() if source != "rule")
        raise UsageError(f"a parameter of {rule.id} does not fit its check: {error}", hint=f"given: {given}") from None


def substitute(value: Any, params: Mapping[str, Any]) -> Any:
    """`value` with every `${name}` replaced; alone in a text it keeps its type, inside a text it becomes text."""
    if isinstance(value, str):
        if "${" not in value:
            return value
        whole = _WHOLE.match(value)
        if whole and whole.group(1) in params:
            return params[whole.group(1)]
        return _PART.sub(lambda found: str(params.get(found.group(1), found.group(0))), value)
    if isinstance(value, dict):
        return {
            key: item if type(item) is str and "${" not in item else substitute(item, params)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [item if type(item) is str and "${" not in item else substitute(item, params) for item in value]
    return value


def instance_id(rule: str, params: Mapping[str, Any]) -> str:
    """Rule id + "@" + short digest of the resolved parameters."""
    return f"{rule}@{_digest(canonical(dict(params)) if params else b'{}')}"


@cache
def _digest(params: bytes) -> str:
    """The first eight hex digits: most rules have no parameters, and of the others many the same."""
    return hashlib.sha256(params).hexdigest()[:8]


def is_reference(value: Any) -> bool:
    """Whether a value is itself `${name}`: its use would escape the checks, which take that for a parameter."""
    return isinstance(value, str) and _WHOLE.match(value) is not None


def used(value: Any) -> set[str]:
    """Names of the parameters that `value` mentions."""
    if isinstance(value, str):
        return set(_PART.findall(value))
    if isinstance(value, dict):
        return set().union(*(used(item) for item in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(used(item) for item in value)) if value else set()
    return set()
