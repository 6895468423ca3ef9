"""Names of settings whose values are secrets: collectors that list all settings of a file leave those values out."""

from __future__ import annotations

import re

__all__ = ["names_secret"]

_SECRET = re.compile(
    r"passw|passphrase|passcode|secret|authtok|_pwd\b|_pin\b|token|private.?key(?!.?file)|psk\b", re.IGNORECASE
)


def names_secret(name: str) -> bool:
    """Whether a setting of this name may hold a password, key or token (not merely the path of a file with one)."""
    return _SECRET.search(name) is not None
