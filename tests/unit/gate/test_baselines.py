"""A recorded baseline compares as the assessment that it was made of, and a spoiled one is refused."""

import json
from typing import Any

import jsonschema_rs
import pytest

from scanner.gate.baselines import read_baseline, recorded
from scanner.gate.deciding import Compared, decide
from scanner.gate.policy import Policy
from scanner.gate.waiving import waive_for
from scanner.model.errors import InputError
from scanner.schemas.generate import documents
from tests.unit.gate.sides_lab import NOW, control, note, record, side

OLD = side(
    record("pass", "rule-a@00000001", facts=("fact.a", "fact.b"), controls=("stig:2",)),
    record("fail", "rule-b@00000001", waiver=note("2027-01-31"), controls=()),
    record("unknown", "rule-c@00000001", half="persistent half", params={"n": [1, "x"]}, controls=()),
    controls=(control("manual", answered=True, verdict="met"), control("pass", "2", results=("rule-a@00000001",))),
    unread={"fact.z": "error: permission"},
)
NEW = side(
    record("fail", "rule-a@00000001", facts=("fact.a", "fact.b"), controls=("stig:2",)),
    record("fail", "rule-b@00000001", controls=()),
    record("unknown", "rule-c@00000001", params={"n": [1, "x"]}, controls=()),
    controls=(control("manual"), control("fail", "2", results=("rule-a@00000001",))),
    unread={"fact.b": "error: permission", "fact.z": "error: permission"},
)


def written(**more: Any) -> bytes:
    before = Compared("old.json", "assessment", (OLD,))
    given: dict[str, Any] = {"by": "a@example.org", "reason": "release 1", "at": NOW, "previous": None, **more}
    return recorded(before, {0: waive_for(None, OLD, NOW[:10])}, **given)


def test_it_compares_as_the_assessment_does() -> None:
    fresh = Compared("new.json", "assessment", (NEW,))
    whole = decide(fresh, Compared("old.json", "assessment", (OLD,)), Policy(), now=NOW)
    small = decide(fresh, read_baseline(written(), "baseline.json"), Policy(), now=NOW)
    pairs = [
        [(one.difference.name, one.difference.klass, one.action) for one in found.differences]
        for found in (whole, small)
    ]
    assert pairs[0] == pairs[1]
    assert {klass for _, klass, _ in pairs[0]} == {"regression", "waiver_lost", "evidence_lost", "answer_lost"}
    assert small.baseline is not None
    assert small.baseline["accepted"]["by"] == "a@example.org"


def test_the_bytes_are_steady_and_fit_the_schema() -> None:
    assert written() == written()
    document = json.loads(written())
    assert list(jsonschema_rs.validator_for(documents()["gate-baseline"]).iter_errors(document)) == []
    assert document["previous"] is None
    assert document["targets"][0]["controls"][0]["verdict"] == "met"
    assert "verdict" not in document["targets"][0]["controls"][1]
    assert read_baseline(written(), "baseline.json").sides[0].controls[0].holding == "met"
    follower = json.loads(written(previous=document))
    assert follower["previous"].startswith("sha256:")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("accepted"),
        lambda document: document.update(targets=[]),
        lambda document: document["targets"][0].pop("results"),
        lambda document: document["targets"][0]["results"][0].update(status="fine"),
        lambda document: document["targets"][0]["results"][0].update(severity="grave"),
        lambda document: document["targets"][0].update(fits={"profile velaos": "perfect"}),
        lambda document: document.update(schema="assay/gate-baseline/v2"),
    ],
)
def test_a_spoiled_one_is_refused(spoil: Any) -> None:
    document = json.loads(written())
    spoil(document)
    with pytest.raises(InputError):
        read_baseline(json.dumps(document).encode(), "baseline.json")
