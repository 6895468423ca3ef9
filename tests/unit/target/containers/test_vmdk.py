"""VMDK images made by qemu-img hold the same bytes as the raw disk, and say what they do not hold."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.errors import DamagedError, NotCollectedError
from scanner.target.containers._vmdk_descriptor import parse
from scanner.target.contents import explore
from scanner.target.devices import FileDevice
from tests.unit.target.containers.container_lab import convert, make_disk, opened, patch, qemu_img, survives, whole

SECTOR = 512


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_disk(tmp_path_factory.mktemp("disk") / "disk.raw")


def make(raw: Path, path: Path, kind: str, more: str = "") -> Path:
    return convert(raw, path, "vmdk", f"subformat={kind}{more}")


@pytest.mark.parametrize(
    ("kind", "more"), [("monolithicSparse", ""), ("monolithicSparse", ",zeroed_grain=on"), ("streamOptimized", "")]
)
def test_the_disk_is_the_same(kind: str, more: str, raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", kind, more)
    device = opened(path)
    data = raw.read_bytes()
    assert device.size == len(data)
    assert whole(device) == data
    assert device.pread(65_500, 100) == data[65_500:65_600]
    assert device.pread(device.size, 10) == b""
    assert (device.damaged, list(device.notes)) == (False, [])
    (tmp_path / "packed").write_bytes(gzip.compress(path.read_bytes()))
    part = explore(FileDevice(tmp_path / "packed")).children[0]
    assert (part.kind, part.state) == ("vmdk", "read")
    assert whole(part.children[0].device) == data


def test_zeroed_grains_are_zeros(raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", "monolithicSparse", ",zeroed_grain=on")
    head = path.read_bytes()[:SECTOR]
    directory = int.from_bytes(head[56:64], "little") * SECTOR
    table = int.from_bytes(path.read_bytes()[directory : directory + 4], "little") * SECTOR
    patch(path, table, (1).to_bytes(4, "little"))
    data = raw.read_bytes()
    assert whole(opened(path)) == bytes(65_536) + data[65_536:]


def refusal(path: Path) -> str:
    with pytest.raises(NotCollectedError) as caught:
        opened(path)
    part = explore(FileDevice(path))
    assert (part.kind, part.state, part.notes, part.children) == ("vmdk", "unsupported", [str(caught.value)], [])
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "file"),
    [("monolithicFlat", "disk-flat"), ("twoGbMaxExtentFlat", "disk-f001"), ("twoGbMaxExtentSparse", "disk-s001")],
)
def test_a_disk_in_another_file_is_named(kind: str, file: str, raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", kind)
    said = refusal(path)
    assert said == f"unsupported: VMDK {kind}: the disk is in another file: {file}.vmdk; scan that file"
    extent = explore(FileDevice(tmp_path / f"{file}.vmdk"))
    inside = extent.children[0] if kind.endswith("Sparse") else extent
    assert whole(inside.device) == raw.read_bytes()
    if kind.endswith("Sparse"):
        assert extent.notes == ["an extent without a descriptor: the disk may go on in other files"]


def test_a_disk_in_several_files_is_named(tmp_path: Path) -> None:
    path = tmp_path / "big.vmdk"
    qemu_img("create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", str(path), "5G")
    said = refusal(path)
    assert "in 3 other files: big-s001.vmdk, big-s002.vmdk, big-s003.vmdk; convert" in said


def test_a_difference_is_refused(raw: Path, tmp_path: Path) -> None:
    make(raw, tmp_path / "base.vmdk", "monolithicSparse")
    path = tmp_path / "child.vmdk"
    qemu_img("create", "-q", "-f", "vmdk", "-b", str(tmp_path / "base.vmdk"), "-F", "vmdk", str(path))
    assert refusal(path) == f"unsupported: VMDK that is a difference to another disk ({tmp_path}/base.vmdk)"


@pytest.mark.parametrize(("head", "word"), [(b"COWD", "COWD"), (b"\xbe\xba\xfe\xca\0\0\0\0", "SESparse")])
def test_extents_of_esx_are_named(head: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    path.write_bytes(head + bytes(4096))
    assert refusal(path) == f"unsupported: VMDK extent of ESX ({word})"


def test_a_lost_grain_directory_is_replaced_by_its_copy(raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", "monolithicSparse")
    head = path.read_bytes()[:SECTOR]
    first = int.from_bytes(head[56:64], "little") * SECTOR
    patch(path, first, b"\xff\xff\xff\x7f")
    device = opened(path)
    assert whole(device) == raw.read_bytes()
    assert device.damaged
    assert list(device.notes) == ["1 entries of the grain directory are damaged, those of its copy are used"]
    patch(path, 56, b"\xff\xff\xff\x7f")
    device = opened(path)
    assert whole(device) == raw.read_bytes()
    assert list(device.notes) == ["the grain directory does not lie in the file, its copy is used"]


def as_stream(sparse: Path) -> bytes:
    """A streamOptimized file as VMware writes it in one go: the grain directory and its place come last."""
    import struct
    import zlib

    raw = sparse.read_bytes()
    grains, per_table = -(-len(raw) // 65_536), 512
    descriptor = b'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="streamOptimized"\n'
    descriptor += b'RDONLY %d SPARSE "generated-stream.vmdk"\n' % (len(raw) // SECTOR)

    def header(directory: int) -> bytes:
        flags = 1 | 1 << 16 | 1 << 17
        numbers = (3, flags, len(raw) // SECTOR, 128, 1, 1, per_table, 0, directory, 2, 0)
        return (b"KDMV" + struct.pack("<IIQQQQIQQQB", *numbers) + b"\n \r\n" + struct.pack("<H", 1)).ljust(
            SECTOR, b"\0"
        )

    def padded(data: bytes) -> bytes:
        return data + bytes(-len(data) % SECTOR)

    def marker(sectors: int, kind: int) -> bytes:
        return padded(struct.pack("<QII", sectors, 0, kind))

    out = header(0xFFFF_FFFF_FFFF_FFFF) + padded(descriptor)
    table = [0] * per_table
    for number in range(grains):
        grain = raw[number * 65_536 : (number + 1) * 65_536].ljust(65_536, b"\0")
        if any(grain):
            table[number] = len(out) // SECTOR
            packed = zlib.compress(grain)
            out += padded(struct.pack("<QI", number * 128, len(packed)) + packed)
    out += marker(4, 1)
    at = len(out) // SECTOR
    out += padded(struct.pack("<512I", *table))
    out += marker(1, 2)
    directory = len(out) // SECTOR
    out += padded(struct.pack("<I", at))
    return out + marker(1, 3) + header(directory) + marker(0, 0)


def test_a_stream_with_its_directory_at_the_end(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    path.write_bytes(as_stream(raw))
    device = opened(path)
    assert (device.damaged, list(device.notes)) == (False, [])
    assert whole(device) == raw.read_bytes()
    # qemu-img agrees that this is what such a file looks like.
    qemu_img("convert", "-f", "vmdk", "-O", "raw", str(path), str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == raw.read_bytes()


def test_a_stream_without_its_end_is_read_as_far_as_it_goes(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    data = raw.read_bytes()
    good = as_stream(raw)
    path.write_bytes(good[:-2048])
    device = opened(path)
    assert device.damaged
    assert device.notes[0].startswith(f"the VMDK is cut off after {len(good) - 2048} bytes: of {len(data)} bytes")
    assert whole(device) == data
    path.write_bytes(good[: len(good) // 3])
    device = opened(path)
    kept = next(at for at in range(0, device.size, 65_536) if not readable(device, at))
    assert 0 < kept < 3_000_000
    assert device.pread(0, kept) == data[:kept]
    with pytest.raises(DamagedError, match="was cut off"):
        device.pread(kept, 1)


def readable(device: object, at: int) -> bool:
    try:
        device.pread(at, 1)  # type: ignore[attr-defined]  # any device
    except DamagedError:
        return False
    return True


def test_a_transfer_as_text_is_found(raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", "monolithicSparse")
    patch(path, 73, b"\n \n\n")
    with pytest.raises(DamagedError, match="transfer as text"):
        opened(path)


def test_a_cut_off_file_says_so(raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", "streamOptimized")
    path.write_bytes(path.read_bytes()[:-70_000])
    part = explore(FileDevice(path))
    assert (part.kind, part.state) == ("vmdk", "damaged")
    assert "are cut off" in part.notes[0]


@pytest.mark.parametrize("kind", ["monolithicSparse", "streamOptimized", "stream"])
def test_spoiled_images_end_in_target_errors(kind: str, raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    if kind == "stream":
        path.write_bytes(as_stream(raw))
    else:
        make(raw, path, kind)
    assert survives(path, path.read_bytes(), 70_000) > 0


def test_absurd_numbers(raw: Path, tmp_path: Path) -> None:
    path = make(raw, tmp_path / "disk.vmdk", "monolithicSparse")
    good = path.read_bytes()[:SECTOR]
    chance = random.Random(2)
    for place, size in ((12, 8), (20, 8), (28, 8), (36, 8), (44, 4), (48, 8), (56, 8)):
        for value in (0, 1, (1 << 8 * size) - 1, chance.getrandbits(8 * size)):
            patch(path, 0, good)
            patch(path, place, value.to_bytes(size, "little"))
            part = explore(FileDevice(path))
            assert part.kind == "vmdk"
            assert part.state in ("read", "damaged", "unsupported")


@given(
    st.lists(st.sampled_from(["RW 5 FLAT", '"a" 0', "parentCID=0", "createType=x", " ", "=", "\0", "é"]) | st.text())
)
def test_any_descriptor_is_one(words: list[str]) -> None:
    found = parse(" \n".join(words).encode("utf-8", "surrogatepass"))
    assert isinstance(found.type, str)
    assert all(one.sectors >= 0 for one in found.extents)
    assert len(found.files()) < 2000
