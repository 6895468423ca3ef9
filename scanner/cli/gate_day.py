"""The day of a gate, on which waivers hold or have expired."""

from __future__ import annotations

import time

from scanner.cli import shared

__all__ = ["gate_instant"]


def gate_instant(clock: str) -> str:
    """What `--clock` says, else the real time, RFC 3339 in UTC. Neither SOURCE_DATE_EPOCH nor a setting counts: a build
    that pins its clock for the sake of its bytes would bring back waivers that have expired. Raises UsageError."""
    from scanner.collectors.take import instant

    return shared.now(clock) if clock else instant(time.time())
