"""The page in the bundle: its sha256sum and openssl commands are run as they stand, on good bundles and on spoiled ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.bundle import container
from scanner.bundle.creating import bundle_files
from scanner.bundle.manifest import CHECKSUMS, ENVELOPE, MANIFEST, PREDICATE_TYPE, TIMESTAMP
from scanner.bundle.private_keys import generate, load_private_key
from scanner.bundle.signing import signature_in
from tests.unit.bundle.pack_lab import CONTENT, ROOT, Files, made, parts, signed
from tests.unit.supply_chain.signing.stamp_lab import Authority

PAGE = (ROOT / "reports/templates/bundle-verify.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.S) for line in block.strip().splitlines()]


def command(word: str) -> str:
    """The one command of the page with this word in it."""
    (found,) = (line for line in COMMANDS if word in line)
    return str(found)


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=folder, capture_output=True, text=True, check=False
    )


def unpacked(files: Files, folder: Path, public: bytes) -> Path:
    container.write(f"{folder}/pack/", files)
    (folder / "pack" / "vendor.pub").write_bytes(public)
    return folder / "pack"


def test_the_page_is_in_the_bundle_and_names_what_is_there() -> None:
    assert made()["VERIFY.md"].decode() == PAGE
    assert len(COMMANDS) >= 10
    assert PREDICATE_TYPE in command("cosign")


@pytest.mark.parametrize(
    ("algorithm", "tool"),
    [("ed25519", "pkeyutl"), ("ecdsa-p256", "dgst -sha256"), ("ecdsa-p384", "dgst -sha256")],
)
def test_public_tools_verify_a_bundle(algorithm: str, tool: str, tmp_path: Path) -> None:
    private, public = generate(algorithm, b"")
    folder = unpacked(signed(made(), load_private_key(private, "k", None)), tmp_path, public)
    assert run(command("sha256sum --check"), folder).returncode == 0
    assert run(command('grep -c "\\"path'), folder).stdout == "1\n"
    for word in ('"payload"', '"sig"', "printf"):
        assert run(command(word), folder).returncode == 0
    verifying = command(tool).replace("-sha256", "-sha384" if "384" in algorithm else "-sha256")
    assert run(verifying, folder).returncode == 0
    assert run(command("< manifest.json"), folder).stdout == "1\n"
    # and they refuse what was spoiled
    statement = folder.parent / "signed.bin"
    statement.write_bytes(statement.read_bytes() + b" ")
    assert run(verifying, folder).returncode != 0
    (folder / "targets/01/assessment.json").write_bytes(b"{}")
    assert run(command("sha256sum --check"), folder).returncode != 0
    (folder / CHECKSUMS).write_bytes(b"")
    assert run(command('grep -c "\\"path'), folder).stdout == "0\n"
    (folder / MANIFEST).write_bytes(b"{}")
    assert run(command("< manifest.json"), folder).stdout == "0\n"


def test_openssl_verifies_the_timestamp(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tsa")
    private, public = generate("ed25519", b"")
    key = load_private_key(private, "k", None)
    files = signed(bundle_files(parts(companions=(ENVELOPE, TIMESTAMP)), CONTENT), key)
    files[TIMESTAMP] = authority.stamp(signature_in(files[ENVELOPE]))
    folder = unpacked(files, tmp_path, public)
    (folder / "authority.pem").write_bytes((tmp_path / "tsa/ca.pem").read_bytes())
    assert run(command('"sig"'), folder).returncode == 0
    line = (
        command("openssl ts") + f" -untrusted {tmp_path}/tsa/tsa.pem"
    )  # this authority leaves itself out of its replies
    done = run(line, folder)
    assert done.returncode == 0, done.stderr
    (tmp_path / "signature.bin").write_bytes(b"other")
    assert run(line, folder).returncode != 0


@pytest.mark.skipif(shutil.which("cosign") is None, reason="Debian 12 has no package of cosign")
def test_cosign_verifies_a_bundle(tmp_path: Path) -> None:
    private, public = generate("ecdsa-p256", b"")
    folder = unpacked(signed(made(), load_private_key(private, "k", None)), tmp_path, public)
    done = run(command("cosign"), folder)
    assert done.returncode == 0, done.stderr
