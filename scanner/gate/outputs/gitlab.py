"""The result as a GitLab Code Quality report: a list of what fails the gate or is shown.

Source: GitLab documentation, "Code Quality", section "Code Quality report format": description, check_name,
fingerprint, location.path, location.lines.begin and severity (info, minor, major, critical, blocker).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from scanner.gate.outputs import words
from scanner.model.canonical import canonical

__all__ = ["render"]

_SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}
_STATES = {"failed": "critical", "incomplete": "major", "warning": "minor"}


def render(document: Mapping[str, Any]) -> bytes:
    """The JSON list. A path is that of the evidence, relative to the root of the target."""
    data = words.visible(document)
    found = [_difference(one) for one in words.shown(data) if one["action"] != "accepted"]
    found += [_check(one) for one in words.broken(data)]
    if data["decision"] == "different":
        found.append(_issue(data["sentence"], "gate-different", "gate", 1, "major", "different"))
    return canonical(found) + b"\n"


def _difference(one: Mapping[str, Any]) -> dict[str, Any]:
    path, line = _place(one)
    severity = _SEVERITIES.get(one["severity"], "critical") if one["action"] != "warn" else "info"
    now = one["found"] or one["reason"]
    text = f"{one['class'].replace('_', ' ')}: {one['title']}: {words.changes(one)}{f'; found {now}' if now else ''}"
    return _issue(text, one["rule"] or one["name"], path, line, severity, one["role"], one["name"], one["class"])


def _place(one: Mapping[str, Any]) -> tuple[str, int]:
    if not one["places"]:
        return one["rule"] or one["name"].replace(":", "/"), 1
    path, colon, line = one["places"][0].rpartition(":")
    if colon and line.isascii() and line.isdigit():
        return path.lstrip("/") or ".", max(1, int(line[:9]))
    return one["places"][0].lstrip("/") or ".", 1


def _check(one: Mapping[str, Any]) -> dict[str, Any]:
    return _issue(one["text"], f"gate-{one['check']}", "gate", 1, _STATES[one["state"]], one["text"])


def _issue(text: str, name: str, path: str, line: int, severity: str, *identity: str) -> dict[str, Any]:
    return {
        "description": text,
        "check_name": name,
        "fingerprint": hashlib.sha256("\0".join((name, *identity)).encode()).hexdigest(),
        "location": {"path": path, "lines": {"begin": line}},
        "severity": severity,
    }
