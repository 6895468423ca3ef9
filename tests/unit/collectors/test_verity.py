"""storage.verity on disk images with trees by the real veritysetup: what belongs together, what is expected, damage."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.collectors.registry import collect
from scanner.model.fact import Fact
from scanner.target.opening import open_path
from tests.support import build, fact_of
from tests.verity_lab import Piece, disk, halves, hashed, root, start_of, usr


def verity(image: Path) -> Fact:
    """storage.verity of a disk image."""
    target = open_path(image)
    try:
        return collect(target, ["storage.verity"])[0]["storage.verity"]
    finally:
        target.close()


def only(image: Path) -> dict[str, Any]:
    """The one record of an image with one pair."""
    fact = verity(image)
    assert fact.state == "present", fact.reason
    assert fact.gaps == ()
    assert isinstance(fact.value, list)
    assert len(fact.value) == 1, fact.value
    record = fact.value[0]
    assert isinstance(record, dict)
    return record


def usr_disk(folder: Path, *, options: str | None = None, sig: bytes | None = None) -> tuple[list[Piece], str]:
    """Root with a boot entry that names usrhash=, and a typed pair whose UUIDs are the halves of the root hash."""
    data = usr(folder / "usr", "one")
    tree, root_hash = hashed(folder / "h", data)
    words = f"usrhash={root_hash}" if options is None else options
    first, second = halves(root_hash)
    pieces = [
        Piece("root", root(folder / "root", {"a": words})),
        Piece("usr", data, first),
        Piece("usr-verity", tree, second),
    ]
    return [*pieces, *([] if sig is None else [Piece("usr-sig", sig)])], root_hash


def test_a_typed_pair_agrees_with_command_line_and_uuids(tmp_path: Path) -> None:
    pieces, root_hash = usr_disk(tmp_path)
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["name"], record["data"], record["hash"]) == ("usr", "disk:2", "disk:3")
    assert (record["found_by"], record["superblock"], record["algorithm"]) == ("partition types", True, "sha256")
    assert (record["salt_bytes"], record["data_block"], record["hash_block"]) == (32, 4096, 4096)
    assert record["size"] == str(len(pieces[1].content))
    assert record["root_hash"] == record["stored_root_hash"] == root_hash
    assert (record["damaged_data"], record["damaged_hashes"], record["first_damaged"]) == (0, 0, None)
    assert (record["sound"], record["agreement"], record["signature"]) == (True, "matches", None)
    assert [(one["by"], one["source"], one["enforced"], one["agrees"]) for one in record["expected"]] == [
        ("command line", "/boot/loader/entries/a.conf", True, True),
        ("partition UUIDs", "partition UUIDs of disk:2 and disk:3", False, True),
    ]
    assert "salt" not in {key for key in record if not key.endswith("bytes")}


def test_a_changed_block_of_the_data_is_found(tmp_path: Path) -> None:
    pieces, root_hash = usr_disk(tmp_path)
    path = disk(tmp_path / "disk", pieces)
    place = start_of(pieces, 1) + 5 * 4096 + 7
    flip(path, place)
    record = only(path)
    assert (record["damaged_data"], record["damaged_hashes"], record["first_damaged"]) == (1, 0, str(5 * 4096))
    assert record["stored_root_hash"] == root_hash != record["root_hash"]
    assert (record["sound"], record["agreement"]) == (False, "differs")
    assert [one["agrees"] for one in record["expected"]] == [False, False]


def test_a_changed_block_of_the_tree_is_found(tmp_path: Path) -> None:
    pieces, root_hash = usr_disk(tmp_path)
    path = disk(tmp_path / "disk", pieces)
    flip(path, start_of(pieces, 2) + 4096 + 8)
    record = only(path)
    assert record["root_hash"] == root_hash != record["stored_root_hash"]
    assert (record["sound"], record["agreement"], record["damaged_hashes"]) == (False, "matches", 1)


def test_another_salt_changes_everything(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path)
    path = disk(tmp_path / "disk", pieces)
    flip(path, start_of(pieces, 2) + 88)
    record = only(path)
    assert record["damaged_data"] == len(pieces[1].content) // 4096
    assert (record["sound"], record["agreement"], record["data"]) == (False, "differs", "disk:2")


def test_a_tree_made_again_over_changed_data_is_sound_and_differs(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path)
    changed = pieces[1].content[:-1] + b"\1"
    tree, other = hashed(tmp_path / "again", changed)
    pieces[1:3] = [Piece("usr", changed, pieces[1].uuid), Piece("usr-verity", tree, pieces[2].uuid)]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["root_hash"], record["sound"], record["agreement"]) == (other, True, "differs")


def test_a_tree_made_again_with_uuids_to_match_is_not_what_the_command_line_wants(tmp_path: Path) -> None:
    pieces, wanted = usr_disk(tmp_path)
    changed = pieces[1].content[:-1] + b"\1"
    tree, other = hashed(tmp_path / "again", changed)
    first, second = halves(other)
    pieces[1:3] = [Piece("usr", changed, first), Piece("usr-verity", tree, second)]
    record = only(disk(tmp_path / "disk", pieces))
    assert record["agreement"] == "differs"
    assert [(one["root_hash"], one["agrees"]) for one in record["expected"]] == [(wanted, False), (other, True)]


def test_partition_uuids_alone_are_no_agreement(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path, options="quiet")
    record = only(disk(tmp_path / "disk", pieces))
    assert record["sound"] is True
    assert record["agreement"]["state"] == "not_collected"
    assert "only the partition UUIDs" in record["agreement"]["reason"]


@pytest.mark.parametrize("extra", ["systemd.verity=no", "systemd.verity_usr_options=ignore-corruption"])
def test_a_check_that_is_switched_off_is_said(tmp_path: Path, extra: str) -> None:
    pieces, root_hash = usr_disk(tmp_path, options="")
    pieces[0] = Piece("root", root(tmp_path / "root2", {"a": f"usrhash={root_hash} {extra}"}))
    record = only(disk(tmp_path / "disk", pieces))
    assert record["agreement"] == "matches"
    assert [one["enforced"] for one in record["expected"]] == [False, False]


def test_two_slots_are_told_apart(tmp_path: Path) -> None:
    """Both pairs have the same types; the trees tell which data each is over, whatever the order."""
    both = [usr(tmp_path / word, word) for word in ("one", "two")]
    trees = [hashed(tmp_path / f"h{number}", data) for number, data in enumerate(both)]
    entries = {name: f"usrhash={trees[number][1]}" for number, name in enumerate("ab")}
    (a, b), (c, d) = halves(trees[0][1]), halves(trees[1][1])
    pieces = [
        Piece("root", root(tmp_path / "root", entries)),
        Piece("usr-verity", trees[1][0], d),
        Piece("usr", both[0], a),
        Piece("usr", both[1], c),
        Piece("usr-verity", trees[0][0], b),
        Piece("usr-verity", b"", None, "_empty"),
    ]
    fact = verity(disk(tmp_path / "disk", pieces))
    assert [(one["data"], one["hash"], one["agreement"]) for one in fact.value] == [
        ("disk:4", "disk:2", "matches"),
        ("disk:3", "disk:5", "matches"),
    ]
    assert fact.complete


def test_a_pair_without_types_is_found_by_its_hashes(tmp_path: Path) -> None:
    data = usr(tmp_path / "usr", "one")
    tree, root_hash = hashed(tmp_path / "h", data, "--hash=sha512")
    pieces = [
        Piece("linux", root(tmp_path / "root", {"a": f"roothash={root_hash}"})),
        Piece("linux", usr(tmp_path / "other", "two")),
        Piece("linux", data),
        Piece("linux", tree),
    ]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["data"], record["hash"], record["found_by"]) == ("disk:3", "disk:4", "hashes of the data")
    assert (record["algorithm"], record["name"], record["agreement"]) == ("sha512", "root", "matches")
    assert record["root_hash"] == root_hash


def test_data_and_tree_in_one_partition(tmp_path: Path) -> None:
    data = usr(tmp_path / "usr", "one")
    tree, root_hash = hashed(tmp_path / "h", data)
    own = "0f0e0d0c-0b0a-4908-8706-050403020100"
    words = (
        f"roothash={root_hash} systemd.verity_root_data=PARTUUID={own} systemd.verity_root_hash=PARTUUID={own} "
        f"systemd.verity_root_options=hash-offset={len(data)}"
    )
    pieces = [Piece("linux", root(tmp_path / "root", {"a": words})), Piece("linux", data + tree, own)]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["data"], record["hash"], record["offset"]) == ("disk:2", "disk:2", str(len(data)))
    assert (record["found_by"], record["agreement"], record["sound"]) == ("command line", "matches", True)


def test_veritytab_describes_a_tree_without_superblock(tmp_path: Path) -> None:
    data = usr(tmp_path / "usr", "one")
    tree, root_hash = hashed(tmp_path / "h", data, "--no-superblock", "--salt=0011223344", "--hash=sha256")
    line = f"apps PARTLABEL=apps PARTLABEL=tree {root_hash.upper()} superblock=no,salt=0011223344,data-blocks="
    table = {"etc/veritytab": f"# name data hash root options\n{line}{len(data) // 4096}\n"}
    pieces = [
        Piece("linux", root(tmp_path / "root", {"a": ""}, table)),
        Piece("linux", data, None, "apps"),
        Piece("linux", tree, None, "tree"),
    ]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["name"], record["superblock"], record["salt_bytes"]) == ("apps", False, 5)
    assert (record["agreement"], record["sound"], record["root_hash"]) == ("matches", True, root_hash)
    assert [(one["by"], one["source"], one["line"]) for one in record["expected"]] == [
        ("veritytab", "/etc/veritytab", 2)
    ]


def test_the_kernel_sets_up_a_target_itself(tmp_path: Path) -> None:
    data = usr(tmp_path / "usr", "one")
    tree, root_hash = hashed(tmp_path / "h", data, "--no-superblock", "--salt=-")
    one, two = "0f0e0d0c-0b0a-4908-8706-050403020101", "0f0e0d0c-0b0a-4908-8706-050403020102"
    sectors, blocks = len(data) // 512, len(data) // 4096
    table = f"0 {sectors} verity 1 PARTUUID={one} PARTUUID={two} 4096 4096 {blocks} 0 sha256 {root_hash} -"
    words = f'dm-mod.create="vroot,,,ro,{table} 1 ignore_corruption"'
    pieces = [
        Piece("linux", root(tmp_path / "root", {"a": words})),
        Piece("linux", data, one),
        Piece("linux", tree, two),
    ]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["name"], record["agreement"], record["salt_bytes"]) == ("vroot", "matches", 0)
    assert [one["enforced"] for one in record["expected"]] == [False]


def test_a_root_hash_that_nothing_has(tmp_path: Path) -> None:
    pieces = [Piece("root", root(tmp_path / "root", {"a": f"usrhash={'ab' * 32}"}))]
    record = only(disk(tmp_path / "disk", pieces))
    assert (record["data"], record["hash"], record["agreement"]) == (None, None, "not_found")
    assert record["root_hash"]["state"] == "error"


def test_a_tree_without_data(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path)
    del pieces[1]
    record = only(disk(tmp_path / "disk", pieces))
    assert record["data"] is None
    assert record["agreement"]["state"] == record["root_hash"]["state"] == "not_collected"


def test_a_typed_partition_whose_superblock_is_gone(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path)
    pieces[2] = Piece("usr-verity", b"x" + pieces[2].content[1:], pieces[2].uuid)
    record = only(disk(tmp_path / "disk", pieces))
    assert record["hash"] == "disk:3"
    assert record["agreement"]["state"] == "error"
    assert "superblock" in record["agreement"]["reason"]


def test_a_tree_that_is_cut_off(tmp_path: Path) -> None:
    pieces, _ = usr_disk(tmp_path)
    tree = bytearray(pieces[2].content)
    tree[72:80] = (1 << 40).to_bytes(8, "little")
    pieces[2] = Piece("usr-verity", bytes(tree), pieces[2].uuid)
    record = only(disk(tmp_path / "disk", pieces))
    assert record["agreement"]["state"] in ("error", "not_collected")
    assert record["data"] is None


def signed(root_hash: str, **more: object) -> bytes:
    """The content of a signature partition."""
    text = {
        "rootHash": root_hash,
        "certificateFingerprint": "cd" * 32,
        "signature": base64.b64encode(b"x" * 70).decode(),
    }
    return json.dumps({**text, **more}).encode().ljust(16384, b"\0")


@pytest.mark.parametrize("agrees", [True, False])
def test_the_signature_partition_names_a_root_hash(tmp_path: Path, agrees: bool) -> None:
    pieces, root_hash = usr_disk(tmp_path)
    stated = root_hash if agrees else "00" * 32
    record = only(disk(tmp_path / "disk", [*pieces, Piece("usr-sig", signed(stated))]))
    assert record["signature"] == {
        "device": "disk:4",
        "root_hash": stated,
        "certificate_fingerprint": "cd" * 32,
        "signature_bytes": 70,
        "agrees": agrees,
    }


@pytest.mark.parametrize("content", [b"{", b"[]", signed("zz"), signed("ab" * 32, signature="?"), b"[" * 5000])
def test_a_signature_partition_of_nonsense(tmp_path: Path, content: bytes) -> None:
    pieces, _ = usr_disk(tmp_path, sig=content)
    record = only(disk(tmp_path / "disk", pieces))
    assert record["signature"]["state"] == "error"
    assert record["agreement"] == "matches"


def test_a_disk_without_verity_has_none(tmp_path: Path) -> None:
    fact = verity(disk(tmp_path / "disk", [Piece("root", root(tmp_path / "root", {"a": ""}))]))
    assert (fact.state, fact.value, fact.complete) == ("present", [], True)


def test_more_trees_than_anyone_has(tmp_path: Path) -> None:
    tree, _ = hashed(tmp_path / "h", bytes(8192))
    pieces = [Piece("root", root(tmp_path / "root", {"a": ""})), *[Piece("usr-verity", tree)] * 33]
    fact = verity(disk(tmp_path / "disk", pieces))
    states = [one["agreement"]["state"] for one in fact.value]
    assert sorted(states) == ["error"] + ["not_collected"] * 32


def test_a_table_that_cannot_be_parsed_is_a_gap(tmp_path: Path) -> None:
    pieces, root_hash = usr_disk(tmp_path)
    pieces[0] = Piece("root", root(tmp_path / "root2", {"a": f"usrhash={root_hash}"}, {"etc/veritytab": "usr a b\n"}))
    fact = verity(disk(tmp_path / "disk", pieces))
    assert [one["agreement"] for one in fact.value] == ["matches"]
    assert [gap.partition(":")[0] for gap in fact.gaps] == ["malformed"]


def test_a_folder_has_no_devices_to_look_at(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path / "tree", {"etc/x": ""}), "storage.verity").state == "not_collected"


def test_what_runs(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": "27 1 254:0 / /usr ro - squashfs /dev/mapper/usr ro\n",
        "sys/class/block/dm-0/dev": "254:0\n",
        "sys/class/block/dm-0/ro": "1\n",
        "sys/class/block/dm-0/dm/uuid": "CRYPT-VERITY-00112233445566778899aabbccddeeff-usr\n",
        "sys/class/block/dm-0/dm/name": "usr\n",
        "sys/class/block/dm-0/slaves/vda2": None,
        "sys/class/block/dm-0/slaves/vda3": None,
        "sys/class/block/dm-1/dm/uuid": "CRYPT-LUKS2-x\n",
        "sys/class/block/vda/dev": "8:0\n",
    }
    fact = fact_of(build(tmp_path, files), "storage.verity_running", runtime=True)
    assert fact.complete
    (record,) = fact.value
    assert (record["device"], record["name"], record["read_only"]) == ("dm-0", "usr", True)
    assert (record["mount_points"], record["below"]) == (["/usr"], ["vda2", "vda3"])
    assert record["root_hash"]["state"] == "not_collected"


def test_a_device_without_uuid_may_be_one(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": "27 1 254:0 / / ro - squashfs /dev/dm-0 ro\n",
        "sys/class/block/dm-0/dm/uuid": "\n",
    }
    fact = fact_of(build(tmp_path, files), "storage.verity_running", runtime=True)
    assert fact.value == []
    assert not fact.complete


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))
