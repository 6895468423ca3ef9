"""Verifying a bundle, link by link: who signed it, that it is whole, and that its evidence gives its verdicts.

Whatever the bundle says is believed, and shown, only after its signature holds. Then the files are still the signer's
word: they are held against their schemas, each other, the chain and the released rules, and the judgement is made again
here. The first link that fails ends it; rules that nobody trusts are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.bundle.case import Case
from scanner.bundle.performing import content_link, judgement_link, openings_link, packed_content, reports_link
from scanner.bundle.summary import summary_of
from scanner.bundle.verdict import Link, Verified
from scanner.bundle.wholeness import chain_link, files_link, read_manifest, subjects_of
from scanner.bundle.witnesses import signature_link, timestamp_link
from scanner.frameworks.catalog import frameworks
from scanner.model.errors import AssayError

__all__ = ["verify_bundle"]


def verify_bundle(case: Case) -> Verified:
    """Verify the files of a bundle. Never raises for what is in them: a link fails, with the reason."""
    links: list[Link] = []
    content: Mapping[str, Any] | None = None
    step = "signature"
    try:
        links.append(signature_link(case))
        step = "timestamp"
        links.append(timestamp_link(case))
        step = "manifest"
        manifest, link = read_manifest(case)
        links.append(link)
        step = "files"
        links.append(files_link(case, manifest))
        step = "schemas"
        subjects, link = subjects_of(case, manifest)
        links.append(link)
        step = "chain"
        links.append(chain_link(case, manifest))
        step = "content"
        content, link = content_link(case, manifest)
        links.append(link)
        if link.state == "failed":
            return Verified(tuple(links), content=content)
        packed = packed_content(case, manifest)
        step = "judgement"
        links.append(judgement_link(case, manifest, subjects, packed))
        step = "reports"
        links.append(reports_link(case, manifest, subjects))
        step = "openings"
        links.append(openings_link(case, manifest))
    except AssayError as error:
        return Verified((*links, Link(step, "failed", error.message)), content=content)
    catalogs = {name: len(one.controls) for name, one in frameworks(packed).items()}
    summaries = tuple(
        summary_of(assessment, catalogs, target["taken"], case.today)
        for (_, assessment), target in zip(subjects, manifest["targets"], strict=True)
    )
    return Verified(tuple(links), manifest, content, summaries)
