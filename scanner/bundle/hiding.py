"""Putting tokens in the place of values, in texts, fields of facts and whole documents."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from typing import Any

from scanner.bundle.openings import PREFIX, Opening
from scanner.bundle.spellings import pattern_of, plain

__all__ = ["Hider"]

_DIGEST = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])")
_LABEL = b"assay/redaction/v2\0"


class Hider:
    """The values to hide, and what stands in their place.

    `values` are hidden wherever they stand. `context`: digests of the facts of every subject; they go into the salts,
    so bundles of other devices share no token.
    """

    def __init__(self, values: Collection[str], secret: bytes, context: Iterable[str]) -> None:
        self._secret = secret
        self._label = _LABEL + "\n".join(sorted(context)).encode() + b"\0"
        self._opened: dict[str, Opening] = {}
        self._known: dict[str, str] = {}
        for value in sorted(values, reverse=True):
            self._known[plain(value)] = value  # of two spellings the first one in order stands for both
        self._pattern = pattern_of(frozenset(values))
        self._shown: dict[str, str] = {}
        self.telling: set[str] = set()
        """SHA-256 of what was read where something is hidden: they would let anybody try values until one fits."""

    def openings(self) -> tuple[Opening, ...]:
        """What proves the values that were hidden so far."""
        return tuple(self._opened[name] for name in sorted(self._opened))

    def tells(self, sha256: str | None) -> None:
        """Hide this digest from now on."""
        if sha256 and sha256 not in self.telling:
            self.telling.add(sha256)
            self._shown.clear()

    def names(self, text: str) -> bool:
        """Whether a value to hide stands in the text."""
        return self.text(text) != text

    def token(self, value: str) -> str:
        """What stands for a value, however it is spelt: the same everywhere in this bundle."""
        value = self._known.get(plain(value), value)
        data = value.encode("utf-8", "surrogatepass")
        salt = hmac.digest(self._secret, self._label + data, "sha256")
        digest = hashlib.sha256(salt + data).hexdigest()
        self._opened[digest] = Opening(digest, salt.hex(), value)
        return PREFIX + digest

    def text(self, text: str) -> str:
        """The text with each hidden value replaced by its token."""
        if text not in self._shown:
            shown = self._pattern.sub(lambda found: self.token(found[0]), text)
            if self.telling:
                shown = _DIGEST.sub(
                    lambda found: self.token(found[0]) if self._is_telling(found, shown) else found[0], shown
                )
            self._shown[text] = shown
        return self._shown[text]

    def _is_telling(self, found: re.Match[str], text: str) -> bool:
        return found[0] in self.telling and not text.endswith(PREFIX, 0, found.start())

    def marker(self, value: str | list[Any]) -> dict[str, Any]:
        """What stands in the place of a field: nobody looked at it, here."""
        tokens = [self.token(str(item)) for item in value] if isinstance(value, list) else self.token(value)
        return {"state": "not_collected", "redacted": tokens}

    def field(self, value: Any) -> Any:
        """The value of a field of a fact: a marker "not looked at" where something in it is hidden.

        Texts inside lists and objects are hidden one by one where the container can say so, else as a whole.
        """
        if isinstance(value, str):
            return self.marker(value) if self.names(value) else value
        if isinstance(value, list):
            if any(isinstance(item, str) and self.names(item) for item in value):
                return self.marker(value)
            return [self.field(item) for item in value]
        if isinstance(value, dict):
            return {key: self.field(item) for key, item in value.items()}
        return value

    def words(self, value: Any, keep: Collection[str] = ()) -> Any:
        """Any document with the values replaced in its texts; keys, structure and the fields `keep` stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.words(item, keep) for item in value]
        if isinstance(value, dict):
            return {key: item if key in keep else self.words(item, keep) for key, item in value.items()}
        return value
