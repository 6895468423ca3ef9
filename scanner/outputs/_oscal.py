"""What the three OSCAL documents share: metadata, properties, the target and the tool, observations and risks.

OSCAL 1.2.1, JSON form. Names that OSCAL does not define stand in properties with our namespace. A text never has a line
end where OSCAL takes one line only, and tokens are made by `_identifiers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scanner.outputs._controls import Checked, Section
from scanner.outputs._findings import Finding, FrameworkAbout, Reading
from scanner.outputs._identifiers import identifier, token, tokens

__all__ = [
    "Json",
    "catalogs",
    "control_ids",
    "framework_props",
    "inventory_item",
    "line",
    "metadata",
    "observation",
    "prop",
    "risk",
    "tool_assets",
    "without_empty",
]

Json = dict[str, Any]

_NS = "urn:assay:oscal"
_VERSION = "1.2.1"
_SEEN = ("pass", "fail", "error")


def line(text: str) -> str:
    """`text` on one line without blanks at its ends; never empty, as OSCAL wants values."""
    return " ".join(text.split()) or "-"


def prop(name: str, value: object, *, kind: str = "", remarks: str = "") -> Json:
    """A property in our namespace. `kind` is its OSCAL `class`."""
    found: Json = {"name": name, "ns": _NS, "value": line(str(value))}
    if kind:
        found["class"] = token(kind)
    if remarks:
        found["remarks"] = remarks
    return found


def without_empty(members: Mapping[str, Any]) -> Json:
    """The members that hold something: OSCAL allows no empty list."""
    return {key: value for key, value in members.items() if value not in (None, "", [], {})}


def metadata(reading: Reading, title: str, words: str) -> Json:
    """Metadata of a document made at the time of the assessment. `words`: whose wording the titles are."""
    remarks = [words, *(f"Not complete: {reason}." for reason in reading.reasons)]
    return {
        "title": line(title),
        "last-modified": reading.time,
        "version": line(reading.time),
        "oscal-version": _VERSION,
        "props": [
            prop("tool", reading.tool),
            prop("tool-version", reading.tool_version),
            prop("content-sha256", reading.content_digest),
            prop("facts-sha256", reading.facts_digest),
            prop("complete", "yes" if reading.complete else "no"),
            *(prop("profile", one["id"], remarks=f"halves required: {one['require']}") for one in reading.profiles),
        ],
        "remarks": "\n".join(remarks),
    }


def catalogs(sections: Iterable[Section], seed: str) -> dict[str, Json]:
    """Framework -> back-matter resource that names it; an OSCAL catalog of it is not part of the file."""
    found = {}
    for about in (section.about for section in sections):
        fit = f"Fit: {about.fit_words}. {about.fit_note}".rstrip()
        found[about.id] = {
            "uuid": identifier(seed, "catalog", about.id),
            "title": line(f"{about.title} {about.version}"),
            "description": f"The framework {about.id}, version {about.version}. {fit}",
        }
    return found


def control_ids(controls: Iterable[Checked]) -> dict[str, str]:
    """Printed control id -> OSCAL token: NIST's own where the catalog has it (`ac-2.1`), else a token of ours."""
    listed = list(controls)
    made = tokens(one.id for one in listed)
    given = {one.id: str(one.props.get("oscal") or "") for one in listed}
    return {name: own if own and token(own) == own else made[name] for name, own in given.items()}


def tool_assets(reading: Reading, tool: str, platform: str) -> Json:
    """The scanner as the asset that assessed; `tool` and `platform` are UUIDs."""
    return {
        "components": [
            {
                "uuid": tool,
                "type": "software",
                "title": line(f"{reading.tool} {reading.tool_version}"),
                "description": "Compliance and supply-chain evidence scanner.",
                "status": {"state": "operational"},
            }
        ],
        "assessment-platforms": [{"uuid": platform, "uses-components": [{"component-uuid": tool}]}],
    }


