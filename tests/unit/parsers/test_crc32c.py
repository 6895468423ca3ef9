"""CRC-32C against the vectors of RFC 3720 B.4 and a bit by bit oracle."""

import random

import pytest

from scanner.parsers.crc32c import _FOLDS, crc32c, update


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_vectors(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def _slow(register: int, data: bytes) -> int:
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register


def test_any_length_and_any_chaining() -> None:
    chance = random.Random(3)
    for length in [*range(80, 140), *(chance.randrange(3000) for _ in range(60)), 4096, 16384, 65536, 70001]:
        data = chance.randbytes(length)
        cut = chance.randrange(length + 1)
        assert update(update(0xFFFFFFFF, data[:cut]), data[cut:]) == _slow(0xFFFFFFFF, data), length
    assert update(0, bytes(4096)) == 0


def test_every_fold_is_true_of_the_polynomial() -> None:
    power, powers = 1, {}
    for exponent in range(_FOLDS[0][0] + 1):
        powers[exponent] = power
        power = power << 1 ^ (0x11EDC6F41 if power >> 31 else 0)
    for exponent, parts in _FOLDS:
        total = 0
        for part in parts:
            total ^= powers[part]
        assert total == powers[exponent]
