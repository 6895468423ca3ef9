"""How well a framework or profile fits a target: exact, by_analogy or foreign, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scanner.model.control import Fit

__all__ = ["fit_of"]


def fit_of(lines: Sequence[Fit], identity: Mapping[str, Any]) -> tuple[str, str]:
    """(fit, reason). A system that only says it is *like* the named one fits by analogy at best."""
    if any(line.os_id == "*" for line in lines):
        line = next(line for line in lines if line.os_id == "*")
        return line.fit, "written for any system"
    own = str(identity.get("os_id") or "")
    if not own:
        return "foreign", "the target does not say which system it is (no os-release)"
    version = str(identity.get("os_version") or "")
    major = version.split(".")[0]
    # A derivative counts versions of its own; PLATFORM_ID (platform:el10) says what it was built from.
    base = str(identity.get("platform_id") or "").rpartition("el")[2]
    for line in lines:
        if line.os_id == own and line.major in (None, major):
            return line.fit, f"the target is {own} {version}".strip()
    for line in lines:
        if line.os_id in (identity.get("os_like") or ()) and line.major in (None, base or major):
            fit = "by_analogy" if line.fit == "exact" else line.fit
            return fit, f"{own} {version} says it is like {line.os_id} {line.major or ''}".strip()
    wanted = ", ".join(dict.fromkeys(f"{line.os_id} {line.major or ''}".strip() for line in lines)) or "nothing"
    return "foreign", f"written for {wanted}; the target is {own} {version}".strip()
