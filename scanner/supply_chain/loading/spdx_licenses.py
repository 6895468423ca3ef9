"""Licences of SPDX documents, whose `LicenseRef-…` names mean something only inside the document.

Sources: SPDX 2.3 clause 10 (other licensing information) and annex D (expressions); SPDX 3.0 simple licensing profile.
"""

from __future__ import annotations

import re

from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.loading.base import Drops
from scanner.supply_chain.loading.spdx_values import NOTHING
from scanner.supply_chain.model import License

__all__ = ["OwnLicenses", "is_own"]

_OWN = re.compile(r"(?:DocumentRef-[A-Za-z0-9.+-]+:)?LicenseRef-[A-Za-z0-9.+-]+")
MAX_NAME = 200
"""Characters of an extracted text that can be a name rather than a licence."""


def is_own(text: str) -> bool:
    """Whether an expression names a licence that the document itself has to explain."""
    return "LicenseRef-" in text


class OwnLicenses:
    """What the document says its `LicenseRef-…` names mean."""

    def __init__(self, drops: Drops) -> None:
        self._names: dict[str, str] = {}
        self._explained: set[str] = set()
        self._drops = drops

    def add(self, ref: str, name: str, text: str, place: str) -> None:
        """`ref` is called `name` and reads `text`. The name counts; a text of one short line may stand in for it."""
        if not ref:
            self._drops.add("licence text", "has no identifier", place)
            return
        if name in NOTHING:
            name = text if text not in NOTHING and len(text) <= MAX_NAME and "\n" not in text else ""
        self._explained.add(ref)
        if not name:
            self._drops.add("licence text", "has no name; the text itself is not kept", place)
        elif self._names.setdefault(ref, name) != name:
            self._drops.add("licence text", "explains an identifier that has another meaning already", place)

    def license_of(self, text: str, acknowledgement: str, place: str) -> License:
        """The licence `text` with own names replaced by what they mean. One whose meaning is no SPDX licence stays in
        an expression as it is; alone it is a licence with that name and without expression."""
        plain = license_of(text, acknowledgement)
        if _OWN.fullmatch(text):
            meaning = self._names.get(text)
            if meaning is None:
                if plain.expression is None and text not in self._explained:
                    self._drops.add("licence", "its LicenseRef is not explained in the document", place)
                return plain
            return license_of(meaning, acknowledgement)
        resolved = _OWN.sub(self._expression, text)
        if resolved == text:
            return plain
        return License(text, license_of(resolved, acknowledgement).expression or plain.expression, acknowledgement)

    def _expression(self, found: re.Match[str]) -> str:
        meaning = license_of(self._names.get(found[0], "")).expression
        return f"({meaning})" if meaning else found[0]
