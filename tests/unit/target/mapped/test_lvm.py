"""Volume groups over the physical volumes of an image: what metadata may say, and what is wrong with it."""

from __future__ import annotations

import os
import random

import pytest

from scanner.model.errors import DamagedError, TargetError
from scanner.parsers import lvm_label
from tests.lvm_lab import DATA, EXTENT, crc, linear, logical, metadata, named, parts_of, physical, volume

# ---- what else metadata says -----------------------------------------------------------------------------------------

UNREAD = {
    "mirror": 'type = "mirror"\nmirror_count = 2\nmirrors = [\n"a_0", 0,\n"a_1", 0\n]\n',
    "raid1": 'type = "raid1"\ndevice_count = 2\nraids = [\n"a_m0", "a_i0",\n"a_m1", "a_i1"\n]\n',
    "thin": 'type = "thin"\nthin_pool = "pool"\ntransaction_id = 0\ndevice_id = 1\n',
    "cache": 'type = "cache+METADATA_FORMAT"\ncache_pool = "fast"\norigin = "a_corig"\n',
    "writecache": 'type = "writecache"\norigin = "a_wcorig"\nwritecache = "fast"\n',
    "vdo": 'type = "vdo"\nvdo_pool = "pool"\nvdo_offset = 0\n',
    "integrity": 'type = "integrity"\norigin = "a_iorig"\n',
    "volume on volumes": 'type = "striped"\nstripe_count = 1\nstripes = [\n"other", 0\n]\n',
}


@pytest.mark.parametrize("kind", sorted(UNREAD))
def test_what_is_not_read_is_named_and_the_rest_is_read(kind: str) -> None:
    odd = f"start_extent = 0\nextent_count = 2\n{UNREAD[kind]}"
    disk = parts_of(physical([metadata({"a": volume(odd), "b": volume(linear("pv0", 3, 1))})]))
    assert named(disk, "vg/a").notes == [f"unsupported: lvm {kind}"]
    assert named(disk, "vg/a").state == "unsupported"
    assert named(disk, "vg/b").device.pread(0, 4) == bytes(4)


def test_a_snapshot_and_its_origin() -> None:
    body = 'start_extent = 0\nextent_count = 2\ntype = "snapshot"\nchunk_size = 8\norigin = "o"\n{} = "cow"\n'
    for key, wanted in (("cow_store", []), ("merging_store", ["unsupported: lvm snapshot merge"])):
        volumes = {
            "o": volume(linear("pv0", 0, 2)),
            "cow": volume(linear("pv0", 2, 1)),
            "snapshot0": volume(body.format(key), status='"READ", "WRITE"'),
        }
        disk = parts_of(physical([metadata(volumes)]))
        assert logical(disk) == ["vg/o", "vg/cow"]
        assert [note for note in named(disk, "vg/o").notes if "lvm" in note] == wanted
        assert named(disk, "vg/cow").notes == ["unsupported: lvm snapshot"]


def test_several_segments_follow_one_another() -> None:
    raw = physical([metadata({"one": volume(linear("pv0", 4, 2), linear("pv0", 0, 1, start=2))})])
    raw[DATA + 6 * EXTENT - 2 : DATA + 6 * EXTENT] = b"ab"
    raw[DATA : DATA + 2] = b"cd"
    device = named(parts_of(raw), "vg/one").device
    assert device.size == 3 * EXTENT
    assert device.pread(2 * EXTENT - 2, 4) == b"abcd"
    with pytest.raises(DamagedError):
        device.pread(-1, 1)


def test_the_copy_written_last_counts() -> None:
    old = metadata({"old": volume(linear("pv0", 0, 1))}, seqno=4)
    new = metadata({"new": volume(linear("pv0", 1, 1))}, seqno=5)
    for texts in ((old, new), (new, old)):
        disk = parts_of(physical(list(texts)))
        assert logical(disk) == ["vg/new"]
        assert named(disk, "disk1").notes == ["an older copy of the metadata (4); 5 counts"]


def test_copies_with_one_number_that_differ_are_noted() -> None:
    texts = [metadata({name: volume(linear("pv0", 0, 1))}) for name in ("one", "two")]
    disk = parts_of(physical(list(texts)))
    assert logical(disk) == ["vg/one"]
    assert named(disk, "disk1").notes == ["copies of the metadata differ, both with number 1"]


def test_one_damaged_copy_leaves_the_other() -> None:
    text = metadata({"one": volume(linear("pv0", 0, 1))})
    raw = physical([text, text])
    raw[4096 + 600] ^= 1
    disk = parts_of(raw)
    assert logical(disk) == ["vg/one"]
    assert named(disk, "disk1").state == "damaged"
    assert "does not match its checksum" in named(disk, "disk1").notes[0]


@pytest.mark.parametrize("place", [512, 1024, 128 * 1024 - 100])
@pytest.mark.parametrize("sector", [0, 1, 3])
def test_wherever_label_and_text_stand(place: int, sector: int) -> None:
    text = metadata({"one": volume(linear("pv0", 0, 1))})
    assert logical(parts_of(physical([text], place=place, sector=sector))) == ["vg/one"]


