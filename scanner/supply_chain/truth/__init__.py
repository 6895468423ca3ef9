"""The truth check: does a bill of materials describe this target? `verify(bom, target)`."""

from __future__ import annotations

from scanner.supply_chain.truth.result import Difference, Truth, Unknown
from scanner.supply_chain.truth.verifying import verify

__all__ = ["Difference", "Truth", "Unknown", "verify"]
