"""Real LUKS volumes on plain files: headers by cryptsetup, data encrypted here with the volume key, or all by qemu-img."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from scanner.target.base import BlockDevice
from scanner.target.contents import Part, explore
from scanner.target.devices import FileDevice
from scanner.target.mapped.base import assemble
from tests.storage_lab import run, tool
from tests.support import build

KEY = b"correct horse"
OTHER = b"another one"
MIB = 1 << 20
COSTS = {
    "pbkdf2": ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"),
    "argon2id": (
        "--pbkdf",
        "argon2id",
        "--pbkdf-force-iterations",
        "4",
        "--pbkdf-memory",
        "64",
        "--pbkdf-parallel",
        "2",
    ),
    "argon2i": ("--pbkdf", "argon2i", "--pbkdf-force-iterations", "4", "--pbkdf-memory", "32", "--pbkdf-parallel", "1"),
}
SMALL = ("--luks2-metadata-size", "16k", "--luks2-keyslots-size", "1m")


def root_file_system(folder: Path, *, marker: str = "inside", size: int = 4 * MIB, **files: str) -> Path:
    """An ext4 image that holds the root of a system."""
    tree = build(
        folder / f"tree-{marker}",
        {
            "etc/os-release": "ID=debian\n",
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "etc/marker": marker,
            "usr/bin/tool": "x" * 300_000,
            **{name.replace("__", "/"): text for name, text in files.items()},
        },
    )
    image = folder / f"{marker}.ext4"
    with image.open("wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-L", marker, "-d", str(tree), str(image))
    return image


def volume(
    path: Path,
    plain: bytes,
    *,
    version: int = 2,
    kdf: str = "pbkdf2",
    cipher: str = "aes-xts-plain64",
    options: Sequence[str] = (),
    key: bytes = KEY,
) -> Path:
    """A LUKS volume with `plain` in it; the passphrase is `key`."""
    with path.open("wb") as file:
        file.truncate(2 * MIB + len(plain) if version == 2 else 4 * MIB + len(plain))
    cost = COSTS[kdf] if version == 2 else COSTS["pbkdf2"][2:]
    words = (*cost, *(SMALL if version == 2 else ()), "--cipher", cipher, *options)
    secret = key_file(path.with_suffix(".pass"), key)
    run("cryptsetup", "luksFormat", "-q", "--type", f"luks{version}", *words, str(path), str(secret))
    return fill(path, encrypted(plain, cipher, volume_key(path, secret), place(path)[1]))


def key_file(path: Path, key: bytes) -> Path:
    """A file that holds a key."""
    path.write_bytes(key)
    return path


def fill(path: Path, data: bytes) -> Path:
    """Write cipher text where the header says that the data is."""
    offset, _ = place(path)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
        file.truncate(offset + len(data))
    return path


def volume_key(path: Path, secret: Path) -> bytes:
    """The volume key, as cryptsetup writes it to a file."""
    out = path.with_name(f"{path.name}.{secrets.token_hex(4)}.key")
    words = ("luksDump", "-q", "--dump-volume-key", "--volume-key-file", str(out), "--key-file", str(secret), str(path))
    run("cryptsetup", *words)
    return out.read_bytes()


def metadata(path: Path) -> dict[str, Any]:
    """The JSON of a LUKS2 header, as cryptsetup prints it."""
    found: dict[str, Any] = json.loads(run("cryptsetup", "luksDump", "--dump-json-metadata", str(path)))
    return found


def place(path: Path) -> tuple[int, int]:
    """Offset (bytes) of the data and size of its sectors."""
    if path.read_bytes()[6:8] == b"\0\1":
        text = run("cryptsetup", "luksDump", str(path))
        return int(text.split("Payload offset:")[1].split()[0]) * 512, 512
    segment = metadata(path)["segments"]["0"]
    return int(segment["offset"]), int(segment["sector_size"])


def encrypted(plain: bytes, cipher: str, key: bytes, sector: int, *, first: int = 0) -> bytes:
    """`plain` in sectors, encrypted one by one; numbers of sectors count 512 bytes."""
    _, mode, vector = cipher.split("-", 2)
    return b"".join(
        Cipher(algorithms.AES(key), _MODES[mode](_vector(vector, key, first + start // 512)))
        .encryptor()
        .update(plain[start : start + sector])
        for start in range(0, len(plain), sector)
    )


_MODES: dict[str, Callable[[bytes], modes.XTS | modes.CBC]] = {"xts": modes.XTS, "cbc": modes.CBC}


def _vector(kind: str, key: bytes, number: int) -> bytes:
    if kind == "plain":
        return struct.pack("<IIQ", number & 0xFFFFFFFF, 0, 0)
    if kind == "plain64be":
        return struct.pack(">QQ", 0, number)
    block = struct.pack("<QQ", number, 0)
    if kind == "plain64":
        return block
    assert kind == "essiv:sha256"
    return Cipher(algorithms.AES(hashlib.sha256(key).digest()), modes.ECB()).encryptor().update(block)


def volume_of_qemu(path: Path, plain: Path, options: str) -> Path:
    """A LUKS1 volume whose header and data are made by qemu-img."""
    secret = ("--object", f"secret,id=s,data={KEY.decode()}")
    words = ("qemu-img", "convert", *secret, "-O", "luks", "-o", f"key-secret=s,iter-time=200,{options}")
    for _ in range(10):
        done = subprocess.run([tool(words[0]), *words[1:], plain, path], capture_output=True, timeout=120, check=False)
        # It measures what an iteration costs, and gives up on a busy machine.
        if b"accurate CPU usage" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return path


def opened(path: Path, *keys: bytes) -> Part:
    """The parts of an image file after these keys were tried."""
    part = explore(FileDevice(path))
    assemble(part, keys)
    return part


def inside(part: Part) -> bytes:
    """All bytes of the only part in an opened volume."""
    (child,) = part.children
    data = bytearray()
    while len(data) < child.device.size:
        data += child.device.pread(len(data), 3 * MIB)
    return bytes(data)


def closed(part: Part) -> list[str]:
    """The notes of a volume that stayed closed."""
    assert (part.state, part.children) == ("encrypted", [])
    return part.notes


class Memory(BlockDevice):
    """Bytes as a device."""

    def __init__(self, data: bytes, name: str = "disk") -> None:
        self.name = name
        self.size = len(data)
        self._data = data

    def pread(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def disk(path: Path, *partitions: tuple[bytes, str, str]) -> Path:
    """A GPT disk of partitions: content, type and name."""
    start, words = MIB, []
    for number, (content, kind, name) in enumerate(partitions, 1):
        size = -(-len(content) // MIB) * MIB
        first, last = start // 512, (start + size) // 512 - 1
        words += ["-n", f"{number}:{first}:{last}", "-t", f"{number}:{kind}", "-c", f"{number}:{name}"]
        start += size
    with path.open("wb") as file:
        file.truncate(start + MIB)
    run("sgdisk", "-a", "1", *words, str(path))
    place = MIB
    with path.open("r+b") as file:
        for content, _, _ in partitions:
            file.seek(place)
            file.write(content)
            place += -(-len(content) // MIB) * MIB
    return path
