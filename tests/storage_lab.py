"""Real storage and TPM objects for tests: LUKS devices on plain files, a software TPM, a target with block devices."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scanner.collectors.registry import collect
from scanner.model.fact import Fact
from scanner.target.base import BlockDevice
from scanner.target.tree import TreeTarget

_FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
PASSPHRASE = "correct horse"


def tool(name: str) -> str:
    """Path of a tool, or skip the test."""
    found = shutil.which(name, path=_FOLDERS)
    if found is None:
        pytest.skip(f"{name} is not installed: make test installs it")
    return found


def run(*words: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Output of a tool that must succeed."""
    command = [tool(words[0]), *words[1:]]
    done = subprocess.run(
        command,
        input=stdin.encode(),
        capture_output=True,
        env={"PATH": _FOLDERS, "LC_ALL": "C", **(environment or {})},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


def blank(path: Path, size: int = 32 << 20) -> Path:
    """A sparse file of zeros."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


_CHEAP = {
    "pbkdf2": ("--pbkdf-force-iterations", "1000"),
    "argon2id": ("--pbkdf-force-iterations", "4", "--pbkdf-memory", "65536", "--pbkdf-parallel", "1"),
    "argon2i": ("--pbkdf-force-iterations", "4", "--pbkdf-memory", "32768", "--pbkdf-parallel", "1"),
}


def luks(path: Path, *, version: int = 2, kdf: str = "pbkdf2", options: Sequence[str] = ()) -> Path:
    """A LUKS device made by cryptsetup on a plain file, slot 0 with PASSPHRASE."""
    blank(path)
    slot = ("--pbkdf", kdf, *_CHEAP[kdf]) if version == 2 else _CHEAP["pbkdf2"]
    kind = ("luksFormat", "--batch-mode", "--type", f"luks{version}", *slot, *options)
    run("cryptsetup", *kind, "--key-file", "-", str(path), stdin=PASSPHRASE)
    return path


def add_key(path: Path, passphrase: str, *, kdf: str = "pbkdf2", options: Sequence[str] = ()) -> None:
    """One more keyslot."""
    with tempfile.NamedTemporaryFile() as new:
        new.write(passphrase.encode())
        new.flush()
        words = ("luksAddKey", "--pbkdf", kdf, *_CHEAP[kdf], *options, "--key-file", "-", str(path), new.name)
        run("cryptsetup", *words, stdin=PASSPHRASE)


def add_token(path: Path, token: Mapping[str, Any]) -> None:
    """Import a token as cryptsetup does."""
    run("cryptsetup", "token", "import", "--json-file", "-", str(path), stdin=json.dumps(token))


def damage(path: Path, offset: int) -> None:
    """Flip one byte."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0xFF]))


def rewrite(path: Path, change: Callable[[dict[str, Any]], None], *, copies: Sequence[int] = (0, 0x4000)) -> None:
    """Edit the JSON of LUKS2 copies (header size 16 KiB) and set their checksums right again."""
    data = bytearray(path.read_bytes()[:0x8000])
    for start in copies:
        (size,) = struct.unpack_from(">Q", data, start + 8)
        metadata = json.loads(bytes(data[start + 4096 : start + size]).split(b"\0", 1)[0])
        change(metadata)
        text = json.dumps(metadata).encode()
        assert len(text) < size - 4096
        data[start + 4096 : start + size] = text.ljust(size - 4096, b"\0")
        data[start + 448 : start + 512] = bytes(64)
        digest = hashlib.sha256(data[start : start + size]).digest()
        data[start + 448 : start + 480] = digest
    with path.open("r+b") as file:
        file.write(data)


def reader(path: Path) -> Callable[[int, int], bytes]:
    """`read(offset, length)` over a file."""

    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return read


class FileDevice(BlockDevice):
    """A file as a block device."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.size = path.stat().st_size
        self._read = reader(path)

    def pread(self, offset: int, length: int) -> bytes:
        return self._read(offset, length)


class DeviceTarget(TreeTarget):
    """A tree with block devices beside it, as a disk image is one."""

    kind = "image"

    def __init__(self, root: Path, devices: Sequence[BlockDevice], *, runtime: bool = False) -> None:
        super().__init__(root, runtime=runtime)
        self._list = list(devices)

    def devices(self) -> list[BlockDevice]:
        return list(self._list)


def facts_with(
    root: Path, names: Sequence[str], devices: Sequence[BlockDevice], *, runtime: bool = False
) -> dict[str, Fact]:
    """The wanted facts of a tree with block devices."""
    target = DeviceTarget(root, devices, runtime=runtime)
    try:
        return collect(target, names)[0]
    finally:
        target.close()


class Tpm:
    """A running swtpm; `environment` makes tpm2-tools and Clevis use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"TPM2TOOLS_TCTI": f"swtpm:path={folder}/s", "HOME": str(folder), "TMPDIR": str(folder)}

    def run(self, *words: str, stdin: str = "", **extra: str) -> str:
        """Run a tool against this TPM, then give back the contexts it left."""
        output = run(*words, stdin=stdin, environment={**self.environment, **extra})
        for kind in ("-t", "-l", "-s"):
            run("tpm2_flushcontext", kind, environment=self.environment)
        return output

    def extend(self, pcr: int, digest: bytes) -> None:
        """Extend a PCR of the SHA-256 bank."""
        self.run("tpm2_pcrextend", f"{pcr}:sha256={digest.hex()}")

    def pcr(self, number: int) -> bytes:
        """Value of a PCR of the SHA-256 bank."""
        path = self.folder / "pcr"
        self.run("tpm2_pcrread", f"sha256:{number}", "-o", str(path))
        return path.read_bytes()

    def clevis(self, pin: str, config: Mapping[str, Any]) -> str:
        """A compact JWE of Clevis."""
        tool("clevis")
        tool(f"clevis-encrypt-{pin}")
        return self.run("clevis", "encrypt", pin, json.dumps(config), stdin="secret").strip()


@contextmanager
def software_tpm() -> Iterator[Tpm]:
    """A fresh software TPM on a Unix socket (their paths must be short)."""
    swtpm = tool("swtpm")
    tool("tpm2_pcrread")
    folder = Path(tempfile.mkdtemp(prefix="tpm"))
    (folder / "state").mkdir()
    words = [swtpm, "socket", "--tpm2", "--tpmstate", f"dir={folder}/state"]
    words += ["--server", f"type=unixio,path={folder}/s", "--ctrl", f"type=unixio,path={folder}/s.ctrl"]
    words += ["--flags", "not-need-init,startup-clear"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if (folder / "s").exists() and (folder / "s.ctrl").exists():
                break
            time.sleep(0.05)
        yield Tpm(folder)
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def jwe(header: Mapping[str, Any]) -> str:
    """A compact JWE with only its protected header filled in."""
    raw = json.dumps(header).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() + "....."


def tang_jwe() -> str:
    """A Clevis JWE of a tang pin."""
    return jwe({"alg": "ECDH-ES", "enc": "A256GCM", "clevis": {"pin": "tang", "tang": {"url": "http://tang.example"}}})


def sss_jwe(threshold: int, shares: Sequence[str]) -> str:
    """A Clevis JWE of an sss pin over other JWEs."""
    return jwe({"alg": "dir", "enc": "A256GCM", "clevis": {"pin": "sss", "sss": {"t": threshold, "jwe": list(shares)}}})


def efi_file(data: bytes, attributes: int = 7) -> bytes:
    """A file of efivarfs."""
    return struct.pack("<I", attributes) + data
