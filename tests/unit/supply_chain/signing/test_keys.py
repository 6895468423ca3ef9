"""Which public keys are trusted, and what they are found to have signed."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from scanner.model.errors import AssayError, InputError, UsageError
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.keys import load_public_key
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.layout_lab import Key

DATA = artifact_of(b"payload")


def _pem(key: object) -> bytes:
    public = key.public_key()  # type: ignore[attr-defined]
    pem: bytes = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def test_the_id_is_what_openssl_says(tmp_path: Path) -> None:
    key = Key()
    (tmp_path / "k.pub").write_bytes(key.pem)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "k.pub"), "-outform", "DER"],
        check=True,
        capture_output=True,
    ).stdout
    assert key.public.id == "sha256:" + hashlib.sha256(der).hexdigest()
    assert key.public.spki == der
    assert key.public.algorithm == "ECDSA P-256"


@pytest.mark.parametrize(
    ("key", "algorithm", "pss"),
    [
        (Key(), hashes.SHA256(), False),
        (Key(ec.generate_private_key(ec.SECP384R1())), hashes.SHA384(), False),
        (Key(ec.generate_private_key(ec.SECP384R1())), hashes.SHA256(), False),
        (Key(ec.generate_private_key(ec.SECP521R1())), hashes.SHA512(), False),
        (Key(ed25519.Ed25519PrivateKey.generate()), None, False),
        (Key(rsa.generate_private_key(65537, 2048)), hashes.SHA256(), False),
        (Key(rsa.generate_private_key(65537, 2048)), hashes.SHA512(), True),
    ],
    ids=lambda value: getattr(getattr(value, "public", None), "algorithm", getattr(value, "name", str(value))),
)
def test_signatures_of_every_kind(key: Key, algorithm: hashes.HashAlgorithm | None, pss: bool) -> None:
    signature = key.sign(b"payload", algorithm, pss=pss)
    assert key.public.signed(signature, DATA)
    assert not key.public.signed(signature, artifact_of(b"payload "))
    assert not key.public.signed(signature[:-1], DATA)
    assert not key.public.signed(b"", DATA)
    assert not key.public.signed(signature + b"\0", DATA)
    assert not key.public.signed(bytes(100_000), DATA)


_PRIME = 2**255 - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303021


@pytest.mark.parametrize("y", [0, 1, _PRIME - 1, _PRIME, _PRIME + 1, _ORDER_8, _PRIME - _ORDER_8])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_ed25519_keys_for_which_anybody_signs_are_refused(y: int, sign: int) -> None:
    head = bytes.fromhex("302a300506032b6570032100")
    body = base64.b64encode(head + (y | sign).to_bytes(32, "little"))
    with pytest.raises(InputError, match=r"small order|not a public key"):
        load_public_key(b"-----BEGIN PUBLIC KEY-----\n" + body + b"\n-----END PUBLIC KEY-----\n", "weak.pub")


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (_pem(rsa.generate_private_key(65537, 1024)), 2, "RSA key of 1024 bits"),
        (_pem(rsa.generate_private_key(3, 2048)), 2, "so small an exponent"),
        (_pem(ec.generate_private_key(ec.SECP256K1())), 3, "unsupported: the curve"),
        (_pem(ec.generate_private_key(ec.SECP224R1())), 3, "unsupported: the curve"),
        (_pem(ed448.Ed448PrivateKey.generate()), 3, "unsupported: keys of the type"),
        (_pem(dsa.generate_private_key(2048)), 3, "unsupported: keys of the type"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n", 2, "this is a private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 2, "this is a certificate"),
        (b"", 2, "not one public key"),
        (_pem(Key().private) * 2, 2, "not one public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 2, "not a public key"),
        (b"-----BEGIN PUBLIC KEY-----" + bytes(100_000), 2, "smaller than that"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_other_files_are_no_key(data: bytes, code: int, reason: str) -> None:
    with pytest.raises(AssayError, match=reason) as caught:
        load_public_key(data, "given.pub")
    assert caught.value.exit_code == code
    assert caught.value.where == "given.pub"


def test_somebody_must_be_wanted_and_a_threshold_be_reachable() -> None:
    key = Key().public
    with pytest.raises(UsageError, match="nobody is named"):
        Wanted()
    with pytest.raises(UsageError, match="threshold"):
        Wanted(keys=(key, key), threshold=2)
