"""Making tens of thousands of components quickly.

A frozen dataclass sets every field by a call of its own: 4 µs for those of a `Component`, a fifth of a second for a
document of 50,000. A draft has the same fields and is not frozen; once filled (in a third of that time) it becomes a
`Component`, which Python allows for classes of one layout.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any

from scanner.supply_chain.model import Component

__all__ = ["Draft", "finished"]

Draft: Any = make_dataclass(
    "Draft",
    [
        (
            one.name,
            Any,
            field(default_factory=one.default_factory)
            if one.default_factory is not MISSING
            else field(default=one.default),
        )
        for one in fields(Component)
    ],
    slots=True,
)
"""Takes the arguments of `Component`."""


def finished(draft: Any) -> Component:
    """The draft itself as a component: frozen from now on."""
    draft.__class__ = Component
    made: Component = draft
    return made
