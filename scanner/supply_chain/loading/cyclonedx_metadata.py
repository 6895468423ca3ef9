"""Who made a CycloneDX document, with what, and when in the life of the product.

Source: CycloneDX 1.2 to 1.7, metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.supply_chain.loading import cyclonedx_values as values
from scanner.supply_chain.loading.base import Drops

__all__ = ["lifecycle", "made_by", "tools"]


def made_by(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The organisation (1.6), then the persons, each as `name <mail or URL>`."""
    found: list[str] = []
    people = metadata.get("authors")
    for one in [metadata.get("manufacturer"), *(people if isinstance(people, list) else [people])]:
        name, reach = values.entity(one), values.contact(one)
        if name or reach:
            found.append(f"{name} <{reach}>" if name and reach and name != reach else name or reach)
    return tuple(found)


def tools(value: Any, drops: Drops) -> tuple[str, ...]:
    """`name version` of every tool: a list (to 1.4), or components and services (from 1.5)."""
    lists = [value]
    if isinstance(value, dict) and ("components" in value or "services" in value):
        lists = [value.get("components"), value.get("services")]
    found: list[str] = []
    for some in lists:
        for _, one in values.objects(some, "tool", "/metadata/tools", drops):
            name = values.text(one.get("name")) or values.text(one.get("vendor"))
            if name:
                found.append(f"{name} {values.text(one.get('version'))}".strip())
    return tuple(found)


def lifecycle(value: Any, drops: Drops) -> str:
    """The first phase, or the name of one that the document defines itself."""
    phases = [
        values.text(one.get("phase")) or values.text(one.get("name"))
        for _, one in values.objects(value, "lifecycle", "/metadata/lifecycles", drops)
    ]
    if len(phases) > 1:
        drops.add("lifecycle", "only the first is kept", "/metadata/lifecycles", len(phases) - 1)
    return phases[0] if phases else ""
