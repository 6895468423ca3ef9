"""The snapshot: all facts of one target at one time. What is volatile stands in `run` and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.model.canonical import digest
from scanner.model.errors import InputError
from scanner.model.fact import STATES, Evidence, Fact, Json
from scanner.model.records import dataclass
from scanner.model.result import evidence_json

__all__ = ["SNAPSHOT_SCHEMA", "Snapshot"]

SNAPSHOT_SCHEMA = "assay/snapshot/v1"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Facts with provenance. `facts_digest` covers facts and limits, so two runs on an unchanged target agree."""

    tool: Mapping[str, str]
    target: Mapping[str, Json]
    facts: Mapping[str, Fact]
    limits: Mapping[str, Json]
    run: Mapping[str, Json]

    @property
    def facts_digest(self) -> str:
        """SHA-256 over the canonical facts and limits."""
        return digest({"facts": self.facts_json(), "limits": dict(self.limits)})

    def facts_json(self) -> dict[str, Json]:
        """The `facts` part as JSON."""
        return {name: fact_json(self.facts[name]) for name in sorted(self.facts)}

    def to_json(self) -> dict[str, Json]:
        """The snapshot file."""
        return {
            "schema": SNAPSHOT_SCHEMA,
            "tool": dict(self.tool),
            "target": dict(self.target),
            "facts": self.facts_json(),
            "limits": dict(self.limits),
            "facts_digest": self.facts_digest,
            "run": dict(self.run),
        }

    @staticmethod
    def from_json(data: Any, where: str = "snapshot") -> Snapshot:
        """A snapshot from its JSON. Raises InputError when it is not one, or its digest does not match its facts."""
        if not isinstance(data, dict) or data.get("schema") != SNAPSHOT_SCHEMA:
            raise InputError(
                f"this is not an Assay snapshot (schema {SNAPSHOT_SCHEMA})",
                where=where,
                hint="make one with: assay collect -o snapshot.json",
            )
        try:
            facts = {str(name): _fact(str(name), raw) for name, raw in data["facts"].items()}
            snapshot = Snapshot(
                tool=_mapping(data["tool"]),
                target=_mapping(data["target"]),
                facts=facts,
                limits=_mapping(data["limits"]),
                run=_mapping(data.get("run", {})),
            )
            stated = data["facts_digest"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"the snapshot is damaged or cut off: {type(error).__name__}: {error}",
                where=where,
                hint="collect again, or copy the file again",
            ) from None
        if snapshot.facts_digest != stated:
            raise InputError(
                f"facts_digest says {stated}, the facts give {snapshot.facts_digest}: the file was changed",
                where=where,
                hint="evaluate the file as it was collected",
            )
        return snapshot


def fact_json(fact: Fact) -> dict[str, Json]:
    """One fact as JSON."""
    out: dict[str, Json] = {
        "state": fact.state,
        "value": fact.value,
        "facet": fact.facet,
        "reason": fact.reason,
        "evidence": [evidence_json(evidence) for evidence in fact.evidence],
    }
    if fact.gaps:
        out["gaps"] = list(fact.gaps)
    return out


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {type(value).__name__}")
    return value


def _fact(name: str, raw: Any) -> Fact:
    state = raw["state"]
    if state not in STATES or raw["facet"] not in ("persistent", "runtime"):
        raise ValueError(f"fact {name}: unknown state or facet")
    if (raw["value"] is not None) != (state == "present"):
        raise ValueError(f"fact {name}: state {state} and its value do not go together")
    evidence = tuple(
        Evidence(item["source"], item.get("line"), item.get("offset"), item.get("sha256")) for item in raw["evidence"]
    )
    return Fact(name, state, raw["facet"], raw["value"], raw.get("reason"), evidence, tuple(raw.get("gaps", ())))
