"""Verdicts on a vendor's claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scanner.engine.cases import CASE_DAY
from scanner.engine.judge import Instance, judge
from scanner.frameworks.claims import claim_verdict
from scanner.model.fact import Facet, Fact
from scanner.model.rule import Rule

CHECK = {"persistent": {"fact": "os.arch", "equals": "x86_64"}, "runtime": {"fact": "machine.efi", "equals": True}}
FACETS: dict[str, Facet] = {"os.arch": "persistent", "machine.efi": "runtime"}
RUNTIME = frozenset(("machine.efi",))


def verdict(facts: Mapping[str, Any], notes: Mapping[str, str], require: str) -> str:
    rule = Rule("x", "X", "low", "", CHECK, claim_notes=dict(notes))
    known = {
        name: Fact(name, "error", facet, reason="permission")
        if facts[name] is None
        else Fact(name, "present", facet, facts[name])
        for name, facet in FACETS.items()
        if name in facts
    }
    target = {"kind": "live", "identity": {"platform": "linux"}}
    result = judge(Instance(rule, {}, {}), known, target, require=require, today=CASE_DAY, runtime_facts=RUNTIME)
    return claim_verdict(rule, result)


@pytest.mark.parametrize(
    ("facts", "notes", "require", "expected"),
    [
        ({"os.arch": "x86_64", "machine.efi": True}, {}, "both", "proven"),
        ({"os.arch": "x86_64", "machine.efi": True}, {"partial": "half"}, "both", "partly_proven"),
        ({"os.arch": "x86_64", "machine.efi": False}, {}, "both", "refuted"),
        ({"os.arch": "x86_64", "machine.efi": False}, {"overclaim": "no"}, "both", "overclaim"),
        ({"os.arch": "x86_64"}, {}, "persistent", "partly_proven"),
        ({"os.arch": "x86_64"}, {}, "both", "partly_proven"),
        # The half that was seen may be the running one.
        ({"machine.efi": True}, {}, "both", "partly_proven"),
        ({"machine.efi": False}, {}, "both", "refuted"),
        ({"os.arch": "x86_64", "machine.efi": None}, {}, "both", "not_evaluable"),
        ({"os.arch": None, "machine.efi": True}, {}, "both", "not_evaluable"),
        ({}, {}, "both", "not_evaluable"),
        ({}, {"partial": "half"}, "both", "not_evaluable"),
    ],
)
def test_verdicts(facts: Mapping[str, Any], notes: Mapping[str, str], require: str, expected: str) -> None:
    assert verdict(facts, notes, require) == expected
