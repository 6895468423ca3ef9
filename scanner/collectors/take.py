"""Taking a snapshot: run the collectors, add what the target is, state the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import scanner
from scanner.collectors.registry import collect
from scanner.model.fact import Fact, Json
from scanner.model.snapshot import Snapshot
from scanner.target.base import Target
from scanner.target.limits import BUDGETS

__all__ = ["IDENTITY_FACTS", "take"]

IDENTITY_FACTS = (
    "os.release",
    "os.arch",
    "host.name",
    "os.image_mode",
    "machine.kind",
    "machine.efi",
    "kernel.release",
)
"""Always collected: a snapshot without identity could not be matched with a profile."""


def take(
    target: Target,
    wanted: Iterable[str] | None = None,
    *,
    clock: Callable[[], float] = time.time,
    progress: Callable[[str], None] | None = None,
) -> Snapshot:
    """The snapshot of `target` with the `wanted` facts, or with every fact that takes no argument."""
    started = clock()
    names = None if wanted is None else sorted({*wanted, *IDENTITY_FACTS})
    facts, runs = collect(target, names, clock=clock, progress=progress)
    return Snapshot(
        tool={"name": "assay", "version": scanner.__version__},
        target={"kind": target.kind, "identity": identity(facts), "digest": target.digest, "layout": target.layout()},
        facts=facts,
        limits={"budgets": dict(BUDGETS), "reached": _reached(facts)},
        run={
            "collected_at": instant(started),
            "clock": "system",
            "duration_ms": int((clock() - started) * 1000),
            "collectors": [
                {
                    "id": run.id,
                    "started": instant(run.started),
                    "duration_ms": int(run.duration * 1000),
                    "error": run.error,
                }
                for run in runs
            ],
        },
    )


def instant(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(facts: dict[str, Fact]) -> dict[str, Json]:
    """What the target calls itself, from the facts; null where it was not found."""
    release = _value(facts, "os.release") or {}
    return {
        "platform": "linux",
        "os_id": release.get("id"),
        "os_like": release.get("id_like") or [],
        "os_name": release.get("pretty_name") or release.get("name"),
        "os_version": release.get("version_id"),
        "platform_id": release.get("platform_id"),
        "variant_id": release.get("variant_id"),
        "image_version": release.get("image_version") or release.get("ostree_version"),
        "arch": _value(facts, "os.arch"),
        "host_name": _value(facts, "host.name"),
    }


def _value(facts: dict[str, Fact], name: str) -> Json:
    fact = facts.get(name)
    return fact.value if fact is not None and fact.state == "present" else None


def _reached(facts: dict[str, Fact]) -> list[Json]:
    found: list[Json] = []
    for name in sorted(facts):
        fact = facts[name]
        reasons = [fact.reason] if fact.state == "error" and fact.reason else []
        found.extend(
            {"fact": name, "reason": reason}
            for reason in (*reasons, *fact.gaps)
            if reason is not None and reason.startswith("limit")
        )
    return found
