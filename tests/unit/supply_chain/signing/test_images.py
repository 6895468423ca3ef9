"""Images signed by key in every place where cosign puts signatures."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from scanner.model.errors import LimitError, UsageError
from scanner.schemas.verification import verification
from scanner.supply_chain.signing.attested import attested_boms
from scanner.supply_chain.signing.intoto import TYPES
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.conftest import Verify
from tests.unit.supply_chain.signing.layout_lab import (
    BUNDLE,
    DSSE,
    Key,
    LayoutLab,
    as_json,
    bundle,
    claim,
    envelope,
    message,
    simple,
    statement,
)

SIGN = "https://sigstore.dev/cosign/sign/v1"


@pytest.mark.parametrize("how", ["sig", "referrer", "fallback", "saved"])
def test_a_signature_is_found_wherever_cosign_puts_it(layout: LayoutLab, verify: Verify, how: str) -> None:
    key = Key()
    layout.attach(simple(key, claim(layout.digest)), how=how)
    found = verify(layout, Wanted(keys=(key.public,)))
    assert found.ok, found.reason
    assert found.subject == layout.digest
    one = found.findings[found.counted[0]]
    assert one.signer is not None and one.signer.key == key.public.id
    assert one.subject == layout.digest
    assert one.details == {"reference": "registry.example/velaos"}
    assert found.reason == "signed by 1 wanted signer, over the manifest itself"


@pytest.mark.parametrize("how", ["referrer", "fallback"])
@pytest.mark.parametrize("content", ["statement", "message"])
def test_a_bundle_made_with_a_key(layout: LayoutLab, verify: Verify, how: str, content: str) -> None:
    key = Key()
    manifest = layout.path(layout.digest).read_bytes()
    inner = (
        {"dsseEnvelope": envelope(statement(layout.digest, SIGN, {}), key)}
        if content == "statement"
        else message(manifest, key)
    )
    layout.attach((as_json(bundle(inner, key)), BUNDLE, {}), how=how)
    found = verify(layout, Wanted(keys=(Key().public, key.public)))
    assert found.ok, found.reason


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=lambda key: type(key).__name__,
)
def test_every_kind_of_key_signs_an_image(
    layout: LayoutLab, verify: Verify, private: ec.EllipticCurvePrivateKey
) -> None:
    key = Key(private)
    layout.attach(simple(key, claim(layout.digest)))
    assert verify(layout, Wanted(keys=(key.public,))).ok


@pytest.mark.parametrize("how", ["att", "referrer"])
@pytest.mark.parametrize("version", ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"])
def test_an_attested_sbom_is_handed_on(layout: LayoutLab, verify: Verify, how: str, version: str) -> None:
    key = Key()
    parts = [{"type": "library", "name": "openssl", "version": "3.0.1", "bom-ref": "a"}]
    predicate = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": parts}
    payload = statement(layout.digest, "https://cyclonedx.org/bom/v1.6", predicate, type_=version)
    layout.attach((as_json(envelope(payload, key)), DSSE, {}), how=how)
    found = verify(layout, Wanted(keys=(key.public,)), attestation=TYPES["sbom"])
    assert found.ok, found.reason
    assert found.attested()[0].predicate == predicate
    assert [one.name for one in attested_boms(found)[0].bom.components if one.ref == "a"] == ["openssl"]


def test_an_attestation_alone_is_no_signature(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    layout.attach((as_json(envelope(statement(layout.digest), key)), DSSE, {}), how="att")
    found = verify(layout, Wanted(keys=(key.public,)))
    assert not found.ok and found.exit_code == 4
    assert "attested, but not signed" in found.reason


def test_a_threshold_counts_different_signers_of_one_statement(layout: LayoutLab, verify: Verify) -> None:
    first, second = Key(name="a.pub"), Key(name="b.pub")
    layout.attach((as_json(envelope(statement(layout.digest), first, second)), DSSE, {}), how="att")
    wanted = Wanted(keys=(first.public, second.public), threshold=2)
    found = verify(layout, wanted, attestation=TYPES["cyclonedx"])
    assert found.ok, found.reason
    assert len(found.counted) == 2


def test_signatures_of_strangers_do_not_spoil_that_of_the_wanted_signer(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    layout.attach(simple(Key(), claim(layout.digest)), simple(key, claim(layout.digest)))
    layout.attach((b"{}", BUNDLE, {}), how="referrer")
    found = verify(layout, Wanted(keys=(key.public,)))
    assert found.ok
    assert [one.state for one in found.findings] == ["failed", "verified", "failed"]
    assert all(one.reason for one in found.findings if not one.ok)


def test_an_index_signed_covers_the_image_chosen_in_it(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    index = layout.platforms("amd64", "arm64")
    layout.attach(simple(key, claim(index)), subject=index)
    whole = verify(layout, Wanted(keys=(key.public,)))
    assert whole.ok and whole.kind == "index" and whole.subject == index
    assert whole.reason.endswith("over the index itself")
    one = verify(layout, Wanted(keys=(key.public,)), platform="linux/arm64")
    assert one.ok and one.kind == "image" and one.also == (index,) and one.platform == "linux/arm64"
    assert one.reason.endswith("over the index that lists it")


def test_an_image_signed_does_not_sign_its_index(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    index = layout.platforms("amd64", "arm64")
    arm = json.loads(layout.path(index).read_bytes())["manifests"][1]["digest"]
    layout.attach(simple(key, claim(arm)), subject=arm)
    found = verify(layout, Wanted(keys=(key.public,)), platform="arm64")
    assert found.ok and found.reason.endswith("over the manifest itself")
    assert not verify(layout, Wanted(keys=(key.public,))).ok
    assert not verify(layout, Wanted(keys=(key.public,)), platform="amd64").ok


def test_a_platform_that_is_not_there(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    with pytest.raises(UsageError, match="not for linux/riscv64"):
        verify(layout, Wanted(keys=(key.public,)), platform="linux/riscv64")
    layout.platforms("amd64", "arm64")
    with pytest.raises(UsageError, match="no image for linux/riscv64"):
        verify(layout, Wanted(keys=(key.public,)), platform="linux/riscv64")


def test_images_of_an_index_that_are_not_here_are_noted(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    index = layout.platforms("amd64", "arm64")
    layout.attach(simple(key, claim(index)), subject=index)
    arm = json.loads(layout.path(index).read_bytes())["manifests"][1]["digest"]
    layout.path(arm).unlink()
    found = verify(layout, Wanted(keys=(key.public,)))
    assert found.ok
    assert found.notes == (f"not in this layout, so not looked at: {arm}",)


def test_the_result_is_as_its_schema_says(layout: LayoutLab, verify: Verify) -> None:
    key = Key()
    layout.attach(simple(key, claim(layout.digest)))
    layout.attach((as_json(envelope(statement(layout.digest), Key(), key)), DSSE, {}), how="att")
    validator = jsonschema_rs.validator_for(verification())
    for trusted, attestation in ((key, ()), (Key(), ()), (key, ("a:b",))):
        document = verify(layout, Wanted((trusted.public,)), attestation=attestation).to_json()
        assert validator.is_valid(document)
        assert json.loads(json.dumps(document)) == document


def test_more_than_anyone_attaches_is_a_limit(layout: LayoutLab, verify: Verify) -> None:
    layout.attach(*[(b"{}", "application/x", {"n": str(number)}) for number in range(1001)])
    with pytest.raises(LimitError, match="more than 1000 things"):
        verify(layout, Wanted(keys=(Key().public,)))
