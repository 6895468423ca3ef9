"""Frameworks, their controls, and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from scanner.model.records import dataclass

__all__ = ["ASSESSMENTS", "COVERAGE", "FITS", "Control", "Fit", "Framework", "Profile", "Selection"]

ASSESSMENTS = ("automated", "partial", "manual", "inherited", "not_applicable")
"""How a control can be judged at all, as its catalog states."""

COVERAGE = ("automated", "partial", "manual", "inherited", "not_applicable", "not_yet")
"""How Assay covers a control today."""

FITS = ("exact", "by_analogy", "foreign")


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement of a framework. `note`: the question for a person, who provides it, or why it does not apply."""

    id: str
    title: str
    assessment: str
    parent: str | None = None
    levels: tuple[str, ...] = ()
    note: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fit:
    """A line of the fit table: systems whose os-release says `os_id` (any with "*") and major version."""

    os_id: str
    fit: str
    major: str | None = None


@dataclass(frozen=True, slots=True)
class Framework:
    """A catalog with its mapping to rules.

    `coverage`: control -> full or partial, where the mapping states it; `params`: rule -> values this framework wants;
    `extra_rules`: control -> rules mapped here, not in the rule; `benchmark`: id, title, version, release and date, as
    the publisher's own files have them.
    """

    id: str
    title: str
    short: str
    version: str
    publisher: str
    source: str
    text: str
    controls: Mapping[str, Control]
    fit: tuple[Fit, ...]
    kind: str = "requirements"
    by_analogy_note: str = ""
    coverage: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extra_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    benchmark: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a profile takes of one framework: all controls, or those of the given levels or ids."""

    framework: str
    levels: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """Chosen rules and parameter values.

    `only`, `rules_in` and `rules_out` are patterns over `area/rule-id` or rule ids: what of the frameworks' rules is
    taken, what is added, what is left out. `require`: target kind -> `both` or `persistent` (the halves a verdict
    needs). `min_coverage`: percent of the applicable rules that must get a real verdict, below which the assessment is
    incomplete (exit code 3). `default_for`: system ids that choose this profile by themselves. `document`: the text of
    a user's own file, None for a shipped profile.
    """

    id: str
    title: str
    frameworks: tuple[Selection, ...]
    about: str = ""
    only: tuple[str, ...] = ()
    rules_in: tuple[str, ...] = ()
    rules_out: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    require: Mapping[str, str] = field(default_factory=dict)
    min_coverage: int = 80
    fit: tuple[Fit, ...] = ()
    default_for: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    document: str | None = None
