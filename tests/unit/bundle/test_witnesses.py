"""Others who vouch for a bundle: a timestamp authority asked over HTTP, and a sigstore identity."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scanner.bundle.creating import bundle_files
from scanner.bundle.manifest import ENVELOPE, KEYLESS, MANIFEST, TIMESTAMP, statement
from scanner.bundle.signing import signature_in
from scanner.bundle.timestamping import request_timestamp
from scanner.model.errors import InputError, UsageError
from scanner.supply_chain.signing.identities import Identity
from scanner.supply_chain.signing.timestamps import authority_in
from scanner.supply_chain.signing.trust_root import read_trust_root
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.bundle.pack_lab import CONTENT, KEY, Files, made, parts, signed, verify
from tests.unit.supply_chain.signing.sigstore_lab import IDENTITY, ISSUER, Sigstore, Wish
from tests.unit.supply_chain.signing.stamp_lab import Authority


@contextmanager
def served(authority: Authority, spoil: bytes | None = None) -> Iterator[str]:
    """The authority behind an HTTP server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            query = self.rfile.read(int(self.headers["Content-Length"]))
            data = authority.answer(query) if spoil is None else spoil
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsr"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def stamped(authority: Authority) -> Files:
    files = signed(bundle_files(parts(companions=(ENVELOPE, TIMESTAMP)), CONTENT))
    with served(authority) as url:
        return {**files, TIMESTAMP: request_timestamp(url, signature_in(files[ENVELOPE]))}


def test_a_timestamp_says_when_the_signature_existed(stamped: Files, authority: Authority, tmp_path: Path) -> None:
    wanted = Wanted((KEY.public,), authority=authority_in(authority.certificates, "tsa"))
    found = verify(stamped, wanted)
    assert found.ok
    link = next(one for one in found.links if one.link == "timestamp")
    assert link.state == "ok"
    assert "existed at 20" in link.detail
    unasked = next(one for one in verify(stamped).links if one.link == "timestamp")
    assert unasked.state == "not_checked"
    other = Wanted((KEY.public,), authority=authority_in(Authority(tmp_path / "other").certificates, "tsa"))
    assert not verify(stamped, other).ok
    for spoilt in (b"", b"0", stamped[TIMESTAMP][:-1], authority.stamp(b"other")):
        assert not verify({**stamped, TIMESTAMP: spoilt}, wanted).ok
    without = {name: data for name, data in stamped.items() if name != TIMESTAMP}
    assert not verify(without).ok, "the manifest says that there is one"


def test_an_authority_that_answers_wrongly_is_said(authority: Authority) -> None:
    for spoil in (b"", b"no", authority.stamp(b"other")):
        with served(authority, spoil) as url, pytest.raises(InputError, match="timestamp"):
            request_timestamp(url, b"signature")
    with pytest.raises(InputError, match="did not answer"):
        request_timestamp("http://127.0.0.1:9/", b"signature")
    with pytest.raises(UsageError):
        request_timestamp("file:///etc/passwd", b"signature")


SIGSTORE = Sigstore()


def _keyless(files: Files, payload: bytes | None = None, wish: Wish | None = None) -> Files:
    bundle = SIGSTORE.attest(statement(files[MANIFEST]) if payload is None else payload, wish)
    return {**files, KEYLESS: json.dumps(bundle).encode()}


def _wanted(identity: str = IDENTITY, *, key: bool = False) -> Wanted:
    root = read_trust_root(json.dumps(SIGSTORE.root()).encode())
    return Wanted((KEY.public,) if key else (), (Identity(identity, ISSUER),), root)


def test_an_identity_vouches_for_a_bundle() -> None:
    files = bundle_files(parts(companions=(KEYLESS,)), CONTENT)
    found = verify(_keyless(files), _wanted())
    assert found.ok
    assert IDENTITY in found.links[0].detail
    both = _keyless(signed(bundle_files(parts(companions=(ENVELOPE, KEYLESS)), CONTENT)))
    assert verify(both, _wanted(key=True)).ok
    assert verify(both).ok
    assert verify(both, _wanted()).ok


def test_no_other_keyless_signature_holds() -> None:
    files = bundle_files(parts(companions=(KEYLESS,)), CONTENT)
    document = json.loads(statement(files[MANIFEST]))
    other_type = json.dumps({**document, "predicateType": "https://slsa.dev/provenance/v1"}).encode()
    other_subject = json.dumps({**document, "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]}).encode()
    for spoilt in (_keyless(files, other_type), _keyless(files, other_subject), {**files, KEYLESS: b"{}"}):
        assert not verify(spoilt, _wanted()).ok
    assert not verify(_keyless(files), _wanted("https://ci.example/other")).ok
    assert not verify(_keyless(files, wish=Wish(issuer="https://else.example")), _wanted()).ok
    expired = Wish(start=Wish().start.replace(year=2024), end=Wish().end.replace(year=2024))
    assert not verify(_keyless(files, wish=expired), _wanted()).ok
    assert not verify(_keyless(files)).ok, "a key was asked for, and no key signed"
    assert not verify(made(), _wanted()).ok, "an identity was asked for, and none signed"
