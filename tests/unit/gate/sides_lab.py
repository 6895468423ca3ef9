"""Sides of a comparison, as small as a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.gate.deciding import Compared, decide
from scanner.gate.policy import Policy
from scanner.gate.result import Decided, Gate
from scanner.gate.sides import Control, Record, Side
from scanner.gate.waiving import Layered

NOW = "2026-11-20T12:00:00Z"
A, B, C = ("sha256:" + letter * 64 for letter in "abc")


def record(status: str = "pass", name: str = "rule-a@00000001", **more: Any) -> Record:
    given: dict[str, Any] = {
        "title": f"Title of {name}",
        "half": "",
        "severity": "high",
        "params": {},
        "rule_digest": A,
        "expected": "value no",
        "found": f"value of {status}",
        "places": ("/etc/a.conf:3",),
        "upstream": ("public_a",),
        "facts": ("fact.a",),
        "controls": ("stig:1",),
    }
    return Record(instance=name, rule=name.partition("@")[0], status=status, **{**given, **more})


def control(status: str, name: str = "1", **more: Any) -> Control:
    given: dict[str, Any] = {"framework": "stig", "title": "A control", "coverage": "automated", "results": ()}
    return Control(id=name, status=status, **{**given, **more})


def side(*records: Record, **more: Any) -> Side:
    given: dict[str, Any] = {
        "kind": "image",
        "identity": {"os_id": "velaos", "host_name": "vela-1"},
        "target_digest": B,
        "assessment": C,
        "facts_digest": A,
        "content_digest": A,
        "tool": "0.1",
        "evaluated_at": NOW,
        "collected": NOW,
        "profiles": ("velaos",),
        "fits": {"profile velaos": "exact"},
        "complete": True,
        "reasons": (),
        "controls": (),
        "asked": tuple(sorted({fact for one in records for fact in one.facts})),
    }
    return Side(records=records, **{**given, **more})


def gate(new: Side, old: Side | None, policy: Policy | None = None, **more: Any) -> Gate:
    before = Compared("old", "assessment", (old,)) if old is not None else None
    return decide(Compared("new", "assessment", (new,)), before, policy or Policy(), **{"now": NOW, **more})


def one_pair(
    before: str, after: str, *, policy: Policy | None = None, layered: Layered | None = None, **more: Mapping[str, Any]
) -> Decided | None:
    """The decision about one rule; None when nothing changed. `before`, `after`: a status or `absent`."""
    old = side(*([record(before, **more.get("old", {}))] if before != "absent" else []))
    new = side(*([record(after, **more.get("new", {}))] if after != "absent" else []))
    found = gate(new, old, policy, layered=layered).differences
    assert len(found) <= 1
    return found[0] if found else None


def note(expires: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "W-1",
        "reason": "r",
        "owner": "o",
        "approver": None,
        "ticket": None,
        "expires": expires,
        "expired": False,
        **more,
    }
