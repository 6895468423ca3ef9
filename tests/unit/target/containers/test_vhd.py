"""VHD and VHDX images made by qemu-img hold the same bytes as the raw disk, and say what they do not hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.parsers.crc32c import crc32c
from scanner.target.contents import explore
from scanner.target.devices import FileDevice
from tests.unit.target.containers.container_lab import convert, make_disk, opened, patch, survives, whole

KINDS = {
    "dynamic": ("vpc", "force_size=on"),
    "geometry": ("vpc", ""),
    "fixed": ("vpc", "subformat=fixed,force_size=on"),
    "vhdx": ("vhdx", ""),
    "vhdx fixed": ("vhdx", "subformat=fixed"),
    "vhdx small blocks": ("vhdx", "block_size=1M"),
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_disk(tmp_path_factory.mktemp("disk") / "disk.raw")


@pytest.mark.parametrize("kind", KINDS)
def test_the_disk_is_the_same(kind: str, raw: Path, tmp_path: Path) -> None:
    format_, options = KINDS[kind]
    path = convert(raw, tmp_path / "disk", format_, options)
    part = explore(FileDevice(path))
    assert (part.kind, part.state, part.notes) == ("vhdx" if "vhdx" in kind else "vhd", "read", [])
    device = opened(path)
    data = raw.read_bytes()
    assert device.size == len(data) or (kind == "geometry" and device.size > len(data))
    assert whole(device)[: len(data)] == data
    assert not any(device.pread(len(data), 1 << 20))
    assert device.pread(65_500, 100) == data[65_500:65_600]
    (tmp_path / "packed").write_bytes(gzip.compress(path.read_bytes(), 1))
    assert whole(explore(FileDevice(tmp_path / "packed")).children[0].children[0].device)[: len(data)] == data


def test_more_blocks_than_one_bitmap_covers(tmp_path: Path) -> None:
    """The block table of a VHDX has other entries between: at 1 MiB blocks after every 4 GiB."""
    raw = make_disk(tmp_path / "raw", 9 << 30)
    with raw.open("r+b") as stream:
        for at in ((4 << 30) - 512, 4 << 30, (8 << 30) + 4096):
            stream.seek(at)
            stream.write(at.to_bytes(8, "big") * 64)
    device = opened(convert(raw, tmp_path / "disk", "vhdx", "block_size=1M"))
    assert device.size == 9 << 30
    for at in (0, (4 << 30) - 512, 4 << 30, (8 << 30) + 4096, (9 << 30) - 512):
        with raw.open("rb") as stream:
            stream.seek(at)
            assert device.pread(at, 512) == stream.read(512), at
    raw.unlink()


def resum(footer: bytes, place: int) -> bytes:
    blank = footer[:place] + bytes(4) + footer[place + 4 :]
    return footer[:place] + (~sum(blank) & 0xFFFFFFFF).to_bytes(4, "big") + footer[place + 4 :]


def test_a_difference_is_refused(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["dynamic"])
    footer = path.read_bytes()[:512]
    changed = resum(footer[:60] + (4).to_bytes(4, "big") + footer[64:], 64)
    patch(path, 0, changed)
    patch(path, 512 + 64, "base.vhd".encode("utf-16-be"))
    with pytest.raises(NotCollectedError, match=r"difference to another disk \(base.vhd\)"):
        opened(path)


def test_a_damaged_start_is_read_by_the_footer_at_the_end(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["dynamic"])
    patch(path, 0, bytes(512))
    device = opened(path)
    assert whole(device) == raw.read_bytes()
    assert list(device.notes) == ["the start of the VHD is damaged, the footer at its end is used"]
    patch(path, -512, bytes(512))
    with pytest.raises(DamagedError, match="neither footer"):
        opened(path)


@pytest.mark.parametrize(("kind", "cut"), [("dynamic", 3_000_000), ("vhdx small blocks", 1_000_000)])
def test_a_cut_off_file_says_so(kind: str, cut: int, raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS[kind])
    path.write_bytes(path.read_bytes()[:-cut])
    part = explore(FileDevice(path))
    assert part.state == "damaged"
    assert any("are cut off" in note for note in part.notes), part.notes


def test_a_fixed_vhd_that_was_cut_in_the_middle(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["fixed"])
    data = path.read_bytes()
    path.write_bytes(data[:1_000_000] + data[-512:])
    part = explore(FileDevice(path))
    assert (part.kind, part.state) == ("vhd", "damaged")
    assert part.notes == [f"the VHD holds 1000000 bytes of a disk of {len(data) - 512}"]


def test_a_sector_that_some_readers_would_not_show(raw: Path, tmp_path: Path) -> None:
    """Whether an unwritten sector of a block is zeros or what lies there depends on who reads: neither is right."""
    path = convert(raw, tmp_path / "disk", *KINDS["dynamic"])
    table = int.from_bytes(path.read_bytes()[512 + 16 : 512 + 24], "big")
    block = int.from_bytes(path.read_bytes()[table : table + 4], "big") * 512
    patch(path, block, b"\x7f")
    device = opened(path)
    with pytest.raises(DamagedError, match="not marked as written"):
        device.pread(0, 512)
    assert device.pread(512, 512) == raw.read_bytes()[512:1024]
    patch(path, block, b"\xff" * 8 + b"\0" * 8)
    assert device.pread(40_000, 512) == bytes(512)


def headers(path: Path, at: int, value: bytes) -> None:
    """Set bytes in both headers of a VHDX and mend their checksums."""
    for place in (64 << 10, 128 << 10):
        raw = bytearray(path.read_bytes()[place : place + 4096])
        raw[at : at + len(value)] = value
        raw[4:8] = bytes(4)
        raw[4:8] = crc32c(bytes(raw)).to_bytes(4, "little")
        patch(path, place, bytes(raw))


def test_a_log_to_replay_is_refused(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["vhdx"])
    headers(path, 48, b"log to replay 16")
    with pytest.raises(NotCollectedError, match="unsupported: VHDX with a log to replay"):
        opened(path)
    headers(path, 48, bytes(16))
    assert whole(opened(path)) == raw.read_bytes()


def test_the_newer_header_counts(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["vhdx"])
    sequence = [int.from_bytes(path.read_bytes()[place + 8 : place + 16], "little") for place in (65536, 131072)]
    older = 65536 if sequence[0] < sequence[1] else 131072
    whole_file = path.read_bytes()
    headers(path, 48, b"log to replay 16")
    newer = 65536 + 131072 - older
    patch(path, newer, whole_file[newer : newer + 4096])
    assert opened(path).notes == []
    patch(path, older + 100, b"\1")
    assert opened(path).notes == ["one of the two headers of the VHDX is damaged"]
    patch(path, newer + 100, b"\1")
    with pytest.raises(DamagedError, match="neither header"):
        opened(path)


def test_a_parent_and_unknown_parts_of_a_vhdx_are_refused(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["vhdx"])
    data = path.read_bytes()
    metadata = data.index(b"metadata")
    parameters = data.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"), metadata)
    item = metadata + int.from_bytes(data[parameters + 16 : parameters + 20], "little")
    patch(path, item + 4, b"\2")
    with pytest.raises(NotCollectedError, match="difference to another disk"):
        opened(path)
    patch(path, item + 4, b"\0")
    patch(path, data.index(bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8"), metadata), b"\0")
    with pytest.raises(NotCollectedError, match="unsupported: VHDX metadata"):
        opened(path)


def test_a_damaged_region_table_is_replaced_by_its_copy(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk", *KINDS["vhdx"])
    patch(path, (192 << 10) + 40, b"\xee")
    device = opened(path)
    assert device.notes == ["a region table of the VHDX is damaged, its copy is used"]
    assert whole(device) == raw.read_bytes()
    patch(path, (256 << 10) + 40, b"\xee")
    with pytest.raises(DamagedError, match="neither region table"):
        opened(path)


@pytest.mark.parametrize("kind", ["dynamic", "fixed", "vhdx small blocks"])
def test_spoiled_images_end_in_target_errors(kind: str, tmp_path: Path) -> None:
    raw = make_disk(tmp_path / "raw", 3_100_160)
    path = convert(raw, tmp_path / "disk", *KINDS[kind])
    assert survives(path, path.read_bytes(), 4096 if kind == "dynamic" else 3 << 20) > 0
