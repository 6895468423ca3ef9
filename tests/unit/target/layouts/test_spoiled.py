"""Images of every layout, cut off and with flipped bits: an answer or a reason, never anything else."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.model.errors import AssayError, TargetError
from scanner.target.opening import open_path
from tests.unit.target.layouts import test_alpine, test_balena, test_discoverable, test_kairos
from tests.unit.target.layouts.disk_lab import disk, uki, vfat

_ROUNDS = 200 if os.environ.get("ASSAY_LONG") else 20


def _alpine(folder: Path) -> bytes:
    changes = test_alpine._archive({"etc/hostname": "device\n"})
    return vfat(folder, {**test_alpine._MEDIUM, "device.apkovl.tar.gz": changes})


def _discoverable(folder: Path) -> bytes:
    esp: dict[str, str | bytes] = {"EFI/Linux/a.efi": uki(f"usrhash={test_discoverable._HASH[test_discoverable._OLD]}")}
    return disk(folder / "disk.img", test_discoverable._specs(folder, esp)).read_bytes()


_MAKERS: dict[str, Callable[[Path], bytes]] = {
    "alpine": _alpine,
    "balena": lambda folder: disk(
        folder / "d", test_balena._specs(folder, {"bootenv": "resin_root_part=2\n"})
    ).read_bytes(),
    "discoverable": _discoverable,
    "kairos": lambda folder: disk(folder / "d", test_kairos._specs(folder, "saved_entry=fallback\n")).read_bytes(),
}


@pytest.fixture(scope="module", params=sorted(_MAKERS))
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return _MAKERS[request.param](tmp_path_factory.mktemp(request.param))


def _look(path: Path) -> None:
    try:
        target = open_path(path)
    except AssayError:
        return
    try:
        for entry in target.tree.walk("/"):
            if entry.type == "file":
                try:
                    target.tree.read(entry.path)
                except TargetError:
                    continue
    except TargetError:
        return
    finally:
        assert target.layout()["parts"]
        target.close()


def _places(data: bytes, chance: random.Random) -> list[int]:
    """Offsets in pieces of the image that hold anything: most of it is zeros."""
    used = [start for start in range(0, len(data), 4096) if any(data[start : start + 4096])]
    return [chance.choice(used) + chance.randrange(4096) for _ in range(_ROUNDS)]


def test_cut_off(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image"
    for place in _places(image, random.Random(1)):
        path.write_bytes(image[:place])
        _look(path)


def test_flipped_bits(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image"
    chance = random.Random(2)
    for place in _places(image, chance):
        data = bytearray(image)
        for offset in (place, min(place + chance.randrange(64), len(data) - 1)):
            data[min(offset, len(data) - 1)] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        _look(path)
