"""LUKS volumes that a key opens: headers of cryptsetup, whole volumes of qemu-img."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError
from scanner.target.mapped._crypt import CryptDevice
from scanner.target.mapped.luks import NOT_OPENED
from tests.storage_lab import add_key, rewrite, run
from tests.unit.target.mapped.luks_lab import (
    COSTS,
    KEY,
    MIB,
    OTHER,
    Memory,
    closed,
    encrypted,
    fill,
    inside,
    key_file,
    opened,
    place,
    root_file_system,
    volume,
    volume_key,
    volume_of_qemu,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return root_file_system(tmp_path_factory.mktemp("root")).read_bytes()


@pytest.mark.parametrize(
    ("version", "kdf", "options"),
    [
        (2, "pbkdf2", ()),
        (2, "argon2id", ()),
        (2, "argon2i", ()),
        (2, "argon2id", ("--sector-size", "4096")),
        (2, "pbkdf2", ("--sector-size", "2048", "--key-size", "256", "--hash", "sha512")),
        (2, "pbkdf2", ("--hash", "sha1")),
        (2, "pbkdf2", ("--hash", "sha3-256")),
        (1, "pbkdf2", ()),
        (1, "pbkdf2", ("--hash", "sha1", "--key-size", "256")),
        (1, "pbkdf2", ("--hash", "ripemd160")),
    ],
)
def test_volume_of_cryptsetup(tmp_path: Path, root: bytes, version: int, kdf: str, options: tuple[str, ...]) -> None:
    part = opened(volume(tmp_path / "v", root, version=version, kdf=kdf, options=options), KEY)
    assert (part.kind, part.state, part.notes) == (f"luks{version}", "read", ["opened with the key given, keyslot 0"])
    (child,) = part.children
    assert (child.name, child.kind, child.label, child.device.mapped) == ("disk-luks", "ext4", "inside", "crypt")
    assert inside(part) == root
    assert child.tree is not None
    assert child.tree.read("/etc/marker") == b"inside"


@pytest.mark.parametrize(
    "options",
    [
        "cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=sha256",
        "cipher-alg=aes-128,cipher-mode=xts,ivgen-alg=plain,hash-alg=sha1",
        "cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha512",
    ],
)
def test_volume_of_qemu(tmp_path: Path, root: bytes, options: str) -> None:
    image = volume_of_qemu(tmp_path / "image", key_file(tmp_path / "plain", root), options)
    part = opened(image, KEY)
    assert part.notes == ["opened with the key given, keyslot 0"]
    assert inside(part) == root


@pytest.mark.parametrize("key", [KEY, KEY + b"\n"])
@pytest.mark.parametrize("given", [KEY, KEY + b"\n"])
def test_newline_at_the_end(tmp_path: Path, root: bytes, key: bytes, given: bytes) -> None:
    """The file is the passphrase as it is; without its newline it is tried too, but none is ever added."""
    part = opened(volume(tmp_path / "v", root, key=key), given)
    assert (part.state == "read") == (given.startswith(key))


def test_binary_key_file(tmp_path: Path, root: bytes) -> None:
    key = bytes(range(256)) * 8 + b"\n"
    assert inside(opened(volume(tmp_path / "v", root, key=key), b"x", key)) == root


def test_volume_key(tmp_path: Path, root: bytes) -> None:
    for version in (1, 2):
        path = volume(tmp_path / f"v{version}", root, version=version)
        part = opened(path, volume_key(path, tmp_path / f"v{version}.pass"))
        assert part.notes == ["opened with the volume key given"]
        assert inside(part) == root
        assert closed(opened(path, bytes(64))) == [NOT_OPENED]


def test_several_slots(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root, options=("--key-size", "256"))
    add_key(path, OTHER.decode())
    assert opened(path, OTHER).notes == ["opened with the key given, keyslot 1"]
    run("cryptsetup", "luksKillSlot", "-q", str(path), "0")
    assert closed(opened(path, KEY)) == [NOT_OPENED]
    assert inside(opened(path, KEY, OTHER)) == root


@pytest.mark.parametrize(
    ("priorities", "slot"), [(("normal", "normal"), 0), (("normal", "prefer"), 1), (("ignore", "normal"), 1)]
)
def test_priority(tmp_path: Path, root: bytes, priorities: tuple[str, ...], slot: int) -> None:
    path = volume(tmp_path / "v", root, options=("--key-size", "256"))
    add_key(path, KEY.decode())
    for number, priority in enumerate(priorities):
        run("cryptsetup", "config", "--key-slot", str(number), "--priority", priority, str(path))
    assert opened(path, KEY).notes == [f"opened with the key given, keyslot {slot}"]


def test_an_ignored_slot_is_tried_last(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root)
    run("cryptsetup", "config", "--key-slot", "0", "--priority", "ignore", str(path))
    assert opened(path, KEY).state == "read"


def test_a_slot_of_another_key_opens_nothing(tmp_path: Path, root: bytes) -> None:
    path, secret = volume(tmp_path / "v", root, options=("--key-size", "256")), key_file(tmp_path / "s", OTHER)
    words = ("luksAddKey", "-q", "--unbound", "--key-size", "256", *COSTS["pbkdf2"])
    run("cryptsetup", *words, str(path), str(secret))
    assert closed(opened(path, OTHER)) == [NOT_OPENED]


def test_secondary_header(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root)
    with path.open("r+b") as file:
        file.write(bytes(4096))
    assert inside(opened(path, KEY)) == root


@pytest.mark.parametrize(
    ("cipher", "bits"),
    [
        ("aes-xts-plain", 256),
        ("aes-xts-plain64be", 512),
        ("aes-cbc-plain64", 128),
        ("aes-cbc-plain64", 192),
        ("aes-cbc-plain", 256),
        ("aes-cbc-essiv:sha256", 256),
    ],
)
@pytest.mark.parametrize(("version", "sector"), [(1, 512), (2, 512), (2, 4096)])
def test_other_ciphers(tmp_path: Path, root: bytes, cipher: str, bits: int, version: int, sector: int) -> None:
    options = ("--key-size", str(bits), *(("--sector-size", str(sector)) if version == 2 else ()))
    path = volume(tmp_path / "v", root, version=version, cipher=cipher, options=options)
    assert inside(opened(path, KEY)) == root


@pytest.mark.parametrize("cipher", ["aes-xts-plain", "aes-xts-plain64", "aes-xts-plain64be"])
def test_sector_numbers_from_a_tweak(tmp_path: Path, root: bytes, cipher: str) -> None:
    path = volume(tmp_path / "v", root, cipher=cipher)
    first = (1 << 32) - 24
    fill(path, encrypted(root, cipher, volume_key(path, tmp_path / "v.pass"), place(path)[1], first=first))
    rewrite(path, lambda body: body["segments"]["0"].update(iv_tweak=str(first)))
    assert inside(opened(path, KEY)) == root


@pytest.mark.parametrize("size", [2 * MIB, 8 * MIB])
def test_segment_of_a_stated_size(tmp_path: Path, root: bytes, size: int) -> None:
    path = volume(tmp_path / "v", root)
    rewrite(path, lambda body: body["segments"]["0"].update(size=str(size)))
    part = opened(path, KEY)
    assert inside(part) == root[:size]
    missing = size - len(root)
    assert part.notes[:-1] == ([f"cut off: {missing} bytes are missing at the end"] if missing > 0 else [])


def test_volume_in_a_volume(tmp_path: Path, root: bytes) -> None:
    inner = volume(tmp_path / "inner", root, key=OTHER).read_bytes()
    path = volume(tmp_path / "outer", inner)
    (child,) = opened(path, OTHER, KEY).children
    assert (child.name, child.state, child.notes) == ("disk-luks", "read", ["opened with the key given, keyslot 0"])
    assert inside(child) == root
    assert closed(opened(path, KEY).children[0]) == [NOT_OPENED]


def test_reads_at_any_place(root: bytes) -> None:
    key = bytes(range(64))
    chance = random.Random(1)
    for sector in (512, 4096):
        from scanner.boot.sector_cipher import sector_cipher

        device = CryptDevice(
            Memory(bytes(MIB) + encrypted(root, "aes-xts-plain64", key, sector)),
            "x",
            offset=MIB,
            size=len(root),
            sector=sector,
            tweak=0,
            decrypt=sector_cipher("aes-xts-plain64", key),
        )
        assert device.pread(len(root) - 1, 10) == root[-1:]
        assert device.pread(len(root), 10) == b""
        assert device.pread(MIB - 700, 2 * MIB + 900) == root[MIB - 700 : 3 * MIB + 200]
        for _ in range(200):
            offset, length = chance.randrange(len(root)), chance.randrange(20_000)
            assert device.pread(offset, length) == root[offset : offset + length]
        with pytest.raises(DamagedError):
            device.pread(-1, 1)
