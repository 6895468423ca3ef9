"""/etc/selinux/config as libselinux reads it.

Two readers with different manners: the mode is the first line that starts, in column one and in capitals, with
`SELINUX=` and a known word (a longer word that begins with it counts too); the policy type is the last line with
`SELINUXTYPE=` in any case, blanks before it allowed. No mode means permissive, no type means `targeted`.
Source: SELinuxProject/selinux libselinux/src/selinux_config.c and load_policy.c; selinux_config(5).
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Config", "parse"]

_SPACE = " \t\v\f\r\n"
_MODES = ("enforcing", "permissive", "disabled")
_MAX_LINE = 4096


@dataclass(frozen=True, slots=True)
class Config:
    """Mode (None = no valid line) and policy type with their lines (1-based; None = not set)."""

    mode: str | None
    mode_line: int | None
    type: str
    type_line: int | None


def parse(text: str) -> Config:
    """Raises ParseError for binary input and for lines longer than libselinux's buffer."""
    if "\0" in text:
        raise ParseError("holds a NUL byte", offset=text.index("\0"))
    mode: str | None = None
    mode_line: int | None = None
    policy_type, type_line = "targeted", None
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) >= _MAX_LINE:
            raise ParseError(f"longer than {_MAX_LINE} characters", line=number)
        if mode is None and line.startswith("SELINUX="):
            word = line.removeprefix("SELINUX=").lstrip(_SPACE).lower()
            mode = next((known for known in _MODES if word.startswith(known)), None)
            mode_line = number if mode is not None else None
        bare = line.lstrip(_SPACE)
        if bare[:12].lower() == "selinuxtype=":
            policy_type, type_line = bare[12:].strip(_SPACE), number
    return Config(mode, mode_line, policy_type, type_line)
