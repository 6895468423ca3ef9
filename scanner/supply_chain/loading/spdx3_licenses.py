"""Licences of SPDX 3.0: expression elements, listed and custom licences, and sets of them.

Source: SPDX 3.0.1 SimpleLicensing and ExpandedLicensing profiles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.loading.spdx_licenses import OwnLicenses
from scanner.supply_chain.loading.spdx_values import NOTHING, Words
from scanner.supply_chain.model import License

__all__ = ["LicenseElements"]

_SETS = {"expandedlicensing_ConjunctiveLicenseSet": " AND ", "expandedlicensing_DisjunctiveLicenseSet": " OR "}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]+")
MAX_DEPTH = 50
MAX_EXPRESSION = 10_000
"""Characters; sets that share members could else describe expressions without end."""


class LicenseElements:
    """The licence elements of one document, by their id."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._words = Words(drops)
        self._elements: dict[str, tuple[Mapping[str, Any], str]] = {}
        self._own = OwnLicenses(drops)
        self._known: dict[str, str | None] = {}

    def add(self, name: str, value: Mapping[str, Any], place: str) -> None:
        """One element of a type `simplelicensing_…` or `expandedlicensing_…`; `name`: its id."""
        self._elements.setdefault(name, (value, place))

    def stated(self, name: str, acknowledgement: str, place: str) -> License | None:
        """The licence that a relationship to `name` states; None for NOASSERTION, NONE and what cannot be written."""
        text = self._written(name, 0)
        if text is None:
            self._drops.add("licence", "is nested too deeply, in a circle, or too long", place)
            return None
        if text in NOTHING:
            self._drops.add(f"{acknowledgement} licence", text or "is empty", place)
            return None
        return self._own.license_of(text, acknowledgement, place)

    def _written(self, name: str, depth: int) -> str | None:
        if name in self._known:
            return self._known[name]
        self._known[name] = None  # as long as it is open, and for good when it fails: every element is walked once
        if depth > MAX_DEPTH:
            return None
        found = self._elements.get(name)
        made = _tail(name) if found is None else self._of_element(name, *found, depth)
        if made is None or len(made) > MAX_EXPRESSION:
            return None
        self._known[name] = made
        return made

    def _of_element(self, name: str, value: Mapping[str, Any], place: str, depth: int) -> str | None:
        kind = value.get("type") or value.get("@type")
        if kind == "simplelicensing_LicenseExpression":
            self._customs(value, place)
            return self._words.text(value.get("simplelicensing_licenseExpression"), "licence", place)
        if kind in _SETS:
            members = [self._part(one, depth) for one in _listed(value.get("expandedlicensing_member"))]
            if any(member is None for member in members):
                return None
            return _SETS[kind].join(member for member in members if member)
        if kind == "expandedlicensing_OrLaterOperator":
            inner = self._part(value.get("expandedlicensing_subjectLicense"), depth)
            return None if inner is None else f"{inner}+"
        if kind == "expandedlicensing_WithAdditionOperator":
            inner = self._part(value.get("expandedlicensing_subjectExtendableLicense"), depth)
            addition = self._part(value.get("expandedlicensing_subjectAddition"), depth)
            return None if inner is None or addition is None else f"{inner} WITH {addition}"
        if kind in ("expandedlicensing_CustomLicense", "simplelicensing_SimpleLicensingText"):
            return self._custom(f"LicenseRef-{_NOT_IN_NAMES.sub('-', _tail(name))}", value, place)
        return _tail(name)

    def _part(self, value: object, depth: int) -> str | None:
        if not isinstance(value, str):
            return None
        text = self._written(value, depth + 1)
        return f"({text})" if text and " " in text else text

    def _customs(self, value: Mapping[str, Any], place: str) -> None:
        """The licences that the `LicenseRef-…` of an expression stand for."""
        for entry in self._words.objects(value.get("simplelicensing_customIdToUri"), "licence text", place):
            key = self._words.text(entry.get("key"), "licence text", place)
            target = self._elements.get(self._words.text(entry.get("value"), "licence text", place))
            if key and target is not None:
                self._custom(key, *target)

    def _custom(self, ref: str, value: Mapping[str, Any], place: str) -> str:
        name = self._words.text(value.get("name"), "licence text", place)
        text = self._words.text(value.get("simplelicensing_licenseText"), "licence text", place)
        self._own.add(ref, name, text, place)
        return ref


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _tail(name: str) -> str:
    """The identifier at the end of an IRI; NOASSERTION and NONE for the individuals that stand for them."""
    last = re.split(r"[#/]", name.rstrip("/#"))[-1].removeprefix("expandedlicensing_")
    return {"NoAssertionLicense": "NOASSERTION", "NoAssertion": "NOASSERTION", "NoneLicense": "NONE"}.get(last, last)
