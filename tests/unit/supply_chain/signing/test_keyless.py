"""Keyless bundles of a sigstore instance of our own: good ones verify, and each spoiled point alone is refused."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scanner.model.errors import UsageError
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.deciding import decide
from scanner.supply_chain.signing.identities import Identity
from scanner.supply_chain.signing.keyless import built_in_root
from scanner.supply_chain.signing.result import Verification
from scanner.supply_chain.signing.trust_root import read_trust_root
from scanner.supply_chain.signing.verifying import look_at_file
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.layout_lab import Key, b64, bundle, message, sha256, statement
from tests.unit.supply_chain.signing.sigstore_lab import IDENTITY, ISSUER, NOW, Sigstore, Wish

DATA = b"VelaOS 1.0\n"
SIGSTORE = Sigstore()
V1 = "https://in-toto.io/Statement/v1"
Document = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def run(found: Document, *, root: Document | None = None, wanted: Identity | None = None, **more: Any) -> Verification:
    trusted = read_trust_root(json.dumps(root or SIGSTORE.root()).encode())
    trust = Wanted(identities=(wanted or Identity(IDENTITY, ISSUER),), root=trusted, **more)
    return decide(
        look_at_file(artifact_of(DATA), "file", trust, bundles=[("bundle.json", json.dumps(found).encode())]), trust
    )


def attested(digest: str = sha256(DATA), **more: Any) -> Document:
    return SIGSTORE.attest(statement(digest, type_=V1), **more)


@pytest.mark.parametrize("make", [lambda: SIGSTORE.sign(DATA), attested, lambda: attested(kind="intoto")])
def test_a_good_bundle_verifies_with_who_and_when(make: Callable[[], Document]) -> None:
    found = run(make())
    assert found.ok, found.reason
    one = found.findings[0]
    assert one.signer is not None and (one.signer.identity, one.signer.issuer) == (IDENTITY, ISSUER)
    assert (one.time, one.time_source) == ("2026-01-15T12:00:00Z", "transparency log")
    assert one.subject == sha256(DATA)


def test_identities_may_be_patterns_for_the_whole_text() -> None:
    good = SIGSTORE.sign(DATA)
    assert run(good, wanted=Identity(r"^https://ci\.example/velaos/.*$", ISSUER, identity_is_pattern=True)).ok
    assert run(good, wanted=Identity(IDENTITY, r"^https://[a-z.]+\.example$", issuer_is_pattern=True)).ok
    assert not run(good, wanted=Identity(r"^https://ci\.example/velaos$", ISSUER, identity_is_pattern=True)).ok
    for pattern in ("https://ci.example/.*", "^https://ci", r"ci.*$", r"^ci\$", "^(ci$"):
        with pytest.raises(UsageError):
            Identity(pattern, ISSUER, identity_is_pattern=True)
    with pytest.raises(UsageError):
        Identity(IDENTITY, "")


def test_a_mail_address_is_an_identity() -> None:
    found = SIGSTORE.sign(DATA, Wish(names=[x509.RFC822Name("release@vela.example")]))
    assert run(found, wanted=Identity("release@vela.example", ISSUER)).ok


def _entry(found: Document) -> Document:
    entry: Document = found["verificationMaterial"]["tlogEntries"][0]
    return entry


def _changed(change: Callable[[Document], object], make: Callable[[], Document] | None = None) -> Document:
    found = make() if make else SIGSTORE.sign(DATA)
    change(found)
    return found


def _other_body(found: Document) -> None:
    _entry(found)["canonicalizedBody"] = _entry(SIGSTORE.sign(DATA))["canonicalizedBody"]


def _other_entry(found: Document) -> None:
    found["verificationMaterial"]["tlogEntries"] = SIGSTORE.sign(DATA)["verificationMaterial"]["tlogEntries"]


def _other_certificate(found: Document) -> None:
    found["verificationMaterial"]["certificate"] = SIGSTORE.sign(DATA)["verificationMaterial"]["certificate"]


def _other_time(found: Document) -> None:
    _entry(found)["integratedTime"] = str(int(NOW.timestamp()) + 60)


def _checkpoint(found: Document) -> None:
    checkpoint = _entry(found)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].replace("log.example\n1\n", "log.example\n2\n", 1)


def _other_statement(found: Document) -> None:
    found["dsseEnvelope"]["payload"] = b64(statement(sha256(DATA), type_=V1, predicate={"other": 1}))


def _two_readings(found: Document) -> None:
    """A second signer beside the certificate."""
    found["verificationMaterial"]["publicKey"] = {"hint": "AAAA"}


def _flipped(found: Document) -> None:
    raw = bytearray(base64.b64decode(found["messageSignature"]["signature"]))
    raw[-1] ^= 1
    found["messageSignature"]["signature"] = b64(bytes(raw))


HOUR = timedelta(hours=1)
OTHER = Sigstore()

REFUSED: dict[str, tuple[Callable[[], Document], str]] = {
    "identity longer than wanted": (lambda: SIGSTORE.sign(DATA, Wish(identity=IDENTITY + "-fork")), "not by"),
    "identity shorter than wanted": (lambda: SIGSTORE.sign(DATA, Wish(identity=IDENTITY[:-1])), "not by"),
    "identity in capitals": (lambda: SIGSTORE.sign(DATA, Wish(identity=IDENTITY.upper())), "not by"),
    "another issuer": (lambda: SIGSTORE.sign(DATA, Wish(issuer="https://evil.example")), "comes from"),
    "issuer longer than wanted": (lambda: SIGSTORE.sign(DATA, Wish(issuer=ISSUER + ".evil.example")), "comes from"),
    "two issuers": (lambda: SIGSTORE.sign(DATA, Wish(issuer_der="https://evil.example")), "or says twice"),
    "two identities": (
        lambda: SIGSTORE.sign(
            DATA,
            Wish(
                names=[x509.UniformResourceIdentifier(IDENTITY), x509.UniformResourceIdentifier("https://evil.example")]
            ),
        ),
        "names 2 identities",
    ),
    "an identity of another kind": (
        lambda: SIGSTORE.sign(DATA, Wish(names=[x509.DNSName("ci.example")])),
        "identities, not one",
    ),
    "certificate expired when it was logged": (
        lambda: SIGSTORE.sign(DATA, Wish(start=NOW - 2 * HOUR, end=NOW - HOUR)),
        "was not valid when it signed",
    ),
    "certificate not yet valid when it was logged": (
        lambda: SIGSTORE.sign(DATA, Wish(start=NOW + HOUR, end=NOW + 2 * HOUR)),
        "was not valid when it signed",
    ),
    "no proven time": (lambda: SIGSTORE.sign(DATA, Wish(promise=False)), "inclusion promise|signed timestamp"),
    "certificate of a CA": (lambda: SIGSTORE.sign(DATA, Wish(is_ca=True)), "no trusted issuer"),
    "certificate for servers": (
        lambda: SIGSTORE.sign(DATA, Wish(usage=ExtendedKeyUsageOID.SERVER_AUTH)),
        "code signing",
    ),
    "certificate that was not logged": (lambda: SIGSTORE.sign(DATA, Wish(sct=False)), "was not logged|SCT"),
    "another sigstore instance": (lambda: OTHER.sign(DATA), "not trusted"),
    "log entry before the log was trusted": (
        lambda: SIGSTORE.sign(DATA, Wish(logged=NOW - timedelta(days=364))),
        "was not when it took the entry",
    ),
    "signature of another file": (lambda: SIGSTORE.sign(b"other"), "states another digest"),
    "signature flipped": (lambda: _changed(_flipped), "does not fit|another signature"),
    "log entry of another signature": (lambda: _changed(_other_entry), "about another signature"),
    "body of another entry": (lambda: _changed(_other_body), "not proven to be in the log"),
    "certificate of another signature": (lambda: _changed(_other_certificate), "does not fit"),
    "log time changed": (lambda: _changed(_other_time), "not proven to be in the log"),
    "promise removed": (lambda: _changed(lambda one: _entry(one).pop("inclusionPromise")), "promise|timestamp"),
    "proof removed": (lambda: _changed(lambda one: _entry(one).pop("inclusionProof")), "inclusionProof"),
    "checkpoint changed": (lambda: _changed(_checkpoint), "not proven to be in the log"),
    "a hash more in the proof": (
        lambda: _changed(lambda one: _entry(one)["inclusionProof"]["hashes"].append(b64(bytes(32)))),
        "not proven to be in the log",
    ),
    "log entry removed": (
        lambda: _changed(lambda one: one["verificationMaterial"].update(tlogEntries=[])),
        "exactly one log entry",
    ),
    "log entry twice": (
        lambda: _changed(lambda one: one["verificationMaterial"]["tlogEntries"].append(_entry(one))),
        "exactly one log entry",
    ),
    "certificate that is none": (
        lambda: _changed(lambda one: one["verificationMaterial"].update(certificate={"rawBytes": b64(b"x")})),
        "cannot be verified",
    ),
    "a key beside the certificate": (lambda: _changed(_two_readings), "exactly one signer"),
    "a bundle made with a key": (lambda: bundle(message(DATA, Key()), Key()), "no key was given"),
    "statement about another file": (lambda: attested("sha256:" + "1" * 64), "about something else"),
    "statement of kind intoto about another file": (
        lambda: attested("sha256:" + "1" * 64, kind="intoto"),
        "about something else",
    ),
    "statement replaced": (lambda: _changed(_other_statement, attested), "does not fit"),
    "statement of kind intoto replaced": (
        lambda: _changed(_other_statement, lambda: attested(kind="intoto")),
        "not made by the key of the certificate",
    ),
    "log entry of kind intoto of another statement": (
        lambda: _changed(
            lambda one: one["verificationMaterial"].update(
                dict(one["verificationMaterial"], tlogEntries=[_entry(attested(kind="intoto"))])
            ),
            lambda: attested(kind="intoto"),
        ),
        "about another signature",
    ),
    "certificate expired, kind intoto": (
        lambda: attested(kind="intoto", wish=Wish(start=NOW - 2 * HOUR, end=NOW - HOUR)),
        "was not valid when it signed",
    ),
    "no proven time, kind intoto": (
        lambda: attested(kind="intoto", wish=Wish(promise=False)),
        "inclusion promise|signed timestamp",
    ),
    "wrong identity, kind intoto": (
        lambda: attested(kind="intoto", wish=Wish(identity="https://evil.example")),
        "not by",
    ),
    "two signatures in the envelope": (
        lambda: _changed(
            lambda one: one["dsseEnvelope"]["signatures"].append(one["dsseEnvelope"]["signatures"][0]), attested
        ),
        "signature",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_spoiled_bundle_verifies(name: str) -> None:
    make, reason = REFUSED[name]
    found = run(make())
    assert not found.ok and found.counted == ()
    assert re.search(reason, found.reason), found.reason


def test_a_log_is_trusted_to_the_last_second_and_no_longer() -> None:
    good = SIGSTORE.sign(DATA)
    assert run(good, root=SIGSTORE.root(log_end=NOW)).ok
    assert not run(good, root=SIGSTORE.root(log_end=NOW - timedelta(seconds=1))).ok


def test_the_built_in_root_is_read_without_touching_the_user_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    built_in_root.cache_clear()
    root = built_in_root()
    assert root.logs and root.authorities
    assert not home.exists()
    assert os.environ["XDG_CACHE_HOME"] == str(home)
    trusted = Wanted(identities=(Identity(IDENTITY, ISSUER),))
    found = decide(
        look_at_file(artifact_of(DATA), "file", trusted, bundles=[("b", json.dumps(SIGSTORE.sign(DATA)).encode())]),
        trusted,
    )
    assert not found.ok and "not trusted" in found.reason


def test_a_bundle_made_with_a_key_must_be_what_its_log_entry_says() -> None:
    key = Key()
    made = bundle(message(DATA, key), key)
    body = {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": sha256(DATA).removeprefix("sha256:")}},
            "signature": {
                "content": made["messageSignature"]["signature"],
                "publicKey": {"content": b64(key.pem)},
            },
        },
    }
    trusted = Wanted(keys=(key.public,), root=read_trust_root(json.dumps(SIGSTORE.root()).encode()))

    def check(document: Document, entry: Document) -> Verification:
        document = document | {"verificationMaterial": document["verificationMaterial"] | {"tlogEntries": [entry]}}
        return decide(
            look_at_file(artifact_of(DATA), "file", trusted, bundles=[("b", json.dumps(document).encode())]), trusted
        )

    good = check(made, SIGSTORE.entry(body, Wish()))
    assert good.ok, good.reason
    assert good.findings[0].time == "2026-01-15T12:00:00Z"
    for entry in (
        SIGSTORE.entry(body, Wish()) | {"integratedTime": "1"},
        OTHER.entry(body, Wish()),
        _entry(SIGSTORE.sign(DATA)),
        SIGSTORE.entry(body | {"kind": "rekord"}, Wish()),
        SIGSTORE.entry(body | {"spec": {}}, Wish()),
        SIGSTORE.entry(body, Wish()) | {"kindVersion": {"kind": "dsse", "version": "0.0.1"}},
    ):
        assert not check(made, entry).ok
