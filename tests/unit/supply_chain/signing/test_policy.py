"""`assay verify --policy`: does the policy of a device accept the image because of who signed it?"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import AssayError
from tests.unit.supply_chain.signing.layout_lab import Key, LayoutLab, claim, simple

KEY, OTHER = Key(), Key()
IMAGE = "registry.example/velaos"
SIGNED = {"type": "sigstoreSigned", "keyPath": "/etc/pki/vela.pub", "signedIdentity": {"type": "matchRepository"}}
NOTHING = {"type": "insecureAcceptAnything"}


@pytest.fixture
def device(tmp_path: Path) -> Path:
    root = tmp_path / "device"
    (root / "etc/pki").mkdir(parents=True)
    (root / "etc/pki/vela.pub").write_bytes(KEY.pem)
    (root / "etc/pki/other.pub").write_bytes(OTHER.pem)
    return root


def judged(
    layout: LayoutLab, device: Path, *requirements: Any, reference: str = f"{IMAGE}:1", more: tuple[str, ...] = ()
) -> tuple[int, str]:
    policy = device / "policy.json"
    policy.write_text(
        json.dumps({"default": [{"type": "reject"}], "transports": {"docker": {IMAGE: list(requirements)}}})
    )
    done = CliRunner().invoke(
        app,
        [
            "verify",
            str(layout.root),
            *("--policy", str(policy), "--policy-root", str(device), "--reference", reference),
            *more,
        ],
    )
    if isinstance(done.exception, AssayError):
        return done.exception.exit_code, done.exception.message
    return done.exit_code, done.output


def test_a_signature_for_this_repository_is_accepted(layout: LayoutLab, device: Path) -> None:
    layout.attach(simple(OTHER, claim(layout.digest)), simple(KEY, claim(layout.digest)))
    code, said = judged(layout, device, SIGNED)
    assert code == 0 and "all requirements are met" in said and f"scope {IMAGE}" in said
    inline = {**SIGNED, "keyData": base64.b64encode(KEY.pem).decode()}
    del inline["keyPath"]
    assert judged(layout, device, inline)[0] == 0
    assert judged(layout, device, NOTHING, SIGNED)[0] == 0
    assert judged(layout, device, SIGNED, reference=f"{IMAGE}@{layout.digest}")[0] == 0


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        ([{"type": "reject"}], "rejects every image"),
        ([SIGNED, {"type": "reject"}], "rejects every image"),
        ([NOTHING], "accepts anything here, and verifies nothing"),
        ([{**SIGNED, "keyPath": "/etc/pki/other.pub"}], "requirement 1 (matchRepository) is not met"),
        ([SIGNED, {**SIGNED, "keyPath": "/etc/pki/other.pub"}], "requirement 2 (matchRepository) is not met"),
        ([{"type": "sigstoreSigned", "keyPath": "/etc/pki/vela.pub"}], "which matchRepoDigestOrExact does not accept"),
        (
            [{**SIGNED, "signedIdentity": {"type": "exactRepository", "dockerRepository": "registry.example/other"}}],
            "exactRepository does not accept",
        ),
    ],
)
def test_what_a_policy_does_not_accept_ends_4(
    layout: LayoutLab, device: Path, requirements: list[Any], reason: str
) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    code, said = judged(layout, device, *requirements)
    assert code == 4 and reason in said


def test_another_scope_has_another_answer(layout: LayoutLab, device: Path) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    code, said = judged(layout, device, SIGNED, reference="registry.example/velaos-lab:1")
    assert code == 4 and "rejects every image here (scope the default of all)" in said


def test_a_signature_for_another_repository_is_refused(layout: LayoutLab, device: Path) -> None:
    layout.attach(simple(KEY, claim(layout.digest, "registry.example/other")))
    code, said = judged(layout, device, SIGNED)
    assert code == 4 and "genuine, but for registry.example/other" in said


def test_an_index_signed_is_not_an_image_signed(layout: LayoutLab, device: Path) -> None:
    index = layout.platforms("amd64", "arm64")
    layout.attach(simple(KEY, claim(index)), subject=index)
    code, said = judged(layout, device, SIGNED, more=("--platform", "linux/arm64"))
    assert code == 4 and "over the index and not over the image itself" in said
    assert judged(layout, device, SIGNED)[0] == 2


def test_another_digest_than_the_one_asked_for(layout: LayoutLab, device: Path) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    code, said = judged(layout, device, SIGNED, reference=f"{IMAGE}@sha256:{'0' * 64}")
    assert code == 4 and "not the one that was asked for" in said


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/pki/vela.pub"},
        {"type": "sigstoreSigned", "fulcio": {"caPath": "/ca", "oidcIssuer": "https://i", "subjectEmail": "a@b"}},
        {**SIGNED, "rekorPublicKeyPath": "/rekor.pub"},
    ],
    ids=["signedBy", "fulcio", "rekor"],
)
def test_what_cannot_be_verified_here_ends_3(layout: LayoutLab, device: Path, requirement: Any) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    code, said = judged(layout, device, requirement)
    assert code == 3 and "unsupported" in said
    assert judged(layout, device, requirement, {**SIGNED, "keyPath": "/etc/pki/other.pub"})[0] == 4


def test_damage_of_the_image_is_final(layout: LayoutLab, device: Path) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    layer = json.loads(layout.path(layout.digest).read_bytes())["layers"][0]["digest"]
    layout.path(layer).write_bytes(b"x" * layout.path(layer).stat().st_size)
    code, said = judged(layout, device, SIGNED)
    assert code == 4 and "not whole" in said


def test_a_key_file_cannot_lead_out_of_the_device(layout: LayoutLab, device: Path, tmp_path: Path) -> None:
    layout.attach(simple(KEY, claim(layout.digest)))
    outside = tmp_path / "outside.pub"
    outside.write_bytes(KEY.pem)
    (device / "etc/pki/vela.pub").unlink()
    (device / "etc/pki/vela.pub").symlink_to(outside)
    code, said = judged(layout, device, SIGNED)
    assert code == 2 and "a key of the policy cannot be read" in said


@pytest.mark.parametrize("more", [("--key", "x"), ("--attestation", "sbom"), ("--threshold", "2")])
def test_nothing_else_can_be_asked_beside_a_policy(layout: LayoutLab, device: Path, more: tuple[str, ...]) -> None:
    assert judged(layout, device, SIGNED, more=more)[0] == 2


@pytest.mark.parametrize("reference", ["registry.example/velaos", "", "a b", "registry.example/velaos:"])
def test_the_reference_must_name_an_image(layout: LayoutLab, device: Path, reference: str) -> None:
    assert judged(layout, device, SIGNED, reference=reference)[0] == 2


def test_a_policy_that_no_device_accepts(layout: LayoutLab, device: Path) -> None:
    assert judged(layout, device, {"type": "sigstoreSigned"})[0] == 2
