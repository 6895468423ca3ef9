"""What lies on a device, made by the real tools, and partition tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.partition_table import partitions
from scanner.parsers.signatures import PROBED, probe
from tests.storage_lab import blank, luks, reader, run

UUID = "12345678-1234-1234-1234-123456789abc"


def kinds(path: Path) -> list[str]:
    return [item.kind for item in probe(reader(path)(0, PROBED))]


@pytest.mark.parametrize(
    ("words", "kind", "label", "uuid", "size"),
    [
        (("mkfs.ext4", "-q", "-L", "data", "-U", UUID), "ext4", "data", UUID, 16),
        (("mkfs.ext3", "-q", "-L", "data", "-U", UUID), "ext3", "data", UUID, 16),
        (("mkfs.ext2", "-q", "-L", "data", "-U", UUID), "ext2", "data", UUID, 16),
        (("mkfs.xfs", "-q", "-L", "data", "-m", f"uuid={UUID}"), "xfs", "data", UUID, 320),
        (("mkfs.btrfs", "-q", "-L", "data", "-U", UUID), "btrfs", "data", UUID, 128),
        (("mkswap", "-q", "-L", "data", "-U", UUID), "swap", "data", UUID, 16),
        (("mkfs.jfs", "-q"), "jfs", None, None, 64),
        (("mkfs.reiserfs", "-q", "-ff"), "reiserfs", None, None, 64),
        (("mkfs.nilfs2", "-q"), "nilfs2", None, None, 256),
        (("mkfs.vfat", "-n", "DATA", "-i", "1234ABCD"), "vfat", "DATA", "1234-ABCD", 64),
        (("mkfs.vfat", "-F", "32", "-n", "DATA", "-i", "1234ABCD"), "vfat", "DATA", "1234-ABCD", 64),
    ],
)
def test_file_systems(tmp_path: Path, words: tuple[str, ...], kind: str, label: str, uuid: str, size: int) -> None:
    path = blank(tmp_path / "d", size << 20)
    path.chmod(0o600)
    run(*words, str(path))
    (found,) = probe(reader(path)(0, PROBED))
    assert (found.kind, found.label, found.uuid) == (kind, label, uuid)


def test_read_only_file_systems(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x" * 100_000, encoding="utf-8")
    run("mksquashfs", f"{tmp_path}/tree", f"{tmp_path}/s", "-quiet", "-no-progress")
    run("mkfs.erofs", "-U", UUID, f"{tmp_path}/e", f"{tmp_path}/tree")
    run("xorriso", "-outdev", f"{tmp_path}/i", "-volid", "CD", "-map", f"{tmp_path}/tree", "/")
    assert kinds(tmp_path / "s") == ["squashfs"]
    assert [(item.kind, item.uuid) for item in probe(reader(tmp_path / "e")(0, PROBED))] == [("erofs", UUID)]
    found = probe(reader(tmp_path / "i")(0, PROBED))
    assert ("iso9660", "CD") in [(item.kind, item.label) for item in found]


def test_luks_and_verity(tmp_path: Path) -> None:
    assert kinds(luks(tmp_path / "2", options=("--label", "root"))) == ["luks2"]
    assert kinds(luks(tmp_path / "1", version=1)) == ["luks1"]
    data, tree = blank(tmp_path / "data", 1 << 20), blank(tmp_path / "hash", 1 << 20)
    run("veritysetup", "format", str(data), str(tree))
    assert kinds(tree) == ["verity"]


def test_luks2_without_primary_header(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")
    with path.open("r+b") as file:
        file.write(bytes(4096))
    assert kinds(path) == ["luks2"]


def test_file_system_hidden_in_the_padding_of_a_luks_header(tmp_path: Path) -> None:
    path, other = luks(tmp_path / "d"), blank(tmp_path / "e")
    run("mkfs.ext4", "-q", str(other))
    with path.open("r+b") as file:
        file.seek(1024)
        file.write(reader(other)(1024, 1024))
    assert kinds(path) == ["luks2", "ext4"]


def test_left_over_secondary_header_below_a_new_file_system(tmp_path: Path) -> None:
    path = luks(tmp_path / "d")
    secondary = reader(path)(0x4000, 0x4000)
    run("mkfs.ext4", "-q", "-F", str(path))
    with path.open("r+b") as file:
        file.seek(0x4000)
        file.write(secondary)
    assert kinds(path) == ["ext4"]


def test_blank_and_short() -> None:
    assert probe(bytes(PROBED)) == []
    assert probe(b"") == []
    assert probe(b"LUKS\xba\xbe\0\3") == []


def test_gpt(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    words = ["-n", "1:2048:+8M", "-t", "1:ef00", "-c", "1:EFI", "-n", "2:0:+8M", "-t", "2:8304", "-n", "3:0:+8M"]
    run("sgdisk", *words, "-t", "3:8200", "-u", f"3:{UUID}", str(path))
    assert kinds(path) == ["gpt"]
    found = partitions(reader(path), 64 << 20)
    assert [(item.number, item.type, item.offset, item.size) for item in found] == [
        (1, "esp", 1 << 20, 8 << 20),
        (2, "root", 9 << 20, 8 << 20),
        (3, "swap", 17 << 20, 8 << 20),
    ]
    assert (found[0].name, found[2].uuid) == ("EFI", UUID)


def test_mbr(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 16 << 20)
    data = bytearray(512)
    data[446:462] = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    data[510:512] = b"\x55\xaa"
    with path.open("r+b") as file:
        file.write(data)
    assert kinds(path) == ["mbr"]
    assert [(item.number, item.type, item.offset, item.size) for item in partitions(reader(path), 16 << 20)] == [
        (1, "linux", 1 << 20, 2 << 20)
    ]


def test_fat_boot_sector_is_no_partition_table(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    run("mkfs.vfat", str(path))
    assert kinds(path) == ["vfat"]


def test_partition_outside_of_the_device(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    run("sgdisk", "-n", "1:2048:+32M", str(path))
    with pytest.raises(ParseError, match="does not lie on the device"):
        partitions(reader(path), 16 << 20)


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        *(("12", size) for size in (1, 4, 16, 40)),
        *(("16", size) for size in (16, 40, 300, 2100)),
        *((bits, size) for bits in ("32", None) for size in (1, 4, 16, 40, 300, 2100)),
    ],
)
def test_fat_by_its_numbers(tmp_path: Path, size: int, bits: str | None) -> None:
    """Sizes of every kind that mkfs.vfat makes, with and without the words in its boot sector."""
    path = blank(tmp_path / "d", size << 20)
    run("mkfs.vfat", *(["-F", bits] if bits else []), "-i", "1234ABCD", str(path))
    assert kinds(path) == ["vfat"]
    for place, data in ((3, b"SYSLINUX"), (54, bytes(8)), (82, bytes(8))):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(data)
    found = probe(reader(path)(0, PROBED))
    assert [item.kind for item in found] == ["vfat"]


@pytest.mark.parametrize("options", [("-f", "1440"), ("-f", "720"), ("-C", "-t", "40", "-h", "16", "-n", "63")])
def test_fat_of_mformat(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "d"
    run("mformat", "-C", "-i", str(path), *[word for word in options if word != "-C"], "-v", "DISK", "::")
    assert kinds(path) == ["vfat"]


def test_fat_with_a_table_of_itself(tmp_path: Path) -> None:
    """mkfs.vfat can put a partition that starts at sector 0 into its boot sector: that is no table."""
    path = blank(tmp_path / "d", 64 << 20)
    run("mkfs.vfat", "--mbr=y", str(path))
    assert reader(path)(446, 16) != bytes(16)
    assert kinds(path) == ["vfat"]


def test_a_true_table_behind_old_fat_numbers_is_reported_too(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    run("mkfs.vfat", str(path))
    entry = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
    with path.open("r+b") as file:
        file.seek(446)
        file.write(entry)
    assert kinds(path) == ["mbr", "vfat"]


@pytest.mark.parametrize("name", [b"NTFS    ", b"EXFAT   ", b"-FVE-FS-"])
def test_ntfs_exfat_and_bitlocker_are_no_fat(name: bytes) -> None:
    sector = bytearray(512)
    sector[3:11], sector[510:] = name, b"\x55\xaa"
    sector[11:13], sector[13], sector[21] = b"\0\2", 8, 0xF8
    if name == b"-FVE-FS-":  # which keeps the numbers of a FAT32
        sector[14:17], sector[32:36], sector[36:40] = b"\x20\0\2", b"\0\0\x10\0", b"\0\x10\0\0"
    assert "vfat" not in [item.kind for item in probe(bytes(sector))]


def test_boot_loaders_are_no_fat() -> None:
    places = ("/usr/lib/grub/i386-pc/boot.img", "/usr/lib/syslinux/mbr/mbr.bin", "/usr/lib/ISOLINUX/isohdpfx.bin")
    installed = [Path(place) for place in places if Path(place).exists()]
    if not installed:
        pytest.skip("no boot loader is installed (Debian: grub-pc-bin, syslinux-common or isolinux)")
    for place in installed:
        code = place.read_bytes()[:510].ljust(510, b"\0") + b"\x55\xaa"
        assert "vfat" not in [item.kind for item in probe(code)], place


def test_only_the_backup_gpt_is_left(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    run("sgdisk", "-n", "1:2048:+8M", "-t", "1:ef00", str(path))
    found = partitions(reader(path), 64 << 20)
    with path.open("r+b") as file:
        file.write(bytes(34 * 512))
    assert partitions(reader(path), 64 << 20) == found
    with path.open("r+b") as file:
        file.write(b"something else")
    assert partitions(reader(path), 64 << 20) == []


def test_a_protective_mbr_alone_is_a_lost_gpt(tmp_path: Path) -> None:
    path = blank(tmp_path / "d", 64 << 20)
    run("sgdisk", "-n", "1:2048:+8M", str(path))
    with path.open("r+b") as file:
        file.seek(512)
        file.write(bytes(512))
        file.seek(-512, 2)
        file.write(bytes(512))
    with pytest.raises(ParseError, match="both copies of the GPT are lost"):
        partitions(reader(path), 64 << 20)


def test_a_pool_member_of_zfs() -> None:
    """The label as OpenZFS writes it: an XDR name-value list that begins with the version of the pool."""
    data = bytearray(PROBED)
    pair = b"\0\0\0\x24\0\0\0\x20" + b"\0\0\0\7version\0" + b"\0\0\0\x08\0\0\0\1" + b"\0" * 6 + b"\x13\x88"
    data[0x4000 : 0x4000 + 12 + len(pair)] = b"\1\1\0\0" + b"\0\0\0\0\0\0\0\1" + pair
    assert [one.kind for one in probe(bytes(data))] == ["zfs"]