def inventory_item(reading: Reading, item: str) -> Json:
    """The target; `item` is its UUID."""
    known = [(key, value) for key, value in sorted(reading.identity.items()) if isinstance(value, str) and value]
    digest = [prop("target-sha256", reading.target_digest)] if reading.target_digest else []
    return {
        "uuid": item,
        "description": f"{reading.target} ({reading.kind or 'kind not stated'})",
        "props": [
            prop("kind", reading.kind),
            *(prop(token(key.replace("_", "-")), value) for key, value in known),
            *digest,
        ],
    }


def observation(one: Finding, reading: Reading, *, uuid: str, tool: str, item: str) -> Json:
    """One result: how it was looked at, what was expected and found, and the evidence with its digests."""
    props = [
        prop("rule", one.rule),
        prop("instance", one.instance),
        prop("status", one.status),
        prop("severity", one.severity),
        *(prop(f"facet-{token(half)}", status) for half, status in one.facets.items()),
        *([prop("half", one.half, remarks=one.half_words)] if one.half else []),
        *([prop("claim-verdict", one.claim_verdict)] if one.claim_verdict else []),
    ]
    if one.waiver is not None:
        state = "expired" if one.waiver["expired"] else "valid"
        props.append(prop("waiver", one.waiver["id"], kind=state, remarks=one.waiver_words))
    return without_empty(
        {
            "uuid": uuid,
            "title": line(one.title),
            "description": "\n".join([line(one.title), *one.lines]),
            "props": props,
            "methods": _methods(one),
            "types": ["control-objective"],
            "origins": [{"actors": [{"type": "tool", "actor-uuid": tool}]}],
            "subjects": [{"subject-uuid": item, "type": "inventory-item"}],
            "relevant-evidence": [
                without_empty(
                    {
                        "description": place.text or "-",
                        "props": [prop("sha256", place.sha256)] if place.sha256 else [],
                    }
                )
                for place in one.places
            ],
            "collected": reading.time,
        }
    )


def _methods(one: Finding) -> list[str]:
    """EXAMINE for what is configured, TEST for what runs (SP 800-53A); UNKNOWN when neither half was looked at."""
    found = []
    if one.facets.get("persistent") in _SEEN:
        found.append("EXAMINE")
    if one.facets.get("runtime") in _SEEN:
        found.append("TEST")
    return found or ["UNKNOWN"]


def risk(one: Finding, *, uuid: str, status: str, observed: Sequence[str], remedy: str = "") -> Json:
    """The risk of a result that is no pass. `remedy`: UUID of the recommendation, where one is wanted.

    A waiver that holds makes the status `deviation-approved` with its last day as deadline, and nothing else.
    """
    waiver = one.waiver if one.waived else None
    steps = "\n".join([one.remedy, *one.commands])
    return without_empty(
        {
            "uuid": uuid,
            "title": line(one.title),
            "description": one.waiver_words or line(f"{one.title}: {one.status_words}"),
            "statement": "\n".join(filter(None, [one.rationale, *one.lines])),
            "props": [prop("severity", one.severity), prop("instance", one.instance), prop("status", one.status)],
            "status": "deviation-approved" if waiver else status,
            "deadline": _end_of(str(waiver["expires"])) if waiver else None,
            "remediations": [
                {
                    "uuid": remedy,
                    "lifecycle": "recommendation",
                    "title": line(f"Remedy: {one.title}"),
                    "description": steps,
                }
            ]
            if remedy and steps.strip()
            else [],
            "related-observations": [{"observation-uuid": name} for name in observed],
        }
    )


def _end_of(day: str) -> str:
    """The last second of a day; empty for what is none: the words of the waiver have it as it stands."""
    return f"{day}T23:59:59Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII) else ""


def framework_props(about: FrameworkAbout) -> list[Json]:
    """How a framework fits the target, and how much of it was judged."""
    return [
        prop("framework", about.id),
        prop("fit", about.fit, remarks=f"{about.fit_words}. {about.fit_note}".rstrip()),
        prop("rules-selected", about.rules_selected),
        prop("rules-judged", about.rules_judged),
    ]
