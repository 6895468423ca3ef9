"""Images with LUKS in them: what is assessed, what is mounted, which facts depend on a key, and what is never said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.errors import NotCollectedError
from scanner.target.base import Target
from scanner.target.image import ImageTarget
from scanner.target.opening import open_path
from tests.storage_lab import run
from tests.unit.target.mapped.luks_lab import (
    KEY,
    MIB,
    OTHER,
    Memory,
    disk,
    metadata,
    root_file_system,
    volume,
    volume_key,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return root_file_system(tmp_path_factory.mktemp("root")).read_bytes()


def image(path: Path, *keys: bytes) -> ImageTarget:
    """The image as a target."""
    target = open_path(path, keys=keys)
    assert isinstance(target, ImageTarget)
    return target


def facts(target: Target, *names: str) -> dict[str, object]:
    """Values of facts."""
    found, _ = collect(target, names)
    return {name: fact.value for name, fact in found.items()}


def test_root_in_luks_in_gpt_in_qcow2(tmp_path: Path, root: bytes) -> None:
    whole = disk(
        tmp_path / "disk",
        (bytes(MIB), "ef00", "esp"),
        (volume(tmp_path / "v", root, kdf="argon2id").read_bytes(), "8304", "system"),
    )
    run("qemu-img", "convert", "-O", "qcow2", "-c", str(whole), str(tmp_path / "image"))
    for keys in ([], [OTHER]):
        sealed = open_path(tmp_path / "image", keys=keys)
        assert sealed.layout()["layout"] == "sealed"
        assert "--luks-key" in str(sealed.layout()["why"])
        with pytest.raises(NotCollectedError, match="encrypted"):
            sealed.tree.read("/etc/marker")
        sealed.close()

    target = image(tmp_path / "image", KEY)
    assert target.tree.read("/etc/marker") == b"inside"
    assert (target.slot.part.name, target.slot.part.type) == ("disk2-luks", "root")
    assert [device.name for device in target.devices()] == ["disk", "disk2-luks"]
    found = facts(target, "storage.root_volume", "block.devices")
    record = found["storage.root_volume"]
    assert isinstance(record, dict)
    assert (record["encryption"], record["fully_encrypted"]) == ("luks2", True)
    devices = found["block.devices"]
    assert isinstance(devices, list)
    assert [(one["name"], one["type"], one["plain"]) for one in devices if one["content"]] == [
        ("disk", "disk", False),
        ("disk2-luks", "crypt", True),
        ("disk:2", "partition", False),
    ]
    target.close()


def test_root_in_luks_without_a_table(tmp_path: Path, root: bytes) -> None:
    target = image(volume(tmp_path / "v", root), KEY)
    record = facts(target, "storage.root_volume")["storage.root_volume"]
    assert isinstance(record, dict)
    assert (record["encryption"], record["fully_encrypted"], record["devices"]) == ("luks2", True, ["disk"])
    target.close()


def with_home(tmp_path: Path, fstab: str, crypttab: str | None) -> Path:
    """A disk with a root in plain and an encrypted /home."""
    home = root_file_system(tmp_path, marker="home").read_bytes()
    locked = volume(tmp_path / "home", home, options=("--uuid", "7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3"))
    files = {"etc__fstab": fstab} | ({"etc__crypttab": crypttab} if crypttab is not None else {})
    plain = root_file_system(tmp_path, marker="plain", **files).read_bytes()
    whole = disk(tmp_path / "disk", (plain, "8304", "system"), (locked.read_bytes(), "8300", "locked"))
    run("sgdisk", "-u", "2:11111111-2222-4333-8444-555555555555", str(whole))
    return whole


@pytest.mark.parametrize(
    ("source", "crypttab"),
    [
        ("/dev/mapper/h", "h UUID=7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3 none luks\n"),
        ("/dev/mapper/h", 'x UUID=1\nh UUID="7AD1C6A1-44C3-4C50-9F0A-6D3EC1A1B2C3"\nh /dev/sdx\n'),
        ("/dev/mapper/h", "h PARTUUID=11111111-2222-4333-8444-555555555555 /etc/key luks,discard\n"),
        ("/dev/mapper/h", "h PARTLABEL=locked -\n"),
        ("/dev/disk/by-id/dm-name-h", "h /dev/disk/by-uuid/7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3\n"),
        ("/dev/mapper/luks-7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3", None),
        ("LABEL=home", None),
    ],
)
def test_crypttab_names_what_fstab_mounts(tmp_path: Path, source: str, crypttab: str | None) -> None:
    path = with_home(tmp_path, f"{source} /home ext4 defaults 0 2\n", crypttab)
    target = image(path, KEY)
    assert target.tree.read("/etc/marker") == b"plain"
    assert target.tree.read("/home/etc/marker") == b"home"
    layout = target.layout()
    assert layout["mounts"] == {"/home": "disk2-luks"}
    target.close()


@pytest.mark.parametrize(
    "crypttab", ["h /dev/sda9\n", "h UUID=1\n", "other UUID=7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3\n", "h\n", "\0"]
)
def test_crypttab_that_does_not_tell(tmp_path: Path, crypttab: str) -> None:
    path = with_home(tmp_path, "/dev/mapper/h /home ext4 defaults 0 2\n", crypttab)
    target = image(path, KEY)
    layout = target.layout()
    assert isinstance(layout["mounts"], dict)
    assert "disk2-luks" not in layout["mounts"].values()
    target.close()


@pytest.mark.parametrize("keys", [(), (OTHER,)])
def test_what_a_closed_volume_would_hold_is_unknown(tmp_path: Path, keys: tuple[bytes, ...]) -> None:
    """Not absent: the place where it would be mounted is there, and empty, in the root."""
    crypttab = "h UUID=7ad1c6a1-44c3-4c50-9f0a-6d3ec1a1b2c3\n"
    target = image(with_home(tmp_path, "/dev/mapper/h /home ext4 defaults 0 2\n", crypttab), *keys)
    assert target.tree.read("/etc/marker") == b"plain"
    with pytest.raises(NotCollectedError):
        target.tree.stat("/home/etc/marker")
    target.close()


def test_header_facts_do_not_depend_on_keys(tmp_path: Path) -> None:
    path = with_home(tmp_path, "", None)
    names = ("luks.volumes", "luks.tpm_bindings", "luks.tpm_policy_check", "storage.root_volume")
    targets = [image(path), image(path, KEY), image(path, OTHER)]
    first, *others = (facts(target, *names) for target in targets)
    assert first["luks.volumes"]
    assert all(other == first for other in others)
    for target in targets:
        target.close()


def test_no_secret_is_said(tmp_path: Path, root: bytes) -> None:
    from scanner.boot.luks_material import read_lock
    from scanner.boot.luks_unlock import Work, unlock

    path = volume(tmp_path / "v", root)
    master = volume_key(path, tmp_path / "v.pass")
    body = metadata(path)
    target = image(path, KEY)
    found, _ = collect(target, ["luks.volumes", "block.devices", "storage.root_volume"])
    device = Memory(path.read_bytes())
    lock = read_lock(device.pread)
    by = unlock(lock, device.pread, KEY, Work(), [])
    assert by is not None
    assert by.key == master
    shown = json.dumps([target.layout(), [fact.value for fact in found.values()]]) + repr(
        (target.contents, found, lock, by, vars(target))
    )
    salts = [body["digests"]["0"]["salt"], body["digests"]["0"]["digest"], body["keyslots"]["0"]["kdf"]["salt"]]
    for secret in (KEY.decode(), repr(master)[2:-1], master.hex(), *salts):
        assert secret not in shown
    assert repr(lock.digest.salt)[2:-1] not in shown
    target.close()
