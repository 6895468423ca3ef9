"""Parts that framework and profile documents share, checked with mistakes named by file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.control import FITS, Fit
from scanner.model.errors import ContentError

__all__ = ["fit", "need", "params", "texts"]


def need(condition: bool, message: str, where: str) -> None:
    """Raise ContentError with `message` unless the condition holds."""
    if not condition:
        raise ContentError(message, where=where, hint="docs/frameworks.md describes the form")


def texts(raw: Any, key: str, where: str) -> tuple[str, ...]:
    """The list of texts under `key`, empty when it is not there."""
    items = raw.get(key, [])
    need(
        isinstance(items, list) and all(isinstance(item, str) for item in items),
        f"`{key}` is a list of texts (quote them)",
        where,
    )
    return tuple(items)


def params(raw: Any, where: str) -> Mapping[str, Mapping[str, Any]]:
    """`params`: rule -> {parameter: value}."""
    given = raw.get("params", {})
    need(
        isinstance(given, dict) and all(isinstance(values, dict) for values in given.values()),
        "`params` is rule: {parameter: value}",
        where,
    )
    found: Mapping[str, Mapping[str, Any]] = given
    return found


def fit(raw: Any, where: str) -> tuple[Fit, ...]:
    """The lines of a fit table."""
    need(isinstance(raw, list), "`fit` is a list of {os_id, major, fit}", where)
    out = []
    for one in raw:
        need(
            isinstance(one, dict) and one.get("fit") in FITS and isinstance(one.get("os_id"), str),
            "a `fit` line has os_id and fit",
            where,
        )
        out.append(Fit(one["os_id"], one["fit"], str(one["major"]) if "major" in one else None))
    return tuple(out)