def test_an_area_that_is_ignored_and_a_volume_without_group() -> None:
    text = metadata({"one": volume(linear("pv0", 0, 1))})
    for raw in (physical([text], flags=1), physical([None])):
        disk = parts_of(raw)
        assert logical(disk) == []
        assert named(disk, "disk1").state == "read"
        assert named(disk, "disk1").notes == []


def test_a_physical_volume_that_is_not_here() -> None:
    volumes = {"far": volume(linear("pv1", 0, 1)), "near": volume(linear("pv0", 0, 1))}
    text = metadata(volumes, physical=("P", "Q"))
    disk = parts_of(physical([text]))
    far = named(disk, "vg/far")
    assert (far.state, far.notes) == ("damaged", ["not_collected: physical volume pv1 of vg is not in this image"])
    assert named(disk, "vg/near").device.pread(0, 1) == b"\0"
    assert "pv1 (QQQQQQ-QQQQ-QQQQ-QQQQ-QQQQ-QQQQ-QQQQQQ) of vg is not here" in named(disk, "disk1").notes
    whole = parts_of(physical([text]), physical([text], letter="Q"))
    assert named(whole, "vg/far").device.pread(0, 1) == b"\0"
    assert [child.name for child in named(whole, "disk1").children] == ["vg/far", "vg/near"]
    assert named(whole, "disk2").children == []


def test_one_that_is_marked_as_missing_may_be_old() -> None:
    text = metadata({"one": volume(linear("pv0", 0, 1))}).replace(
        '"ALLOCATABLE"]\nflags = []', '"X"]\nflags = ["MISSING"]'
    )
    assert "marked as missing" in named(parts_of(physical([text])), "vg/one").notes[0]


def test_names_and_ids_that_stand_for_two_things() -> None:
    text = metadata({"one": volume(linear("pv0", 0, 1))})
    other = metadata({"one": volume(linear("pv0", 0, 1))}, letter="H", physical=("Q",))
    for volumes, said in (
        ((physical([text]), physical([other], letter="Q")), "several volume groups are called vg"),
        ((physical([text]), physical([text])), "several physical volumes of vg have the same id"),
    ):
        disk = parts_of(*volumes)
        assert logical(disk) == []
        assert all(part.state == "unsupported" and said in part.notes[-1] for part in disk.children)


def test_a_group_inside_a_logical_volume_belongs_to_a_guest() -> None:
    inner = physical([metadata({"one": volume(linear("pv0", 0, 1))}, extents=2)], extents=2)
    text = metadata({"guest": volume(linear("pv0", 0, 4))}, name="host", letter="H", physical=("Q",))
    raw = physical([text], letter="Q")
    raw[DATA : DATA + len(inner)] = inner
    disk = parts_of(raw)
    assert logical(disk) == ["host/guest"]
    assert named(disk, "host/guest").notes == ["unsupported: lvm on a logical volume"]


def test_a_cut_physical_volume_says_where_it_ends() -> None:
    text = metadata({"one": volume(linear("pv0", 0, 2))})
    raw = physical([text])[: DATA + EXTENT + 100]
    device = named(parts_of(raw), "vg/one").device
    assert device.pread(0, 5) == bytes(5)
    with pytest.raises(DamagedError, match="behind the end of disk1"):
        device.pread(EXTENT + 200, 1)


def test_too_many_volumes_are_refused_as_one() -> None:
    volumes = {f"v{number}": volume(linear("pv0", 0, 1)) for number in range(257)}
    disk = parts_of(physical([metadata(volumes)]))
    assert logical(disk) == []
    assert named(disk, "disk1").notes == ["limit: vg has more than 256 logical volumes"]


def test_checksum_is_the_one_of_the_definition() -> None:
    for length in (0, 1, 7, 300):
        data = random.Random(length).randbytes(length)
        assert lvm_label.checksum(data) == crc(data)


# ---- nonsense --------------------------------------------------------------------------------------------------------


def test_damaged_images_end_in_words() -> None:
    """Cut and with flipped bits, in header and text, checksums set right again for half of them."""
    text = metadata(
        {"one": volume(linear("pv0", 4, 2), linear("pv0", 0, 1, start=2)), "two": volume(linear("pv0", 3, 1))}
    )
    whole = physical([text, text], extents=8)
    rounds = 200 if os.environ.get("ASSAY_LONG") else 20
    generator = random.Random(20)
    for _ in range(rounds):
        look_through(whole[: generator.randrange(512, len(whole))])
    for number in range(rounds):
        changed = bytearray(text.encode())
        for _ in range(3):
            changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
        raw = physical([changed.decode("latin-1"), None], extents=8)
        if number % 2:
            raw[generator.choice((512, 4096)) + generator.randrange(200)] ^= 1 << generator.randrange(8)
        look_through(raw)


def look_through(raw: bytes | bytearray) -> None:
    """Open everything and read the ends of every device: words in notes, or a TargetError."""
    disk = parts_of(raw)
    for part in disk.walk():
        assert part.state in ("read", "encrypted", "unsupported", "damaged", "empty")
        for place in (0, part.device.size // 2, max(0, part.device.size - 10)):
            try:
                assert len(part.device.pread(place, 10)) <= 10
            except TargetError as error:
                assert str(error)
