"""Documents of the supply chain at the gate, as the other verbs write them."""

import json
from typing import Any

import pytest

from scanner.gate.policy import SupplyChain
from scanner.gate.supply import Paper, check_papers, read_paper
from scanner.model.errors import InputError
from scanner.supply_chain.comparing.result import LEVELS

NEW = "sha256:" + "b" * 64


def diff(worst: str = "none", incomplete: tuple[str, ...] = ()) -> dict[str, Any]:
    change = {
        "materiality": worst,
        "name": "pam",
        "kind": "version_downgraded",
        "before": "2",
        "after": "1",
        "reason": "r",
    }
    return {"worst": worst, "changes": [change] if worst != "none" else [], "incomplete": list(incomplete)}


def truth(verdict: str, digest: str | None = NEW) -> dict[str, Any]:
    difference = {"name": "podman", "kind": "version_differs", "listed": "5.6", "found": "5.4"}
    return {
        "verdict": verdict,
        "target": {"digest": digest},
        "differences": [difference] if verdict == "untrue" else [],
        "unknown": [{"what": "x", "why": "y"}],
    }


def verify(state: str, digest: str = NEW, listed_by: tuple[str, ...] = ()) -> dict[str, Any]:
    artifact = {"name": "image", "digest": digest, "listed_by": list(listed_by)}
    return {"artifact": artifact, "ok": state == "verified", "state": state, "reason": "no signature"}


def states(
    wanted: SupplyChain, *papers: tuple[str, dict[str, Any]], targets: frozenset[str] = frozenset({NEW})
) -> list[str]:
    found = check_papers(wanted, [Paper(f"{kind}.json", kind, document) for kind, document in papers], targets)
    return [one.state for one in found]


@pytest.mark.parametrize("worst", LEVELS)
@pytest.mark.parametrize("allowed", LEVELS)
def test_materiality(worst: str, allowed: str) -> None:
    beyond = LEVELS.index(worst) < LEVELS.index(allowed)
    assert states(SupplyChain(materiality=allowed), ("sbom-diff", diff(worst))) == ["failed" if beyond else "ok"]


def test_without_a_level_a_diff_only_has_to_be_whole() -> None:
    assert states(SupplyChain(), ("sbom-diff", diff("critical"))) == ["ok"]
    assert states(SupplyChain(), ("sbom-diff", diff("low", ("no licences",)))) == ["incomplete"]


@pytest.mark.parametrize(("verdict", "state"), [("true", "ok"), ("unknown", "incomplete"), ("untrue", "failed")])
def test_truth(verdict: str, state: str) -> None:
    assert states(SupplyChain(), ("sbom-truth", truth(verdict))) == [state]


def test_truth_about_another_image() -> None:
    assert states(SupplyChain(), ("sbom-truth", truth("true", "sha256:" + "c" * 64))) == ["failed"]
    assert states(SupplyChain(), ("sbom-truth", truth("true", None))) == ["ok"]


@pytest.mark.parametrize(("state", "wanted"), [("verified", "ok"), ("failed", "failed"), ("unsupported", "incomplete")])
def test_signatures(state: str, wanted: str) -> None:
    assert states(SupplyChain(signatures=True), ("verify", verify(state))) == [wanted]


def test_a_signature_of_something_else_says_nothing_of_the_release() -> None:
    other = "sha256:" + "0" * 64
    wanted = SupplyChain(signatures=True)
    assert states(wanted, ("verify", verify("verified", other))) == ["failed"]
    assert states(wanted, ("verify", verify("verified", other, (NEW,)))) == ["ok"]
    assert states(wanted, ("verify", {**verify("failed"), "ok": True})) == ["failed"]
    # A target without a digest of its own can be tied to nothing: the result names what was signed.
    assert states(wanted, ("verify", verify("verified", other)), targets=frozenset()) == ["ok"]


@pytest.mark.parametrize(("state", "wanted"), [("valid", "ok"), ("invalid", "failed"), ("not_checked", "incomplete")])
def test_sbom_check(state: str, wanted: str) -> None:
    document = {"validity": {"state": state, "reason": ""}, "lists": [{"id": "cisa-2026", "state": "missing"}]}
    assert states(SupplyChain(), ("sbom-check", document)) == [wanted]


def test_a_release_is_signatures_and_a_diff() -> None:
    everything = SupplyChain(materiality="low", signatures=True, sbom_diff=True)
    release = {"ok": True, "links": ["signed"], "diff": diff("high")}
    assert states(everything, ("release", release)) == ["ok", "failed"]
    assert states(everything, ("release", {**release, "ok": False, "diff": None})) == ["failed"]


@pytest.mark.parametrize("name", ["sbom_diff", "sbom_check", "sbom_truth", "signatures"])
def test_what_is_required_and_not_there(name: str) -> None:
    assert states(SupplyChain(**{name: True})) == ["incomplete"]


@pytest.mark.parametrize(
    "data", [b"{}", b"[", b'{"schema": ["x"]}', b'{"schema": "assay/sbom-diff/v1"}', b"[" * 100_000]
)
def test_what_is_no_such_document(data: bytes) -> None:
    with pytest.raises(InputError):
        read_paper(data, "x.json")


def test_a_document_that_says_nothing_is_refused() -> None:
    with pytest.raises(InputError):
        read_paper(json.dumps({"schema": "assay/verify/v1", "ok": True}).encode(), "x.json")
