"""LUKS headers that cryptsetup made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scanner.boot.luks import luks1_hole, read_header
from scanner.model.errors import ParseError
from tests.storage_lab import add_key, add_token, blank, damage, luks, reader, rewrite


def test_luks2_argon2id_slot(tmp_path: Path) -> None:
    header = read_header(reader(luks(tmp_path / "d", kdf="argon2id", options=("--label", "root"))))
    assert header is not None
    (slot,) = header.keyslots
    assert (header.version, header.label) == (2, "root")
    assert (slot.kdf, slot.time, slot.memory, slot.cpus, slot.key_bits) == ("argon2id", 4, 65536, 1, 512)
    assert slot.opens_data
    assert slot.priority == "normal"
    assert header.segments[0].encryption == "aes-xts-plain64"
    assert header.segments[0].integrity is None
    assert [copy.valid for copy in header.copies] == [True, True]
    assert header.copies_equal is True


def test_several_slots_tokens_and_priority(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")
    add_key(path, "second", kdf="argon2i")
    add_token(path, {"type": "systemd-recovery", "keyslots": ["1"]})

    def ignore(metadata: dict[str, Any]) -> None:
        metadata["keyslots"]["1"]["priority"] = 0

    rewrite(path, ignore)
    header = read_header(reader(path))
    assert header is not None
    assert [(slot.id, slot.kdf, slot.priority) for slot in header.keyslots] == [
        ("0", "pbkdf2", "normal"),
        ("1", "argon2i", "ignore"),
    ]
    assert [(token.type, token.keyslots) for token in header.tokens] == [("systemd-recovery", ("1",))]


def test_unbound_slot_does_not_open_the_data(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")
    add_key(path, "other", options=("--unbound", "--key-size", "256"))
    header = read_header(reader(path))
    assert header is not None
    assert [slot.opens_data for slot in header.keyslots] == [True, False]


@pytest.mark.parametrize(("place", "valid"), [(600, [False, True]), (0, [False, True]), (0x4000 + 5000, [True, False])])
def test_one_damaged_copy_leaves_the_other(tmp_path: Path, place: int, valid: list[bool]) -> None:
    path = luks(tmp_path / "d")
    damage(path, place)
    header = read_header(reader(path))
    assert header is not None
    assert [copy.valid for copy in header.copies] == valid
    assert header.copies_equal is None
    assert len(header.keyslots) == 1


def test_both_copies_damaged(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")
    damage(path, 600)
    damage(path, 0x4000 + 600)
    with pytest.raises(ParseError, match="checksum is wrong"):
        read_header(reader(path))


def test_copies_that_differ(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")

    def weaken(metadata: dict[str, Any]) -> None:
        metadata["keyslots"]["0"]["kdf"]["iterations"] = 1

    rewrite(path, weaken, copies=(0x4000,))
    header = read_header(reader(path))
    assert header is not None
    assert header.copies_equal is False
    assert header.keyslots[0].iterations == 1000, "with equal seqid the primary is in force"


def test_luks1(tmp_path: Path) -> None:
    path = luks(tmp_path / "d", version=1)
    header = read_header(reader(path))
    assert header is not None
    assert (header.version, header.copies_equal) == (1, None)
    assert [(slot.id, slot.kdf, slot.iterations, slot.hash) for slot in header.keyslots] == [
        ("0", "pbkdf2", 1000, "sha256")
    ]
    assert luks1_hole(reader(path)(0, 4096)) == (2068480, 28672)


def test_no_header(tmp_path: Path) -> None:
    assert read_header(reader(blank(tmp_path / "d", 1 << 20))) is None
    assert luks1_hole(bytes(4096)) is None


@pytest.mark.parametrize(
    "start", [b"LUKS\xba\xbe\0\3", b"LUKS\xba\xbe\0\1", b"LUKS\xba\xbe\0\2", b"LUKS\xba\xbe\0\2" + b"\xff" * 4088]
)
def test_malformed(start: bytes) -> None:
    with pytest.raises(ParseError):
        read_header(lambda offset, length: start[offset : offset + length])


def test_null_cipher_and_integrity_are_seen(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")

    def change(metadata: dict[str, Any]) -> None:
        metadata["segments"]["0"] |= {"encryption": "cipher_null-ecb", "integrity": {"type": "hmac(sha256)"}}
        metadata["config"] |= {"flags": ["allow-discards"], "requirements": {"mandatory": ["online-reencrypt-v2"]}}

    rewrite(path, change)
    header = read_header(reader(path))
    assert header is not None
    assert (header.segments[0].encryption, header.segments[0].integrity) == ("cipher_null-ecb", "hmac(sha256)")
    assert (header.flags, header.requirements) == (("allow-discards",), ("online-reencrypt-v2",))
