"""Key derivation, the anti-forensic merge, and what is refused before it costs anything."""

from __future__ import annotations

import copy
import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.boot.luks_material import read_lock
from scanner.boot.luks_unlock import MAX_DERIVATION, Work, merge, unlock
from scanner.boot.sector_cipher import check
from scanner.model.errors import LimitError, NotCollectedError, ParseError, TargetError
from tests.storage_lab import rewrite
from tests.unit.target.mapped.luks_lab import KEY, metadata, volume


def split(key: bytes, noise: list[bytes], name: str) -> bytes:
    """The other direction of `merge`, after the words of the LUKS1 specification."""
    size = hashlib.new(name).digest_size
    state = bytes(len(key))
    for stripe in noise:
        mixed = bytes(a ^ b for a, b in zip(state, stripe, strict=True))
        pieces = [mixed[start : start + size] for start in range(0, len(mixed), size)]
        state = b"".join(
            hashlib.new(name, struct.pack(">I", number) + piece).digest()[: len(piece)]
            for number, piece in enumerate(pieces)
        )
    return b"".join(noise) + bytes(a ^ b for a, b in zip(state, key, strict=True))


@settings(deadline=None, max_examples=50)
@given(data=st.data(), length=st.integers(1, 70), name=st.sampled_from(["sha1", "sha256", "sha512"]))
def test_merge_undoes_the_splitting(data: st.DataObject, length: int, name: str) -> None:
    key = data.draw(st.binary(min_size=length, max_size=length))
    noise = data.draw(st.lists(st.binary(min_size=length, max_size=length), max_size=6))
    assert merge(split(key, noise, name), len(noise) + 1, name) == key


@pytest.mark.parametrize(
    ("encryption", "key_bytes"),
    [
        ("aes-xts-plain64", 48),
        ("aes-cbc-plain64", 64),
        ("aes-xts-essiv:sha256", 64),
        ("aes-cbc-essiv:sha1", 32),
        ("aes-ecb", 32),
        ("aes-lrw-benbi", 48),
        ("aes-cbc-plain64-x", 32),
        ("capi:xts(aes)-plain64", 64),
        ("AES-xts-plain64", 64),
        ("", 64),
    ],
)
def test_ciphers_that_are_not_read(encryption: str, key_bytes: int) -> None:
    with pytest.raises(NotCollectedError, match="unsupported: luks cipher"):
        check(encryption, key_bytes)


def test_work_is_refused_before_it_is_done() -> None:
    work = Work(MAX_DERIVATION + 10)
    with pytest.raises(LimitError, match=str(MAX_DERIVATION + 1)):
        work.spend(MAX_DERIVATION + 1)
    work.spend(MAX_DERIVATION)
    work.spend(10)
    with pytest.raises(LimitError):
        work.spend(1)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = volume(tmp_path_factory.mktemp("real") / "v", bytes(1 << 20))
    return path, metadata(path)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value that can be set to something else."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*above, key)
        yield from places(value[key], (*above, key))


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    2**64,
    1e300,
    "",
    "0",
    "-1",
    str(2**63),
    "1e9",
    "é",
    "AAAA",
    [],
    {},
    ["0"],
]
ODD += [{"0": {}}, "pbkdf2", "argon2id", "argon2i", "aes-cbc-plain64", "sha1", "sha512", "x" * 3000, 4096, 64, 16]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_header_is_refused_or_tried(real: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    """Up to three values of a real header replaced by odd ones, checksums right: a lock or an error, soon."""
    path, original = real
    body = copy.deepcopy(original)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(sorted(places(body), key=repr)))
        holder = body
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = data.draw(st.sampled_from(ODD))
    rewrite(path, lambda old: (old.clear(), old.update(body)))  # type: ignore[func-returns-value]
    image = path.read_bytes()

    def read(offset: int, length: int) -> bytes:
        assert 0 <= offset <= 1 << 64
        assert 0 <= length <= 8 << 20
        return image[offset : offset + length]

    problems: list[str] = []
    try:
        opened = unlock(read_lock(read), read, KEY, Work(200_000), problems)
    except (ParseError, TargetError):
        return
    assert opened is None or opened.by == "keyslot 0"


def test_a_header_that_is_none() -> None:
    with pytest.raises(ParseError):
        read_lock(lambda offset, length: b"")
