"""Official texts: the publisher's own wording of controls, as a user imported it from the publisher's files.

They are no part of the content and never change a verdict. An assessment document that is about to be rendered carries
them under `texts` (docs/frameworks.md, "Official texts"); an assessment file does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scanner.model.canonical import digest
from scanner.model.records import dataclass

__all__ = ["TEXTS_SCHEMA", "Source", "Text", "official", "source_of", "with_texts", "without_texts"]

TEXTS_SCHEMA = "assay/texts/v1"


@dataclass(frozen=True, slots=True)
class Text:
    """A control in its publisher's words. What a kind of document does not have is empty.

    `text`: the statement with its parts, parameters inserted; empty in a STIG, whose title is the requirement.
    `rule_id`: with its revision. `check_id`, `check_file`, `fix_id`: what the XCCDF refers to them by. `reference`:
    number of the publisher's target. All is plain text of a stranger, with line breaks.
    """

    id: str
    title: str
    text: str = ""
    discussion: str = ""
    oscal_id: str = ""
    group_id: str = ""
    group_title: str = ""
    rule_id: str = ""
    severity: str = ""
    weight: str = ""
    check: str = ""
    check_id: str = ""
    check_file: str = ""
    fix: str = ""
    fix_id: str = ""
    reference: str = ""
    ccis: tuple[str, ...] = ()
    legacy_ids: tuple[str, ...] = ()
    false_positives: str = ""
    false_negatives: str = ""
    documentable: str = ""
    mitigations: str = ""
    severity_override_guidance: str = ""
    potential_impacts: str = ""
    third_party_tools: str = ""
    mitigation_control: str = ""
    responsibility: str = ""
    ia_controls: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry of `controls`; what is empty is left out, but for the keys that every control has."""
        values = {name: getattr(self, name) for name in _NAMES}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value or name in ALWAYS
        }


ALWAYS = ("id", "title", "text", "discussion")
_NAMES = tuple(one.name for one in fields(Text))


@dataclass(frozen=True, slots=True)
class Source:
    """Where the texts of a framework are from.

    `source`: file name as imported; `sha256`: of that file; `benchmark`, `version`, `release`: the publisher's words.
    `matches`: whether it is the version of our catalog; `digest`: of the imported texts.
    """

    title: str
    benchmark: str
    version: str
    release: str
    source: str
    sha256: str
    digest: str
    matches: bool


def with_texts(assessment: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The assessment document with imported texts by framework; those of other frameworks are left out.

    The documents fit the published schema `texts`.
    """
    kept = without_texts(assessment)
    texts = {
        name: {
            **{key: value for key, value in document.items() if key not in ("schema", "framework")},
            "digest": digest(document),
        }
        for name, document in documents.items()
        if name in assessment["summary"]
    }
    return {**kept, "texts": texts} if texts else kept


def without_texts(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """The assessment alone: what an assessment file holds, and what is embedded elsewhere."""
    return {key: value for key, value in assessment.items() if key != "texts"}


def official(assessment: Mapping[str, Any], framework: str, control: str) -> Text | None:
    """The publisher's text of a control; None when nobody supplied it."""
    raw = _entry(assessment, framework).get("controls", {}).get(control)
    if raw is None:
        return None
    known: dict[str, Any] = {
        name: tuple(raw[name]) if isinstance(raw[name], list) else raw[name] for name in _NAMES if name in raw
    }
    return Text(**known)


def source_of(assessment: Mapping[str, Any], framework: str) -> Source | None:
    """Where the texts of a framework are from; None when nobody supplied them."""
    raw = _entry(assessment, framework)
    if not raw:
        return None
    texts = {one.name: raw[one.name] for one in fields(Source) if one.name != "matches"}
    return Source(**texts, matches=raw["check"]["same"])


def _entry(assessment: Mapping[str, Any], framework: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = assessment.get("texts", {}).get(framework, {})
    return found
