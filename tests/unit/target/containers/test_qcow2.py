"""qcow2 images made by qemu-img hold the same bytes as the raw disk, and say what they do not hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scanner.model.errors import NotCollectedError
from scanner.target.contents import explore
from scanner.target.devices import FileDevice
from tests.unit.target.containers.container_lab import convert, make_disk, opened, patch, qemu_img, survives, whole

OPTIONS = {
    "plain": [],
    "compressed": ["-c"],
    "small": ["-o", "cluster_size=512"],
    "large": ["-o", "cluster_size=2M"],
    "v2": ["-o", "compat=0.10"],
    "v2 compressed": ["-c", "-o", "compat=0.10,cluster_size=4k"],
    "zstd": ["-c", "-o", "compression_type=zstd"],
    "subclusters": ["-o", "extended_l2=on,cluster_size=128k"],
    "subclusters compressed": ["-c", "-o", "extended_l2=on,cluster_size=64k,compression_type=zstd"],
    "lazy": ["-o", "lazy_refcounts=on,refcount_bits=1"],
    "preallocated": ["-o", "preallocation=metadata"],
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_disk(tmp_path_factory.mktemp("disk") / "disk.raw")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_the_disk_is_the_same(options: list[str], raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", *options, str(raw), str(path))
    device = opened(path)
    data = raw.read_bytes()
    assert device.size >= len(data)
    assert whole(device)[: len(data)] == data
    assert device.pread(65_500, 100) == data[65_500:65_600]
    assert device.pread(device.size, 10) == b""
    assert (device.damaged, list(device.notes)) == (False, [])
    (tmp_path / "packed").write_bytes(gzip.compress(path.read_bytes()))
    assert whole(explore(FileDevice(tmp_path / "packed")).children[0].children[0].device)[: len(data)] == data


def refusal(path: Path) -> str:
    with pytest.raises(NotCollectedError) as caught:
        opened(path)
    part = explore(FileDevice(path))
    assert (part.kind, part.state, part.notes, part.children) == ("qcow2", "unsupported", [str(caught.value)], [])
    return str(caught.value)


def test_a_backing_file_is_refused(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "child.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-b", str(raw), "-F", "raw", str(path))
    assert "backing file" in refusal(path)
    assert str(raw) in refusal(path)


def test_an_external_data_file_is_refused(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    qemu_img("convert", "-O", "qcow2", "-o", f"data_file={tmp_path}/data.raw", str(raw), str(path))
    assert refusal(path).endswith(f"the disk is in {tmp_path}/data.raw")


def test_encryption_is_refused(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    options = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10"
    qemu_img("create", "-q", "-f", "qcow2", "--object", "secret,id=key,data=abc", "-o", options, str(path), "4M")
    assert refusal(path) == "unsupported: qcow2 that is encrypted itself (LUKS)"


def test_unknown_features_and_versions_are_refused(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk.qcow2", "qcow2")
    patch(path, 72 + 5, b"\x01")
    assert "features" in refusal(path)
    patch(path, 72 + 5, b"\x00")
    patch(path, 4, b"\x00\x00\x00\x04")
    assert refusal(path) == "unsupported: qcow2 version 4"


def test_what_is_odd_is_noted(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk.qcow2", "qcow2")
    qemu_img("snapshot", "-c", "before", str(path))
    patch(path, 72 + 7, b"\x03")
    device = opened(path)
    assert device.damaged
    assert list(device.notes) == [
        "the qcow2 was not closed after the last writing",
        "the qcow2 is marked as corrupt",
        "1 internal snapshots of the qcow2 are not looked at",
    ]
    assert whole(device) == raw.read_bytes()


def test_a_cut_off_file_says_so(raw: Path, tmp_path: Path) -> None:
    path = convert(raw, tmp_path / "disk.qcow2", "qcow2")
    path.write_bytes(path.read_bytes()[:-70_000])
    part = explore(FileDevice(path))
    assert (part.kind, part.state) == ("qcow2", "damaged")
    assert "are cut off" in part.notes[0]


def test_spoiled_images_end_in_target_errors(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", "-c", "-o", "cluster_size=4k", str(raw), str(path))
    assert survives(path, path.read_bytes()) > 0
