"""The verdict on a bundle in words: the decision, each link with what it rests on, then what the bundle says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scanner.outputs.table import clean, in_order

__all__ = ["text"]

_SYMBOLS = {"ok": "✓", "failed": "✗", "not_checked": "–"}


def text(document: Mapping[str, Any], name: str) -> str:
    """A document of the schema `assay/bundle-verify/v1` as lines. Of a bundle that failed, only why."""
    failed = [one["link"] for one in document["links"] if one["state"] == "failed"]
    verdict = f"NOT VERIFIED ({', '.join(failed)})" if failed else "VERIFIED"
    lines = [f"{verdict}: {clean(name)}"]
    lines += [f"  {_SYMBOLS[one['state']]} {one['link']:<10} {clean(one['detail'])}" for one in document["links"]]
    manifest = document["manifest"]
    if manifest is not None:
        lines += ["", f"made by Assay {clean(manifest['tool']['version'])} at {manifest['created_at']}"]
        for target, assessment in zip(manifest["targets"], document["assessments"], strict=True):
            lines += _target(target, assessment)
    return "\n".join(lines) + "\n"


def _target(target: Mapping[str, Any], assessment: Mapping[str, Any]) -> Iterator[str]:
    identity = target["identity"]
    system = clean(" ".join(str(identity[key]) for key in ("os_id", "os_version") if identity.get(key)))
    whole = "" if assessment["complete"] else ", INCOMPLETE"
    yield f"{system or 'unnamed system'} ({clean(target['kind'])}), judged {assessment['evaluated_at']}{whole}"
    if target["digest"]:
        yield f"  {clean(target['digest'])}"
    for one in assessment["profiles"]:
        own = ", THE SIGNER'S OWN" if one["own"] else ""
        left = f", {one['left_out']} patterns of rules left out" if one["left_out"] else ""
        yield f"  profile {clean(one['id'])} ({clean(one['title'])}{own}{left}), {one['min_coverage']} % wanted"
    shaped = [
        f"{assessment[name]} {word}"
        for name, word in (
            ("params", "values of parameters given by the signer"),
            ("waivers", "waivers"),
            ("waivers_expired", "of them expired since"),
            ("answers", "answers by people"),
        )
        if assessment[name]
    ]
    if shaped:
        yield f"  {', '.join(shaped)}"
    for name, one in assessment["frameworks"].items():
        counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in in_order(one["counts"]))
        part = f", {one['controls']} of its {one['catalog']} controls" if one["controls"] < one["catalog"] else ""
        yield f"  {clean(name)} ({one['fit'].replace('_', ' ')}{part}): {counts}"
    if assessment["taken"]:
        words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in in_order(assessment["taken"]))
        yield f"  of the results, these rest on hidden values and are the signer's word: {words}"
