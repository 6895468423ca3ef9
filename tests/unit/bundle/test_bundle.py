"""A bundle that nobody touched verifies, says what it holds, and is the same to the byte when it is made again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scanner.bundle import container
from scanner.bundle.creating import bundle_files, match_snapshots
from scanner.bundle.manifest import CHECKSUMS, ENVELOPE, MANIFEST, TIMESTAMP
from scanner.bundle.parts import Attachment, Parts, Subject, safe_name
from scanner.bundle.verdict import LINKS
from scanner.bundle.wholeness import previous_of
from scanner.model.errors import InputError, UsageError
from scanner.schemas.reading import read_document
from tests.unit.bundle.pack_lab import CLOCK, CONTENT, listed, made, manifest_of, parts, signed, subject, verify


def test_an_untouched_bundle_verifies_link_by_link() -> None:
    found = verify(made())
    assert found.ok
    assert [one.link for one in found.links] == list(LINKS)
    assert {one.link for one in found.links if one.state == "ok"} == {
        "signature", "manifest", "files", "schemas", "content", "judgement",
    }  # fmt: skip
    document = found.to_json()
    assert document["decision"] == "verified"
    assert document["content"]["same"] is True
    assert len(document["assessments"]) == 2
    read_document(json.dumps(document).encode(), "bundle-verify", document["schema"], "verdict", "")


def test_it_holds_everything_that_the_verdicts_rest_on() -> None:
    files = made()
    roles = {one["role"] for one in manifest_of(files)["files"]}
    assert roles == {
        "assessment", "attachment", "checksums", "content", "instructions", "report", "sbom", "sbom-diff",
        "signatures", "snapshot",
    }  # fmt: skip
    assert {f"content/{name}" for name in CONTENT.paths} <= set(files)
    assert files["attachments/01-Policy-final-.pdf"] == b"%PDF-1.7 policy"
    assessment = json.loads(files["targets/01/assessment.json"])
    assert assessment["inputs"]["profiles"] == [{"id": "velaos", "document": None}]
    assert "W-1" in assessment["inputs"]["waivers"]
    assert assessment["evaluated_at"] == CLOCK
    read_document(files[MANIFEST], "bundle", "assay/bundle/v1", MANIFEST, "")


def test_reports_are_rendered_again_when_asked() -> None:
    found = verify(made(), reports=True)
    assert found.ok
    assert found.links[-2].state == "ok"


def test_the_zip_file_is_one_for_every_reader(tmp_path: Path) -> None:
    name = str(tmp_path / "pack.zip")
    container.write(name, made())
    assert container.read(name) == made()
    with zipfile.ZipFile(name) as opened:
        assert opened.testzip() is None
        assert {one: opened.read(one) for one in opened.namelist()} == made()
        assert {one.date_time for one in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {one.external_attr >> 16 for one in opened.infolist()} == {0o100644}


def test_a_folder_is_a_bundle_too(tmp_path: Path) -> None:
    container.write(f"{tmp_path}/pack/", made())
    assert verify(container.read(f"{tmp_path}/pack")).ok
    with pytest.raises(UsageError, match="not an empty folder"):
        container.write(f"{tmp_path}/pack/", made())


_AGAIN = """
import hashlib, sys
from tests.unit.bundle import pack_lab as lab
from scanner.bundle import container
from scanner.bundle.private_keys import load_private_key
key = load_private_key(open(sys.argv[1], 'rb').read(), 'k', None)
files = lab.signed(lab.bundle_files(lab.parts(), lab.CONTENT), key)
print(hashlib.sha256(b''.join(container.pack(files))).hexdigest())
"""


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_two_runs_give_the_same_bytes(algorithm: str, tmp_path: Path) -> None:
    from scanner.bundle.private_keys import generate

    path = tmp_path / "key"
    path.write_bytes(generate(algorithm, b"")[0])
    digests = set()
    for number, surroundings in enumerate(
        (
            {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
            {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
        )
    ):
        mask = os.umask(0o077 if number else 0o022)
        try:
            done = subprocess.run(
                [sys.executable, "-c", _AGAIN, str(path)],
                env={**os.environ, **surroundings, "PYTHONPATH": str(Path(__file__).parents[3])},
                cwd=tmp_path if number else "/",
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            os.umask(mask)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_a_chain_is_followed_and_named() -> None:
    first = made()
    before = previous_of(first[MANIFEST], "first.zip")
    second = signed(bundle_files(parts(previous=before, created_at="2026-04-01T00:00:00Z"), CONTENT))
    found = verify(second, previous=before)
    assert {one.link: one.state for one in found.links}["chain"] == "ok"
    assert manifest_of(second)["previous"] == {"manifest": before.manifest, "created_at": CLOCK}
    unseen = verify(second)
    assert unseen.ok
    assert "--previous" in next(one.detail for one in unseen.links if one.link == "chain")
    assert not verify(first, previous=before).ok
    other = previous_of(listed(first, lambda one: one.update(chain="other"))[MANIFEST], "other.zip")
    assert not verify(second, previous=other).ok


def test_what_cannot_be_judged_again_is_not_signed() -> None:
    one = subject()
    doctored = {**one.assessment, "results": [{**item, "status": "pass"} for item in one.assessment["results"]]}
    with pytest.raises(InputError, match="makes another assessment"):
        bundle_files(parts(subjects=(Subject(one.snapshot, doctored),), attachments=()), CONTENT)
    older = {key: value for key, value in one.assessment.items() if key != "inputs"}
    with pytest.raises(InputError, match="does not carry the inputs"):
        bundle_files(parts(subjects=(Subject(one.snapshot, older),), attachments=()), CONTENT)
    foreign = {**one.assessment, "content_digest": "sha256:" + "0" * 64}
    with pytest.raises(InputError, match="was made with content"):
        bundle_files(parts(subjects=(Subject(one.snapshot, foreign),), attachments=()), CONTENT)


def test_snapshots_are_found_by_their_facts() -> None:
    one, two = subject(), subject("velaos-hardened")
    found = match_snapshots({"a": one.assessment, "b": two.assessment}, {"x": two.snapshot, "y": one.snapshot})
    assert [item.snapshot for item in found] == [one.snapshot, two.snapshot]
    with pytest.raises(InputError, match="no snapshot here"):
        match_snapshots({"a": one.assessment}, {"x": two.snapshot})


def test_attachments_are_for_controls_that_are_assessed() -> None:
    with pytest.raises(UsageError, match="no assessment here has a control"):
        parts(attachments=(Attachment("velaos", "no such", "a.pdf", b""),))
    with pytest.raises(UsageError, match="needs an assessment"):
        Parts((), "c", CLOCK, "given")


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "etc-passwd"),
        ("Rechnung März.pdf", "Rechnung-M-rz.pdf"),
        ("", "file"),
        ("...", "file"),
        ("a" * 300 + ".pdf", "a" * 40 + "-" + "a" * 35 + ".pdf"),
    ],
)
def test_names_of_files_are_made_plain(given: str, safe: str) -> None:
    assert safe_name(given) == safe
    container.check_path(safe)


def test_companions_are_in_the_manifest_and_not_among_its_files() -> None:
    manifest = manifest_of(made())
    assert manifest["companions"] == [ENVELOPE]
    assert not {MANIFEST, ENVELOPE, TIMESTAMP} & {one["path"] for one in manifest["files"]}
    assert CHECKSUMS in {one["path"] for one in manifest["files"]}
