"""What an assessment says in a few numbers, and how its signer shaped the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["summary_of"]


def summary_of(
    assessment: Mapping[str, Any], catalogs: Mapping[str, int], taken: Sequence[str], today: str
) -> dict[str, Any]:
    """The entry of `assessments`. `catalogs`: controls in each framework's whole catalog; `taken`: results that are the
    signer's word; `today`: RFC 3339, to tell which waivers have expired since."""
    inputs, results = assessment["inputs"], assessment["results"]
    waivers = {one["waiver"]["id"]: one["waiver"] for one in results if one["waiver"]}
    return {
        "target": dict(assessment["target"]["identity"] or {}),
        "evaluated_at": assessment["evaluated_at"],
        "complete": assessment["completeness"]["complete"],
        "counts": dict(assessment["completeness"]["counts"]),
        "taken": dict(Counter(one["status"] for one in results if one["instance"] in set(taken))),
        "profiles": [
            {
                "id": one["id"],
                "title": one["title"],
                "own": raw["document"] is not None,
                "left_out": len(one["left_out"]),
                "min_coverage": one["min_coverage"],
            }
            for one, raw in zip(assessment["profiles"], inputs["profiles"], strict=True)
        ],
        "params": len(inputs["params"]),
        "waivers": len(waivers),
        "waivers_expired": sum(str(one["expires"]) < today[:10] for one in waivers.values()),
        "answers": sum(bool(one["answered"]) for one in assessment["controls"]),
        "frameworks": {
            name: {
                "fit": one["fit"],
                "counts": dict(one["counts"]),
                "controls": one["controls"],
                "catalog": catalogs.get(name, 0),
            }
            for name, one in assessment["summary"].items()
        },
    }
