"""A small pack in which every section and every status occurs."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cache
from typing import Any

from scanner.outputs.pack.logo import check_logo
from scanner.outputs.pack.model import Attachment, Brand, File, Pack, Sbom, Subject
from scanner.supply_chain.checking import check
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.loading.opening import open_bom
from tests.outputs.report_sample import large, sample

CREATED = "2026-11-21T08:00:00Z"
POLICY = "attachments/01-policy.pdf"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def png() -> bytes:
    """A logo, with transparency as logos have it."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGBA", (60, 20), (10, 60, 120, 128)).save(out, "PNG")
    return out.getvalue()


def sbom(version: str) -> bytes:
    """A bill of materials of a release."""
    parts = [{"type": "library", "name": name, "version": version} for name in ("alpha", "beta")]
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": parts}).encode()


@cache
def _supply() -> tuple[dict[str, Any], dict[str, Any]]:
    """(result of a check, comparison of two releases), as the commands write them."""
    old, new = open_bom(sbom("1.0.0"), "old.json"), open_bom(sbom("3.0.0"), "new.json")
    found = check(new, sbom("3.0.0")).to_json()
    return {"validity": found.pop("schema"), **found}, compare(old, new).to_json()


VERIFIED: dict[str, Any] = {
    "schema": "assay/verify/v1",
    "artifact": {
        "name": "velaos.oci",
        "kind": "image",
        "digest": "sha256:" + _sha("i"),
        "listed_by": [],
        "platform": "",
    },
    "state": "failed",
    "ok": False,
    "reason": "no wanted signer signed it",
    "counted": [],
    "findings": [
        {
            **dict.fromkeys(("reason", "predicate_type", "verdict", "time", "time_source", "statement"), ""),
            "kind": "simple_signing",
            "state": "unsupported",
            "ok": False,
            "place": "layer 1",
            "signer": {"key": "sha256:" + _sha("k")},
            "subject": "",
            "details": {},
        }
    ],
    "notes": ["one signature uses an algorithm that is not known here"],
}


def subject(assessment: dict[str, Any], **limits: Any) -> Subject:
    run = {
        "collected_at": "2026-11-19T09:30:00Z",
        "clock": "system",
        "collectors": [{"id": "rpmdb", "error": "malformed: offset 4096"}, {"id": "sshd", "error": None}],
    }
    return Subject(assessment, run, {"reached": [], **limits})


def pack(*assessments: dict[str, Any], **more: Any) -> Pack:
    """A pack with everything in it; of these assessments, or of the sample."""
    checked, changed = _supply()
    subjects = tuple(subject(one, reached=["max_file"]) for one in assessments or (sample(),))
    given: dict[str, Any] = {
        "created_at": CREATED,
        "clock": "system",
        "tool": {"name": "assay", "version": "0.1.0"},
        "content": {"digest": "sha256:" + _sha("content"), "overrides": ["rules/own.yaml"]},
        "subjects": subjects,
        "chain": "velaos",
        "key": "sha256:" + _sha("key"),
        "brand": Brand(name="ACME Procurement", logo=check_logo(png(), "logo.png"), signer="E. Muster", role="CISO"),
        "sboms": (
            Sbom("sbom/01-new.json", 200, _sha("s"), checked),
            Sbom("sbom/02-bad.json", 3, _sha("b"), None, "this is no SBOM"),
        ),
        "diffs": (("sbom-diff/01-diff.json", changed),),
        "signatures": (("signatures/01-verify.json", VERIFIED),),
        "attachments": (Attachment(POLICY, 9, _sha("p"), "cis-rhel10", "6.1.2"),),
        "previous": {"manifest": _sha("before"), "created_at": "2026-08-01T00:00:00Z"},
        "redaction": {"level": "network", "hidden": 3},
        "files": (
            File("content/rules/a.yaml", 4096, _sha("a"), "content"),
            File(POLICY, 9, _sha("p"), "attachment"),
            File("sbom-diff/02-other.json", 2, _sha("o"), "sbom-diff"),
            File("targets/01/assessment.json", 30_000, _sha("t"), "assessment"),
        ),
    }
    return Pack(**(given | more))


def bare(assessment: dict[str, Any]) -> Pack:
    """A pack of an assessment and nothing else."""
    content = {"digest": assessment["content_digest"], "overrides": []}
    return Pack(CREATED, "system", assessment["tool"], content, (subject(assessment),))


def budget() -> Pack:
    """434 + 328 controls, as the budget names them."""
    return bare(large())
