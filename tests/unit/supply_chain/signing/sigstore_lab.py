"""A sigstore instance of our own: a certificate authority, a certificate log and a transparency log, all in memory.

It makes bundles that hold in every point, so that a test can spoil one point at a time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scanner.supply_chain.signing.dsse import pae

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
IDENTITY = "https://ci.example/velaos/release.yml@refs/heads/main"
ISSUER = "https://token.ci.example"
_SCTS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_DER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _new() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _octets(data: bytes) -> bytes:
    """DER OCTET STRING of less than 64 KiB."""
    head = bytes([len(data)]) if len(data) < 128 else b"\x82" + struct.pack(">H", len(data))
    return b"\x04" + head + data


@dataclass
class Wish:
    """How a certificate and its bundle are to be; the defaults hold."""

    identity: str = IDENTITY
    issuer: str = ISSUER
    issuer_der: str | None = None
    names: list[x509.GeneralName] | None = None
    start: datetime = NOW - timedelta(minutes=5)
    end: datetime = NOW + timedelta(minutes=5)
    logged: datetime = NOW
    is_ca: bool = False
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING
    sct: bool = True
    promise: bool = True


@dataclass
class Sigstore:
    """The instance. `root`: its trusted_root.json."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=_new)
    certificates: ec.EllipticCurvePrivateKey = field(default_factory=_new)
    log: ec.EllipticCurvePrivateKey = field(default_factory=_new)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
        self.issuer = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.authority.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=365))
            .not_valid_after(NOW + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def root(self, *, log_end: datetime | None = None) -> dict[str, Any]:
        valid = {"start": (NOW - timedelta(days=300)).isoformat()}
        log_valid = valid | ({"end": log_end.isoformat()} if log_end else {})
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_entry(self.log, log_valid)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "test", "commonName": "test root"},
                    "uri": "https://ca.example",
                    "certChain": {"certificates": [{"rawBytes": b64(_der(self.issuer))}]},
                    "validFor": valid,
                }
            ],
            "ctlogs": [_log_entry(self.certificates, valid)],
            "timestampAuthorities": [],
        }

    def certificate(self, key: ec.EllipticCurvePrivateKey, wish: Wish) -> x509.Certificate:
        names = wish.names if wish.names is not None else [x509.UniformResourceIdentifier(wish.identity)]
        text = (wish.issuer if wish.issuer_der is None else wish.issuer_der).encode()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(wish.start)
            .not_valid_after(wish.end)
            .add_extension(x509.BasicConstraints(ca=wish.is_ca, path_length=None), critical=True)
            .add_extension(_usage(signs=wish.is_ca), critical=True)
            .add_extension(x509.ExtendedKeyUsage([wish.usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER, wish.issuer.encode()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_DER, b"\x0c" + bytes([len(text)]) + text), critical=False)
        )
        if not wish.sct:
            return builder.sign(self.authority, hashes.SHA256())
        # Signed is the certificate without this very extension (RFC 6962 section 3.2).
        bare = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        scts = self._scts(bare, wish)
        return builder.add_extension(x509.UnrecognizedExtension(_SCTS, _octets(scts)), critical=False).sign(
            self.authority, hashes.SHA256()
        )

    def _scts(self, bare: bytes, wish: Wish) -> bytes:
        stamp = int(wish.start.timestamp() * 1000)
        issuer = hashlib.sha256(spki(self.authority)).digest()
        signed = struct.pack(">BBQH", 0, 0, stamp, 1) + issuer + len(bare).to_bytes(3, "big") + bare + b"\0\0"
        signature = self.certificates.sign(signed, ec.ECDSA(hashes.SHA256()))
        one = b"\0" + hashlib.sha256(spki(self.certificates)).digest() + struct.pack(">QH", stamp, 0)
        one += b"\x04\x03" + struct.pack(">H", len(signature)) + signature
        one = struct.pack(">H", len(one)) + one
        return struct.pack(">H", len(one)) + one

    def entry(self, body: dict[str, Any], wish: Wish) -> dict[str, Any]:
        """The body in a log of which it is the only entry."""
        raw = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        key_id = hashlib.sha256(spki(self.log)).digest()
        leaf = hashlib.sha256(b"\0" + raw).digest()
        note = f"log.example\n1\n{b64(leaf)}\n"
        signature = key_id[:4] + self.log.sign(note.encode(), ec.ECDSA(hashes.SHA256()))
        instant = int(wish.logged.timestamp())
        promised = {"body": b64(raw), "integratedTime": instant, "logID": key_id.hex(), "logIndex": 0}
        promise = self.log.sign(
            json.dumps(promised, sort_keys=True, separators=(",", ":")).encode(), ec.ECDSA(hashes.SHA256())
        )
        found: dict[str, Any] = {
            "logIndex": "0",
            "logId": {"keyId": b64(key_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": str(instant),
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(leaf),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n\u2014 log.example {b64(signature)}\n"},
            },
            "canonicalizedBody": b64(raw),
        }
        if wish.promise:
            found["inclusionPromise"] = {"signedEntryTimestamp": b64(promise)}
        return found

    def sign(self, data: bytes, wish: Wish | None = None) -> dict[str, Any]:
        """A bundle with a signature over the data."""
        wish = wish or Wish()
        key = _new()
        certificate = self.certificate(key, wish)
        signature, digest = key.sign(data, ec.ECDSA(hashes.SHA256())), hashlib.sha256(data)
        body = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hexdigest()}},
                "signature": {"content": b64(signature), "publicKey": {"content": b64(_pem(certificate))}},
            },
        }
        content = {
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest.digest())},
                "signature": b64(signature),
            }
        }
        return _bundle(certificate, self.entry(body, wish), content)

    def attest(self, payload: bytes, wish: Wish | None = None, *, kind: str = "dsse") -> dict[str, Any]:
        """A bundle with a statement, logged as dsse or intoto."""
        wish = wish or Wish()
        key = _new()
        certificate = self.certificate(key, wish)
        payload_type = "application/vnd.in-toto+json"
        signature = key.sign(pae(payload_type, payload), ec.ECDSA(hashes.SHA256()))
        envelope = {"payloadType": payload_type, "payload": b64(payload), "signatures": [{"sig": b64(signature)}]}
        payload_hash = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
        verifier = b64(_pem(certificate))
        whole = {"algorithm": "sha256", "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest()}
        body: dict[str, Any] = {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": whole,
                "payloadHash": payload_hash,
                "signatures": [{"signature": b64(signature), "verifier": verifier}],
            },
        }
        if kind == "intoto":
            twice = b64(b64(signature).encode())
            logged = {"payloadType": payload_type, "signatures": [{"sig": twice, "publicKey": verifier}]}
            content = {"envelope": logged, "hash": whole, "payloadHash": payload_hash}
            body = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}
        return _bundle(certificate, self.entry(body, wish), {"dsseEnvelope": envelope})


def _bundle(certificate: x509.Certificate, entry: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    material = {"certificate": {"rawBytes": b64(_der(certificate))}, "tlogEntries": [entry]}
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        **content,
    }


def _log_entry(key: ec.EllipticCurvePrivateKey, valid: dict[str, str]) -> dict[str, Any]:
    public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
    return {
        "baseUrl": "https://log.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": public,
        "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
    }


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
