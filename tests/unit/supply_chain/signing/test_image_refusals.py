"""What must never verify: images, signatures and attestations, each spoiled in one point, with the reason given."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes

from scanner.model.errors import AssayError
from scanner.supply_chain.signing.intoto import TYPES
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.conftest import Verify
from tests.unit.supply_chain.signing.layout_lab import (
    BUNDLE,
    CYCLONEDX,
    DSSE,
    IN_TOTO,
    SIMPLE,
    Key,
    LayoutLab,
    as_json,
    b64,
    bundle,
    claim,
    envelope,
    message,
    sha256,
    simple,
    statement,
)

KEY, OTHER = Key(), Key(name="other.pub")
SIGNATURE = "dev.cosignproject.cosign/signature"
ELSEWHERE = "sha256:" + "1" * 64
VSA = TYPES["vsa"][0]


def _simple(lab: LayoutLab, payload: bytes, signature: str | None = None, key: Key = KEY) -> None:
    lab.attach((payload, SIMPLE, {SIGNATURE: b64(key.sign(payload)) if signature is None else signature}))


def _twice(lab: LayoutLab) -> bytes:
    good, bad = (f'"image":{{"docker-manifest-digest":"{one}"}}' for one in (lab.digest, ELSEWHERE))
    return f'{{"critical":{{"identity":{{}},{bad},{good},"type":"cosign container image signature"}}}}'.encode()


def _layer_changed(lab: LayoutLab) -> None:
    lab.attach(simple(KEY, claim(lab.digest)))
    layer = json.loads(lab.path(lab.digest).read_bytes())["layers"][0]["digest"]
    data = bytearray(lab.path(layer).read_bytes())
    data[len(data) // 2] ^= 1
    lab.path(layer).write_bytes(bytes(data))


def _layer_gone(lab: LayoutLab, longer: bool = False) -> None:
    lab.attach(simple(KEY, claim(lab.digest)))
    layer = json.loads(lab.path(lab.digest).read_bytes())["layers"][0]["digest"]
    if longer:
        with lab.path(layer).open("ab") as stream:
            stream.write(b"x")
    else:
        lab.path(layer).unlink()


def _manifest_changed(lab: LayoutLab) -> None:
    lab.attach(simple(KEY, claim(lab.digest)))
    path = lab.path(lab.digest)
    path.write_bytes(path.read_bytes() + b"\n")


def _image_swapped(lab: LayoutLab) -> None:
    """index.json points to another manifest, the signature stays under the tag of the old one."""
    old = lab.digest
    lab.attach(simple(KEY, claim(old)))
    data = lab.path(old).read_bytes() + b" "
    index = lab.index
    index["manifests"][0] |= {"digest": lab.blob(data), "size": len(data)}
    lab.write_index(index)


def _replayed(lab: LayoutLab) -> None:
    """The genuine signature of another image under the tag of this one."""
    _simple(lab, claim(ELSEWHERE))


def _payload_changed(lab: LayoutLab) -> None:
    signature = b64(KEY.sign(claim(ELSEWHERE)))
    _simple(lab, claim(lab.digest), signature)


def _signature_blob_changed(lab: LayoutLab) -> None:
    payload = claim(lab.digest)
    lab.attach(simple(KEY, payload))
    lab.path(sha256(payload)).write_bytes(payload + b" ")


def _blob_gone(lab: LayoutLab) -> None:
    payload = claim(lab.digest)
    lab.attach(simple(KEY, payload))
    lab.path(sha256(payload)).unlink()


def _manifest_of_signature_gone(lab: LayoutLab) -> None:
    lab.attach(simple(KEY, claim(lab.digest)))
    lab.path(lab.index["manifests"][1]["digest"]).unlink()


def _old_keyless(lab: LayoutLab) -> None:
    lab.attach(simple(KEY, claim(lab.digest), **{"dev.sigstore.cosign/certificate": "-----BEGIN CERTIFICATE-----"}))


def _sign_other_bytes(lab: LayoutLab) -> None:
    """A signature over the digest text instead of the claim."""
    _simple(lab, claim(lab.digest), b64(KEY.sign(lab.digest.encode())))


Spoil = Callable[[LayoutLab], object]

SIGNATURES: dict[str, tuple[Spoil, str]] = {
    "nothing is attached": (lambda lab: None, "there is no signature"),
    "another key": (lambda lab: _simple(lab, claim(lab.digest), key=OTHER), "not signed by a key"),
    "the signature of another image": (_replayed, "genuine, but of another image"),
    "the image under an old tag swapped": (_image_swapped, "there is no signature"),
    "the payload changed": (_payload_changed, "not signed by a key"),
    "the payload blob changed": (_signature_blob_changed, "does not match its digest"),
    "the payload blob gone": (_blob_gone, "no signature"),
    "the manifest of the signature gone": (_manifest_of_signature_gone, "no signature"),
    "a layer changed": (_layer_changed, "not whole"),
    "a layer gone": (_layer_gone, "not whole"),
    "a layer made longer": (lambda lab: _layer_gone(lab, longer=True), "not whole"),
    "the manifest changed": (_manifest_changed, "does not match its digest"),
    "no signature beside the payload": (lambda lab: lab.attach((claim(lab.digest), SIMPLE, {})), "is missing"),
    "an empty signature": (lambda lab: _simple(lab, claim(lab.digest), ""), "is missing"),
    "base64 with garbage": (
        lambda lab: _simple(lab, claim(lab.digest), "!" + b64(KEY.sign(claim(lab.digest)))),
        "not base64",
    ),
    "base64 with a line break": (
        lambda lab: _simple(lab, claim(lab.digest), b64(KEY.sign(claim(lab.digest))) + "\n"),
        "not base64",
    ),
    "a signature of zeros": (lambda lab: _simple(lab, claim(lab.digest), b64(bytes(72))), "not signed by a key"),
    "a signature of r = s = 0": (
        lambda lab: _simple(lab, claim(lab.digest), b64(bytes.fromhex("3006020100020100"))),
        "not signed by a key",
    ),
    "a signature over something else": (_sign_other_bytes, "not signed by a key"),
    "a signature with SHA-1": (
        lambda lab: _simple(lab, claim(lab.digest), b64(KEY.sign(claim(lab.digest), hashes.SHA1()))),
        "not signed by a key",
    ),
    "a signature with a foreign hash": (
        lambda lab: _simple(lab, claim(lab.digest), b64(KEY.sign(claim(lab.digest), hashes.SHA512()))),
        "not signed by a key",
    ),
    "a claim with a key twice": (lambda lab: _simple(lab, _twice(lab)), "stands twice"),
    "a claim of another type": (
        lambda lab: _simple(lab, claim(lab.digest, type="atomic container signature")),
        "of another type",
    ),
    "a claim without type": (lambda lab: _simple(lab, claim(lab.digest, type=None)), "of another type"),
    "a claim with more that is critical": (
        lambda lab: _simple(lab, claim(lab.digest, expires="2020-01-01")),
        "does not hold exactly",
    ),
    "a claim with two digests": (
        lambda lab: _simple(lab, claim("", image={"docker-manifest-digest": lab.digest, "sha1": "a"})),
        "names no manifest digest",
    ),
    "a claim whose digest is a list": (
        lambda lab: _simple(lab, claim("", image={"docker-manifest-digest": [lab.digest]})),
        "names no manifest digest",
    ),
    "a claim by the short digest": (lambda lab: _simple(lab, claim(lab.digest[:19])), "of another image"),
    "a claim in capital letters": (lambda lab: _simple(lab, claim(lab.digest.upper())), "of another image"),
    "a claim with the digest and a blank": (lambda lab: _simple(lab, claim(lab.digest + " ")), "of another image"),
    "a claim that is no object": (lambda lab: _simple(lab, b"[]"), "not a JSON object"),
    "a claim that is not JSON": (lambda lab: _simple(lab, b"\xff\xfe"), "not JSON"),
    "a claim nested deeply": (lambda lab: _simple(lab, b'{"a":' * 20_000 + b"1" + b"}" * 20_000), "nested|not JSON"),
    "a claim of two megabytes": (lambda lab: _simple(lab, b" " * 2**21 + claim(lab.digest)), "not signed by a key"),
    "a claim with NaN": (lambda lab: _simple(lab, b'{"critical": NaN}'), "not JSON"),
    "keyless in the old form": (_old_keyless, "can be checked offline"),
    "an SBOM that nobody signed": (
        lambda lab: lab.attach((b"{}", "application/vnd.cyclonedx+json", {}), how="sbom"),
        "nobody signed it",
    ),
    "a statement that nobody signed": (
        lambda lab: lab.attach((statement(lab.digest), IN_TOTO, {}), how="referrer"),
        "nobody signed it",
    ),
    "a Notary signature": (
        lambda lab: lab.attach((b"{}", "application/jose+json", {}), how="referrer"),
        "Notary signatures",
    ),
    "an attached manifest with broken layers": (
        lambda lab: lab.listed(
            as_json({"layers": [{"digest": 1}], "subject": {"digest": lab.digest}}), artifactType=SIMPLE
        ),
        "not in its form",
    ),
    "a layer with a path for a digest": (
        lambda lab: lab.listed(
            as_json(
                {
                    "layers": [{"mediaType": SIMPLE, "digest": "sha256:../../../etc/passwd", "annotations": {}}],
                    "subject": {"digest": lab.digest},
                }
            ),
            artifactType=SIMPLE,
        ),
        "not a digest",
    ),
    "an image of two meanings": (
        lambda lab: lab.write_index(
            {"manifests": [lab.index["manifests"][0] | {"digest": lab.blob(b'{"manifests": [], "layers": []}')}]}
        ),
        "an index and as a manifest",
    ),
}


def _attest(lab: LayoutLab, payload: bytes, /, **changes: object) -> None:
    lab.attach((as_json(envelope(payload, KEY) | changes), DSSE, {}), how="att")


def _subjects(lab: LayoutLab, *digests: dict[str, object]) -> None:
    _attest(lab, statement(lab.digest, subjects=[{"name": "velaos", "digest": one} for one in digests]))


def _hex(lab: LayoutLab) -> str:
    return lab.digest.removeprefix("sha256:")


def _moved(lab: LayoutLab) -> None:
    """A signature over the bare payload, not over its encoding with the type."""
    payload = statement(lab.digest)
    _attest(lab, payload, signatures=[{"sig": b64(KEY.sign(payload))}])


def _shifted(lab: LayoutLab) -> None:
    """The same bytes behind another border between type and payload."""
    payload = statement(lab.digest)
    kind = f"{IN_TOTO} {len(payload)} "
    _attest(lab, payload, payloadType=kind)


def _threshold_by_copies(lab: LayoutLab) -> None:
    found = envelope(statement(lab.digest), KEY)
    lab.attach((as_json(found | {"signatures": found["signatures"] * 2}), DSSE, {}), how="att")
    lab.attach((as_json(found), DSSE, {}), how="referrer")


def _spoiled_bundle(lab: LayoutLab, **changes: object) -> None:
    found = bundle({"dsseEnvelope": envelope(statement(lab.digest), KEY)}, KEY)
    lab.attach((as_json(found | changes), BUNDLE, {}), how="referrer")


def _by_certificate(lab: LayoutLab) -> None:
    found = bundle({"dsseEnvelope": envelope(statement(lab.digest), KEY)}, KEY)
    found["verificationMaterial"] = {"certificate": {"rawBytes": b64(b"x")}, "tlogEntries": []}
    lab.attach((as_json(found), BUNDLE, {}), how="referrer")


ATTESTATIONS: dict[str, tuple[Spoil, str]] = {
    "a plain signature only": (lambda lab: _simple(lab, claim(lab.digest)), "no attestation of this type"),
    "an attestation of another type": (
        lambda lab: _attest(lab, statement(lab.digest, "https://slsa.dev/provenance/v1", {})),
        "no attestation of this type",
    ),
    "a type that only begins alike": (
        lambda lab: _attest(lab, statement(lab.digest, CYCLONEDX + "ish")),
        "no attestation of this type",
    ),
    "another signer": (
        lambda lab: lab.attach((as_json(envelope(statement(lab.digest), OTHER)), DSSE, {}), how="att"),
        "not signed by a key",
    ),
    "another image": (lambda lab: _attest(lab, statement(ELSEWHERE)), "about something else"),
    "the payload replaced": (
        lambda lab: _attest(lab, statement(ELSEWHERE), payload=b64(statement(lab.digest))),
        "not signed by a key",
    ),
    "the payload type replaced": (
        lambda lab: _attest(lab, statement(lab.digest), payloadType="text/plain"),
        "not signed by a key",
    ),
    "a signed payload of another type": (
        lambda lab: lab.attach(
            (as_json(envelope(statement(lab.digest), KEY, payload_type="application/json")), DSSE, {}), how="att"
        ),
        "not an in-toto statement",
    ),
    "a signature over the payload alone": (_moved, "not signed by a key"),
    "type and payload shifted": (_shifted, "not signed by a key"),
    "no payload type": (lambda lab: _attest(lab, statement(lab.digest), payloadType=""), "no payload type"),
    "no signatures": (lambda lab: _attest(lab, statement(lab.digest), signatures=[]), "1 to 64 signatures"),
    "a thousand signatures": (
        lambda lab: _attest(lab, statement(lab.digest), signatures=[{"sig": "AAAA"}] * 1000),
        "1 to 64 signatures",
    ),
    "signatures that are text": (lambda lab: _attest(lab, statement(lab.digest), signatures=["AAAA"]), "is no object"),
    "a payload that is no base64": (lambda lab: _attest(lab, statement(lab.digest), payload="{}"), "not base64"),
    "an envelope with a key twice": (
        lambda lab: lab.attach(
            (b'{"payload":"",' + as_json(envelope(statement(lab.digest), KEY))[1:], DSSE, {}), how="att"
        ),
        "stands twice",
    ),
    "an envelope of too many values": (
        lambda lab: lab.attach((b'{"a":[' + b"0," * 200_000 + b"0]}", DSSE, {}), how="att"),
        "more than 100000 values",
    ),
    "a weak digest alone": (lambda lab: _subjects(lab, {"sha1": "a" * 40}), "no digest that binds"),
    "a weak digest that is right beside a wrong strong one": (
        lambda lab: _subjects(lab, {"sha1": "a" * 40, "sha256": "2" * 64}),
        "about something else",
    ),
    "two strong digests that contradict each other": (
        lambda lab: _subjects(lab, {"sha256": _hex(lab), "sha512": "2" * 128}),
        "contradict each other",
    ),
    "the digest under another algorithm": (lambda lab: _subjects(lab, {"blake2b": _hex(lab)}), "no digest that binds"),
    "the algorithm in capitals": (lambda lab: _subjects(lab, {"SHA256": _hex(lab)}), "no digest that binds"),
    "the digest in capitals": (lambda lab: _subjects(lab, {"sha256": _hex(lab).upper()}), "about something else"),
    "the digest with its prefix": (lambda lab: _subjects(lab, {"sha256": lab.digest}), "about something else"),
    "a digest that is no text": (lambda lab: _subjects(lab, {"sha256": [_hex(lab)]}), "has no digests"),
    "a subject by name only": (
        lambda lab: _attest(lab, statement(lab.digest, subjects=[{"name": lab.digest}])),
        "has no digests",
    ),
    "no subjects": (lambda lab: _attest(lab, statement(lab.digest, subjects=[])), "no list of subjects"),
    "a statement of an unknown version": (
        lambda lab: _attest(lab, statement(lab.digest, type_="https://in-toto.io/Statement/v9")),
        "unknown type",
    ),
    "a statement with a key twice": (
        lambda lab: _attest(lab, b'{"predicateType":"a",' + statement(lab.digest)[1:]),
        "stands twice",
    ),
    "a bundle of an unknown version": (
        lambda lab: _spoiled_bundle(lab, mediaType="application/vnd.dev.sigstore.bundle.v9+json"),
        "unsupported: bundles of the type",
    ),
    "a bundle with envelope and message": (
        lambda lab: _spoiled_bundle(lab, **message(b"x", KEY)),
        "exactly one signer and one thing",
    ),
    "a bundle without material": (
        lambda lab: _spoiled_bundle(lab, verificationMaterial=None),
        "no verification material",
    ),
    "a bundle with a certificate, and no identity wanted": (_by_certificate, "no identity was given"),
    "a bundle whose log entry is nonsense": (
        lambda lab: _spoiled_bundle(
            lab, verificationMaterial={"publicKey": {"hint": ""}, "tlogEntries": [{"logIndex": "1"}]}
        ),
        "the log entry does not hold",
    ),
    "a bundle over another manifest": (
        lambda lab: lab.attach((as_json(bundle(message(b"other", KEY), KEY)), BUNDLE, {}), how="referrer"),
        "states another digest",
    ),
    "a bundle that states the right digest over another manifest": (
        lambda lab: lab.attach(
            (
                as_json(
                    bundle(
                        {
                            "messageSignature": {
                                "messageDigest": {
                                    "algorithm": "SHA2_256",
                                    "digest": base64.b64encode(bytes.fromhex(_hex(lab))).decode(),
                                },
                                "signature": b64(KEY.sign(b"other")),
                            }
                        },
                        KEY,
                    )
                ),
                BUNDLE,
                {},
            ),
            how="referrer",
        ),
        "not over this artifact",
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_no_signature_verifies(name: str, layout: LayoutLab, verify: Verify) -> None:
    spoil, reason = SIGNATURES[name]
    spoil(layout)
    _refused(layout, verify, Wanted(keys=(KEY.public,)), reason)


@pytest.mark.parametrize("name", ATTESTATIONS)
def test_no_attestation_verifies(name: str, layout: LayoutLab, verify: Verify) -> None:
    spoil, reason = ATTESTATIONS[name]
    spoil(layout)
    _refused(layout, verify, Wanted(keys=(KEY.public,)), reason, TYPES["cyclonedx"])


def test_copies_of_a_signature_do_not_reach_a_threshold(layout: LayoutLab, verify: Verify) -> None:
    _threshold_by_copies(layout)
    wanted = Wanted(keys=(KEY.public, OTHER.public), threshold=2)
    _refused(layout, verify, wanted, "1 of 2 wanted signers", TYPES["cyclonedx"])


def test_signers_of_different_statements_do_not_reach_a_threshold(layout: LayoutLab, verify: Verify) -> None:
    for key, version in ((KEY, "1.5"), (OTHER, "1.6")):
        payload = statement(layout.digest, predicate={"specVersion": version})
        layout.attach((as_json(envelope(payload, key)), DSSE, {}), how="att")
    wanted = Wanted(keys=(KEY.public, OTHER.public), threshold=2)
    _refused(layout, verify, wanted, "1 of 2 wanted signers", TYPES["cyclonedx"])


@pytest.mark.parametrize("result", ["FAILED", "passed", None, ["PASSED"]])
def test_a_genuine_summary_that_says_no_is_no_pass(layout: LayoutLab, verify: Verify, result: object) -> None:
    _attest(layout, statement(layout.digest, VSA, {"verificationResult": result}))
    _attest(layout, statement(layout.digest, VSA, {"verificationResult": "PASSED"}))
    _refused(layout, verify, Wanted(keys=(KEY.public,)), "is genuine and says", TYPES["vsa"])


def _refused(layout: LayoutLab, verify: Verify, wanted: Wanted, reason: str, attestation: tuple[str, ...] = ()) -> None:
    import re

    try:
        found = verify(layout, wanted, attestation=attestation)
    except AssayError as error:
        assert error.exit_code in (2, 3, 4) and re.search(reason, error.message), error.message
        return
    assert not found.ok and found.counted == () and found.exit_code in (3, 4)
    said = " | ".join([found.reason, *(one.reason for one in found.findings)])
    assert re.search(reason, said), said
    assert all(one.reason for one in found.findings if not one.ok)
