"""Private keys: made here and believed by openssl, made by openssl and read here, and those of cosign."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from nacl.secret import SecretBox

from scanner.bundle.private_keys import ALGORITHMS, generate, load_private_key
from scanner.model.errors import InputError, UsageError
from scanner.supply_chain.signing.artifact import artifact_of

DATA = b"what is signed"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("password", [b"", b"correct horse"])
def test_made_keys_sign_and_openssl_believes_them(algorithm: str, password: bytes, tmp_path: Path) -> None:
    private, public = generate(algorithm, password)
    key = load_private_key(private, "k", password or None)
    signature = key.sign(DATA)
    assert key.public.signed(signature, artifact_of(DATA))
    assert signature == key.sign(DATA), "the same bytes on every run"
    assert (b"ENCRYPTED" in private) is bool(password)
    for name, data in (("pub", public), ("sig", signature), ("data", DATA)):
        (tmp_path / name).write_bytes(data)
    how = ["-rawin"] if algorithm == "ed25519" else ["-rawin", "-digest", "sha384" if "384" in algorithm else "sha256"]
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pub", *how, "-in", "data", "-sigfile", "sig"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "how",
    [
        ["genpkey", "-algorithm", "ed25519"],
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        ["genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:secret"],
    ],
)
def test_keys_of_openssl_are_read(how: list[str]) -> None:
    data = subprocess.run(["openssl", *how], capture_output=True, check=True).stdout
    key = load_private_key(data, "k", b"secret" if b"ENCRYPTED" in data else None)
    assert key.public.signed(key.sign(DATA), artifact_of(DATA))


def _cosign(password: bytes, change: Mapping[str, object] | None = None, *, kind: str = "SIGSTORE") -> bytes:
    """A key as cosign keeps it: PKCS #8 in a NaCl secretbox whose key scrypt makes of the password."""
    key = ec.generate_private_key(ec.SECP256R1())
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, nonce, cost = os.urandom(32), os.urandom(24), {"N": 1024, "r": 8, "p": 1}
    secret = hashlib.scrypt(password, salt=salt, n=cost["N"], r=cost["r"], p=cost["p"], dklen=32)
    document: dict[str, object] = {
        "kdf": {"name": "scrypt", "params": cost, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(SecretBox(secret).encrypt(plain, nonce).ciphertext).decode(),
    }
    body = base64.b64encode(json.dumps(document | dict(change or {})).encode()).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return (
        f"-----BEGIN ENCRYPTED {kind} PRIVATE KEY-----\n{lines}\n-----END ENCRYPTED {kind} PRIVATE KEY-----\n".encode()
    )


@pytest.mark.parametrize("kind", ["SIGSTORE", "COSIGN"])
def test_encrypted_keys_of_cosign_are_read(kind: str) -> None:
    key = load_private_key(_cosign(b"secret", kind=kind), "cosign.key", b"secret")
    assert key.public.algorithm == "ECDSA P-256"
    assert key.public.signed(key.sign(DATA), artifact_of(DATA))


_COST = {"N": 1 << 30, "r": 8, "p": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"ciphertext": base64.b64encode(bytes(64)).decode()},
        {"ciphertext": "!"},
        {"kdf": {"name": "argon2"}},
        {"kdf": {"name": "scrypt", "params": _COST, "salt": "AAAA"}},
        {"kdf": {"name": "scrypt", "params": {"N": 1024, "r": 8, "p": 1 << 20}, "salt": "AAAA"}},
        {"kdf": {"name": "scrypt", "params": {"N": "x"}, "salt": "AAAA"}},
        {"kdf": {"name": "scrypt", "params": {"N": 1000, "r": 8, "p": 1}, "salt": "AAAA"}},
        {"cipher": {"name": "none"}},
        {"cipher": {"name": "nacl/secretbox", "nonce": "AAAA"}},
        {"kdf": None},
    ],
)
def test_damaged_keys_of_cosign_are_refused_and_cost_nothing(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not opened"):
        load_private_key(_cosign(b"secret", change), "cosign.key", b"secret")


def test_a_wrong_or_missing_password_is_said() -> None:
    for data in (_cosign(b"secret"), generate("ed25519", b"secret")[0]):
        with pytest.raises(InputError, match="password is wrong"):
            load_private_key(data, "k", b"other")
        with pytest.raises(InputError, match="no password was given") as caught:
            load_private_key(data, "k", None)
        assert "ASSAY_KEY_PASSWORD" in str(caught.value.hint)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"x" * 70_000]
)
def test_what_is_no_private_key_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        load_private_key(data, "k", None)


def test_keys_that_cannot_or_should_not_sign_are_refused() -> None:
    public = generate("ed25519", b"")[1]
    with pytest.raises(InputError):
        load_private_key(public, "k", None)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(InputError, match="cannot sign"):
        load_private_key(x25519.X25519PrivateKey.generate().private_bytes(*plain), "k", None)
    weak = subprocess.run(["openssl", "genrsa", "1024"], capture_output=True, check=True).stdout
    with pytest.raises(InputError, match="1024 bits"):
        load_private_key(weak, "k", None)
    with pytest.raises(UsageError, match="no algorithm"):
        generate("dsa", b"")


def test_a_key_is_not_shown() -> None:
    private = generate("ed25519", b"")[0]
    assert "Ed25519PrivateKey" not in repr(load_private_key(private, "k", None))
