"""What a check found. `to_json` gives what `assay sbom check --json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scanner.supply_chain.model import Dropped

__all__ = ["CHECK_SCHEMA", "Check", "FieldResult", "ListResult", "Missing", "Problem", "SchemaResult", "Statement"]

CHECK_SCHEMA = "assay/sbom-check/v1"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a schema does not allow, and where (JSON pointer; empty for the whole document)."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class SchemaResult:
    """`state`: valid, invalid or not_checked (then `reason` says why). `problems` are the first ones; `count` is how
    many were counted, and `more` whether counting stopped there."""

    state: str
    schema: str = ""
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    count: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A component that lacks a field."""

    ref: str
    name: str
    version: str
    place: str


@dataclass(frozen=True, slots=True)
class FieldResult:
    """One field of a list.

    `scope`: document or component. `level`: required, if_it_exists (the list wants it where there is such a thing: its
    absence is shown and fails nothing) or beside (it does not stand in a document). `state`: met, unknown_stated (those
    that lack it say so, and the list allows that), missing (nothing or nobody has it), partly, or not_checked (then
    `reason` says why). `present` of `total` have it, `unknown` say that it is not known; `percent` is rounded down, so
    that 100 means all. `examples`: the first of those that lack it, those that do not say so before the others.
    """

    id: str
    title: str
    scope: str
    level: str
    state: str
    present: int
    total: int
    reason: str = ""
    examples: tuple[Missing, ...] = ()
    unknown: int = 0

    @property
    def percent(self) -> int:
        """Whole percent of those that have the field; 100 of none."""
        return 100 * self.present // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class ListResult:
    """One published list. `edition`: which text of it was checked. `state`: met (every required field), missing,
    not_checked (nothing is missing, but a required field could not be judged) or unknown_stated (nothing is missing,
    but some of it is stated to be unknown)."""

    id: str
    title: str
    edition: str
    state: str
    fields: tuple[FieldResult, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence on the quality of the document, with the numbers in it: `part` of `whole`. `good`: whether it is
    what one would wish; None where it is neither good nor bad."""

    id: str
    text: str
    part: int
    whole: int
    good: bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """All that was found out about a document."""

    source: str
    format: str
    spec: str
    encoding: str
    sha256: str
    name: str
    components: int
    relations: int
    vulnerabilities: int
    schema: SchemaResult
    lists: tuple[ListResult, ...]
    quality: tuple[Statement, ...]
    dropped: tuple[Dropped, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data: whole numbers, text, lists; field results carry their percent."""
        document = asdict(self)
        for one, result in zip(document["lists"], self.lists, strict=True):
            for field, counted in zip(one["fields"], result.fields, strict=True):
                field["percent"] = counted.percent
        return document
