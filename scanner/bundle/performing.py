"""Whether the evidence gives the verdicts: by which rules, judged again, rendered again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import scanner
from scanner.bundle.case import Case, Judged
from scanner.bundle.content import compare, content_of
from scanner.bundle.judging import judged_again, sentence
from scanner.bundle.verdict import Link
from scanner.engine.content import Content
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["content_link", "judgement_link", "openings_link", "packed_content", "reports_link"]

_PREFIX = "content/"


def content_link(case: Case, manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], Link]:
    """How the packed rules differ from the released ones; the link failed when the reader does not trust them."""
    comparison = compare(_sums(manifest), manifest["content"], case.installed, manifest["tool"]["version"])
    trusted = comparison["same"] or comparison["digest"] in case.accepted
    return comparison, Link("content", "ok" if trusted else "failed", comparison["sentence"])


def packed_content(case: Case, manifest: Mapping[str, Any]) -> Content:
    """The packed rules and controls. Raises ContentError."""
    case.say("reading the packed rules")
    return content_of(case.files, _PREFIX, _sums(manifest), manifest["content"], case.installed)


def _sums(manifest: Mapping[str, Any]) -> dict[str, str]:
    listed = [one for one in manifest["files"] if one["role"] == "content"]
    return {one["path"].removeprefix(_PREFIX): one["sha256"] for one in listed}


def judgement_link(case: Case, manifest: Mapping[str, Any], subjects: Sequence[Judged], packed: Content) -> Link:
    """Every assessment judged again: it must come out the same. Raises RefusedError, and what evaluation raises."""
    taken = [target["taken"] for target in manifest["targets"]]
    for number, (snapshot, assessment) in enumerate(subjects, 1):
        case.say(f"judging target {number} again")
        if assessment["content_digest"] != packed.digest:
            raise RefusedError(f"assessment {number} was made with other content than is packed")
        difference = judged_again(snapshot, packed, assessment, taken[number - 1])
        if difference:
            raise RefusedError(f"assessment {number} is not what the evidence gives: {sentence(difference)}")
    made = {assessment["tool"]["version"] for _, assessment in subjects} - {scanner.__version__}
    by = f" (made by Assay {', '.join(sorted(made))}, judged by {scanner.__version__})" if made else ""
    count = sum(map(len, taken))
    word = f"; {count} results rest on hidden values and are the signer's word" if count else ""
    return Link("judgement", "ok", f"{len(subjects)} judged again: the same to the byte{by}{word}")


def reports_link(case: Case, manifest: Mapping[str, Any], subjects: Sequence[Judged]) -> Link:
    """The reports are what the evidence renders, if that was asked. Raises RefusedError."""
    from scanner.bundle.reports import differing

    if not case.reports:
        return Link("reports", "not_checked", "not rendered again (--reports)")
    different = differing(case.files, manifest, subjects, case.say)
    if different:
        raise RefusedError(f"{', '.join(different)}: not what the assessment renders")
    texts = [one["path"] for one in manifest["files"] if one["role"] == "texts"]
    word = f"; the official texts in them ({', '.join(texts)}) are the signer's" if texts else ""
    return Link("reports", "ok", f"rendered again: the same to the byte{word}")


def openings_link(case: Case, manifest: Mapping[str, Any]) -> Link:
    """The values that were laid open are those that were hidden. Raises RefusedError."""
    if not case.openings:
        hidden = manifest["redaction"]
        return Link(
            "openings", "not_checked", f"{hidden['hidden']} values are hidden" if hidden else "nothing is hidden"
        )
    # A value may stand in a waiver alone, and so in the assessment.
    evidence = [case.files[target[key]] for target in manifest["targets"] for key in ("snapshot", "assessment")]
    proven = []
    for one in case.openings:
        if not one.holds() or not any(one.token.encode() in data for data in evidence):
            raise RefusedError(f"the opening of {one.digest[:80]} does not open a value of this bundle")
        proven.append(f"{one.token[:17]}… is {one.value!r}")
    return Link("openings", "ok", "; ".join(proven))
