"""`assay verify` from end to end: files, archives, timestamps by openssl, exit codes."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import AssayError
from tests.unit.supply_chain.signing.layout_lab import (
    DSSE,
    Key,
    LayoutLab,
    as_json,
    bundle,
    claim,
    envelope,
    message,
    sha256,
    simple,
    statement,
)
from tests.unit.supply_chain.signing.sigstore_lab import IDENTITY, ISSUER, Sigstore
from tests.unit.supply_chain.signing.stamp_lab import Authority

DATA = b"a release\n"


def run(*arguments: object) -> tuple[int, str]:
    got = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    if isinstance(got.exception, AssayError):
        return got.exception.exit_code, got.exception.message
    assert got.exception is None or isinstance(got.exception, SystemExit), got.exception
    return got.exit_code, got.output


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["raw", "base64", "wrapped", "hex"])
def test_a_detached_signature_by_openssl(tmp_path: Path, form: str) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=tmp_path)

    put(tmp_path / "file", DATA)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem")
    openssl("pkey", "-in", "key.pem", "-pubout", "-out", "key.pub")
    openssl("dgst", "-sha256", "-sign", "key.pem", "-out", "raw.sig", "file")
    raw = (tmp_path / "raw.sig").read_bytes()
    forms = {
        "raw": raw,
        "base64": base64.b64encode(raw) + b"\n",
        "wrapped": base64.encodebytes(raw),
        "hex": raw.hex().encode(),
    }
    signature = put(tmp_path / "file.sig", forms[form])
    code, said = run(tmp_path / "file", "--key", tmp_path / "key.pub", "--signature", signature)
    assert code == 0 and said.startswith("VERIFIED")
    put(tmp_path / "file", DATA + b" ")
    code, said = run(tmp_path / "file", "--key", tmp_path / "key.pub", "--signature", signature)
    assert code == 4 and said.startswith("NOT VERIFIED")


@pytest.mark.parametrize(
    ("signature", "code", "reason"),
    [
        (b"", 4, "is empty"),
        (b"\0" * 70_000, 4, "too large"),
        (b"not a signature", 4, "was not made over this file"),
        (b"untrusted comment: minisign\nRWQ=\n", 3, "minisign"),
        (b"-----BEGIN PGP SIGNATURE-----\n", 3, "OpenPGP"),
        (b"-----BEGIN SSH SIGNATURE-----\n", 3, "SSH"),
    ],
)
def test_other_signature_files(tmp_path: Path, signature: bytes, code: int, reason: str) -> None:
    key = put(tmp_path / "k.pub", Key().pem)
    got, said = run(put(tmp_path / "f", DATA), "--key", key, "--signature", put(tmp_path / "s", signature))
    assert (got, reason in said) == (code, True), said


def test_bundles_with_key_and_keyless(tmp_path: Path) -> None:
    key, sigstore = Key(), Sigstore()
    file, pub = put(tmp_path / "file", DATA), put(tmp_path / "k.pub", key.pem)
    root = put(tmp_path / "root.json", as_json(sigstore.root()))
    keyed = put(tmp_path / "keyed.json", as_json(bundle(message(DATA, key), key)))
    keyless = put(tmp_path / "keyless.json", as_json(sigstore.sign(DATA)))
    assert run(file, "--key", pub, "--bundle", keyed)[0] == 0
    who = ("--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", root)
    assert run(file, *who, "--bundle", keyless)[0] == 0
    assert run(file, *who, "--key", pub, "--bundle", keyless, "--bundle", keyed, "--threshold", "2")[0] == 0
    assert run(file, *who, "--key", pub, "--bundle", keyed, "--threshold", "2")[0] == 4
    code, said = run(file, "--identity", IDENTITY, "--issuer", ISSUER, "--bundle", keyless)
    assert code == 4 and "not trusted" in said
    assert run(file, "--identity", IDENTITY, "--bundle", keyless)[0] == 2
    assert (
        run(file, "--identity", IDENTITY, "--identity-regexp", "^a$", "--issuer", ISSUER, "--bundle", keyless)[0] == 2
    )
    assert run(file, "--key", pub, "--trusted-root", pub, "--bundle", keyed)[0] == 2


def test_an_archive_and_the_result_as_json(layout: LayoutLab, tmp_path: Path) -> None:
    key = Key()
    pub = put(tmp_path / "k.pub", key.pem)
    layout.attach(simple(key, claim(layout.digest)))
    layout.attach((as_json(envelope(statement(layout.digest), key)), DSSE, {}), how="att")
    archive = layout.archive(tmp_path / "image.tar")
    for image in (layout.root, archive):
        out = tmp_path / "out.json"
        code, said = run(image, "--key", pub, "--attestation", "cyclonedx", "--json", "-o", out)
        assert code == 0
        document = json.loads(said)
        assert document == json.loads(out.read_bytes())
        assert document["schema"] == "assay/verify/v1"
        assert document["artifact"]["digest"] == layout.digest
        assert [document["findings"][at]["kind"] for at in document["counted"]] == ["attestation"]
    assert run(layout.root, "--key", pub, "-q") == (0, "")
    assert run(layout.root, "--key", pub, "--attestation", "vsa")[0] == 4


def test_what_makes_no_sense_is_usage(layout: LayoutLab, tmp_path: Path) -> None:
    pub, file = put(tmp_path / "k.pub", Key().pem), put(tmp_path / "file", DATA)
    assert run(layout.root)[0] == 2
    assert run(file, "--key", pub)[0] == 2
    assert run(layout.root, "--key", pub, "--signature", file)[0] == 2
    assert run(layout.root, "--key", pub, "--attestation", "nonsense")[0] == 2
    assert run(tmp_path, "--key", pub)[0] == 2
    assert run(tmp_path / "missing", "--key", pub)[0] == 2
    assert run(layout.root, "--key", tmp_path / "missing.pub")[0] == 2
    assert run(layout.root, "--key", pub, "--key", pub, "--threshold", "2")[0] == 2


def test_timestamps_of_a_wanted_authority(layout: LayoutLab, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "tsa"), Authority(tmp_path / "other")
    certificates = put(tmp_path / "tsa.pem", authority.certificates)
    key = Key()
    pub, file = put(tmp_path / "k.pub", key.pem), put(tmp_path / "file", DATA)
    signature = key.sign(DATA)
    signed = put(tmp_path / "file.sig", signature)
    good = put(tmp_path / "good.tsr", authority.stamp(signature))
    detached = (file, "--key", pub, "--signature", signed, "--tsa-cert", certificates)
    code, said = run(*detached, "--timestamp", good)
    assert code == 0 and "timestamp authority" in said, said
    code, said = run(*detached)
    assert code == 4 and "there is no timestamp" in said
    for number, token in enumerate(
        (other.stamp(signature), authority.stamp(b"other"), good.read_bytes()[:-9], b"", b"\x30\x03\x02\x01\x00")
    ):
        assert run(*detached, "--timestamp", put(tmp_path / f"{number}.tsr", token))[0] == 4
    assert run(*detached[:-1], put(tmp_path / "ca.pem", (tmp_path / "tsa/ca.pem").read_bytes()))[0] == 2
    assert run(*detached[:-1], pub)[0] == 2

    stamps = {"rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(good.read_bytes()).decode()}]}
    keyed = bundle(message(DATA, key), key) | {
        "messageSignature": message(DATA, key)["messageSignature"] | {"signature": base64.b64encode(signature).decode()}
    }
    keyed["verificationMaterial"]["timestampVerificationData"] = stamps
    made = put(tmp_path / "bundle.json", as_json(keyed))
    assert run(file, "--key", pub, "--bundle", made, "--tsa-cert", certificates)[0] == 0
    code, said = run(file, "--key", pub, "--bundle", made)
    assert code == 0 and "not verified" in said

    payload = claim(layout.digest)
    layer = simple(key, payload)
    token = authority.stamp(base64.b64decode(layer[2]["dev.cosignproject.cosign/signature"]))
    text = json.dumps({"SignedRFC3161Timestamp": base64.b64encode(token).decode()})
    layer[2]["dev.sigstore.cosign/rfc3161timestamp"] = text
    layout.attach(layer)
    assert run(layout.root, "--key", pub, "--tsa-cert", certificates)[0] == 0
    second = LayoutLab(layout.root)
    assert second.digest == layout.digest and sha256(payload)
    assert run(layout.root, "--key", pub, "--tsa-cert", put(tmp_path / "o.pem", other.certificates))[0] == 4
