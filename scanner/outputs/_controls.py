"""Controls as checklists need them: the publisher's names and texts, the worst severity, and what was found as lines.

The publisher's own wording is used where a user supplied it (`assay report --texts`); without it our wording is
written, and `wording` says which one it is. A text of another revision than the one that was judged is not used: a pass
under its id would be a pass of something that nobody checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from scanner.frameworks.texts import Text, official, source_of
from scanner.model.control import FITS
from scanner.outputs._findings import ControlFinding, Finding, FrameworkAbout, Reading
from scanner.outputs._text import visible, visible_tree
from scanner.outputs._words import COVERAGE_WORDS, SEVERITIES

__all__ = ["OUR_WORDING", "PUBLISHERS_WORDING", "Checked", "Section", "sections_of", "wording"]

OUR_WORDING = "Titles, checks and fixes are Assay's own wording; the publisher's texts were not supplied."
PUBLISHERS_WORDING = "Titles, checks and fixes are the publisher's where they were supplied, else Assay's own wording."

_NO_TEXT = Text("", "")
_ALONE = "without-framework"


@dataclass(frozen=True, slots=True)
class Checked:
    """A control with its results. `props`: what the publisher calls it; `text`: the publisher's wording, or empty.

    `revised`: rule id of a text that was supplied but is of another revision, and so not used; else empty.
    """

    about: FrameworkAbout
    finding: ControlFinding
    props: Mapping[str, Any]
    text: Text
    revised: str = ""

    @property
    def id(self) -> str:
        """The control's id as it is printed."""
        return self.finding.id

    @property
    def status(self) -> str:
        """One of CONTROL_STATUSES."""
        return self.finding.status

    @property
    def severity(self) -> str:
        """The publisher's, else the worst of the rules behind it; empty when neither says."""
        given = self.text.severity or self.props.get("severity")
        if given in SEVERITIES:
            return str(given)
        return min((one.severity for one in self.finding.results), key=SEVERITIES.index, default="")

    @property
    def title(self) -> str:
        """The publisher's title, else ours."""
        return self.text.title or self.finding.title

    @property
    def check(self) -> str:
        """How it is checked: the publisher's text, else what the rules expect, else the question for a person."""
        expected = [f"{one.title}: expected {one.expected}" for one in self.finding.results]
        return self.text.check or "\n".join(expected) or self.finding.note

    @property
    def fix(self) -> str:
        """What to do: the publisher's text, else the remedies of the rules."""
        return self.text.fix or "\n".join(_once(_remedy(one) for one in self.finding.results))

    @property
    def discussion(self) -> str:
        """What is asked and why: the publisher's statement and discussion, else the reasons of the rules."""
        official = "\n\n".join(filter(None, (self.text.text, self.text.discussion)))
        return official or "\n".join(_once(one.rationale for one in self.finding.results))

    @property
    def details(self) -> str:
        """What was found, line by line: status with its half, then each result with expected, found, where, digests."""
        coverage = COVERAGE_WORDS.get(self.finding.coverage, self.finding.coverage)
        lines = [f"Assay: {self.finding.status_words}. Coverage: {coverage}."]
        for one in self.finding.results:
            lines += ["", f"{one.instance} ({one.severity})", *one.lines, *_digests(one)]
        if not self.finding.results:
            lines.append("No rule of Assay judged this control: nothing was shown.")
        return "\n".join(lines)

    @property
    def comments(self) -> str:
        """What people said of it, line by line: waivers, an answer, the question that stays open, how well it fits."""
        lines = _once(one.waiver_words for one in self.finding.results)
        lines += [self.finding.answered_words] if self.finding.answered else []
        lines += [f"Note: {self.finding.note}"] if self.finding.note else []
        if self.revised:
            lines.append(f"The text supplied is of {self.revised}, another revision than was judged: it is not used.")
        if self.about.fit != "exact":
            lines.append(f"Fit: {self.about.fit_words}.")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Section:
    """A framework with its controls."""

    about: FrameworkAbout
    controls: tuple[Checked, ...]

    @property
    def half(self) -> int:
        """How many of its controls rest on the persistent half alone."""
        return sum(bool(one.finding.half) for one in self.controls)


