"""A fact: one typed observation about a target, with its state and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias

from scanner.model.records import dataclass

__all__ = ["FACT_KINDS", "SENSITIVE", "STATES", "Evidence", "Facet", "Fact", "FactSpec", "Json", "State"]

Json: TypeAlias = Any
"""What canonical JSON can hold: None, bool, int, str, list and dict of these. Never a float."""

State: TypeAlias = Literal["present", "absent", "not_collected", "error"]
Facet: TypeAlias = Literal["persistent", "runtime"]
FactKind: TypeAlias = Literal["value", "object", "table"]

STATES: tuple[State, ...] = ("present", "absent", "not_collected", "error")
FACT_KINDS: tuple[FactKind, ...] = ("value", "object", "table")
SENSITIVE = ("host", "address", "serial", "user")
"""What a value may name that outsiders need not know."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where something was read: a path or device, a line (1-based) or byte offset, SHA-256 of what was read.

    `sha256` is None where the source may hold a secret: a plain digest would be a guessing oracle.
    """

    source: str
    line: int | None = None
    offset: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FactSpec:
    """The declaration of a fact: what a collector promises and what a rule may ask for.

    `kind`: `value` (text, number, flag or list of texts), `object` (one record) or `table` (list of records).
    `fields` names every field of the record(s): field -> "type: one sentence". In a record every declared field
    stands; null means "looked, not set"; a field that is missing was not looked at.
    `on_demand`: costs more than all the rest (it reads every file of its subject), so it is collected only when a
    selected rule asks for it. `argument`, when set, says what a rule must add to ask for it: `files.entry:/etc/passwd`.
    `sensitive`: fields (the empty name: the value itself) that name a person, a machine or a place in a network, with
    the word of SENSITIVE for what they name; a bundle for outsiders hides them. `value[key=mailto,mailfrom]` marks the
    field `value` of those records alone whose `key` is one of these, in any case.
    """

    name: str
    kind: FactKind
    about: str
    facet: Facet = "persistent"
    fields: Mapping[str, str] = field(default_factory=dict)
    argument: str | None = None
    on_demand: bool = False
    sensitive: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """One observation.

    `state`: present (value holds it), absent (looked, it is not there), not_collected (nobody looked), error (tried
    and failed). `complete` is False when a table or object may lack something that could not be read; `gaps` then says
    what. A rule never passes on what an incomplete table does not show.
    """

    name: str
    state: State
    facet: Facet = "persistent"
    value: Json = None
    reason: str | None = None
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True when nothing that belongs to this fact was left unread."""
        return not self.gaps
