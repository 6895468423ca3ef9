"""Fingerprints and makers of signatures, as GnuPG gives them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import openpgp


def test_as_gnupg_says(tmp_path: Path) -> None:
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed: make test installs it (Debian package gpg)")
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}

    def gpg(*arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True, env=environment).stdout

    gpg("--quick-gen-key", "Test <t@example.org>", "ed25519", "sign", "never")
    listed = gpg("--with-colons", "--list-keys").decode().splitlines()
    fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr")).lower()
    assert openpgp.fingerprint(gpg("--export")) == fingerprint
    signature = gpg("--detach-sign", data=b"content")
    assert openpgp.issuer(signature) == fingerprint[-16:]
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)


def packet(kind: int, body: bytes) -> bytes:
    return bytes([0xC0 | kind, 255]) + len(body).to_bytes(4, "big") + body


def test_other_forms() -> None:
    assert openpgp.issuer(packet(2, b"\x03\x05\x00" + b"\0" * 4 + bytes(range(8)) + b"rest")) == "0001020304050607"
    by_fingerprint = b"\x04\0\0\0" + b"\0\x17" + b"\x16\x21\x04" + b"\xaa" * 20 + b"\0\0"
    assert openpgp.issuer(packet(2, by_fingerprint)) == "aa" * 20
    assert len(openpgp.fingerprint(packet(6, b"\x06key"))) == 64
    assert openpgp.decode_base64("AAEC") == b"\0\1\2"
    assert openpgp.decode_base64("A") == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00",
        b"\x8b\x00\x00",  # a length that is not given
        b"\xc2\xe1",  # a partial length
        packet(2, b"\x04\0\0\0\0\0\0\0"),
        packet(2, b"\x05"),
        packet(6, b"x"),
        packet(2, b"\x04")[:-1],
    ],
)
def test_malformed(data: bytes) -> None:
    for read in (openpgp.issuer, openpgp.fingerprint):
        with pytest.raises(ParseError):
            read(data)