def _digests(finding: Finding) -> list[str]:
    """`SHA-256 of /etc/x: …` for every source that has one, in order."""
    return _once(f"SHA-256 of {place.source}: {place.sha256}" for place in finding.places if place.sha256)


def sections_of(assessment: Mapping[str, Any], reading: Reading) -> tuple[Section, ...]:
    """Every framework with its controls as the assessment orders them, then the results that serve no control."""
    found: dict[str, list[Checked]] = {name: [] for name in reading.frameworks}
    for raw, finding in zip(assessment["controls"], reading.controls, strict=True):
        about = reading.frameworks.get(finding.framework)
        if about is not None:
            props, text = visible_tree(raw.get("props") or {}), _text(assessment, raw)
            revised = text.rule_id if text.rule_id != props.get("rule", text.rule_id) else ""
            found[finding.framework].append(Checked(about, finding, props, _NO_TEXT if revised else text, revised))
    sections = [Section(reading.frameworks[name], tuple(controls)) for name, controls in found.items()]
    alone = [one for one in reading.results if not any(name in found for name, _ in one.controls)]
    return (*sections, *([_without_framework(reading, alone)] if alone or not sections else []))


def _without_framework(reading: Reading, results: Sequence[Finding]) -> Section:
    """Results that no framework's control asked for (a profile of plain rules), each as a control of its own."""
    statuses = [one.status for one in results]
    worst = max((one["fit"] for one in reading.profiles if one["fit"] in FITS), key=FITS.index, default="exact")
    about = FrameworkAbout(
        id=_ALONE,
        title="Rules without a framework",
        short="Assay rules",
        version=reading.tool_version,
        publisher=reading.tool,
        kind="rules",
        fit=worst,
        fit_reason="; ".join(dict.fromkeys(str(one.get("fit_reason") or "") for one in reading.profiles)),
        fit_note="",
        counts={status: statuses.count(status) for status in dict.fromkeys(statuses)},
        coverage={"automated": len(results)},
        rules_selected=len(results),
        rules_judged=sum(status in ("pass", "fail") for status in statuses),
    )
    return Section(
        about,
        tuple(
            Checked(
                about,
                ControlFinding(_ALONE, one.instance, one.title, one.status, "automated", "", None, (one,)),
                {},
                _NO_TEXT,
            )
            for one in results
        ),
    )


def wording(assessment: Mapping[str, Any], sections: Iterable[Section]) -> str:
    """Whose words the titles, checks and fixes are, and from which files: a sentence that every format carries."""
    sources = []
    for about in (section.about for section in sections):
        source = source_of(assessment, about.id)
        if source is not None:
            edition = " ".join(filter(None, (source.version, source.release)))
            other = "" if source.matches else f"; the rules judge by {about.version}, revised controls keep our words"
            sources.append(f"{about.short}: {source.source} ({edition}, sha256 {source.sha256}{other}).")
    return visible(" ".join([PUBLISHERS_WORDING, *sources])) if sources else OUR_WORDING


def _text(assessment: Mapping[str, Any], raw: Mapping[str, Any]) -> Text:
    """The publisher's wording of a control. Line ends stay, everything else that is not seen is spelled out."""
    text = official(assessment, raw["framework"], raw["id"])
    if text is None:
        return _NO_TEXT
    return Text(**{one.name: _clean(getattr(text, one.name)) for one in fields(Text)})


def _clean(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(visible(str(one)) for one in value)
    return "\n".join(visible(line) for line in str(value).splitlines())


def _remedy(finding: Finding) -> str:
    return "\n".join([finding.remedy, *(f"  {command}" for command in finding.commands)]).strip("\n")


def _once(lines: Iterable[str]) -> list[str]:
    """The lines that say something, each once, in order."""
    return list(dict.fromkeys(line for line in lines if line))
