"""LUKS volumes that stay closed, and why: no key, a wrong one, a kind that is not read, a header that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.target.mapped.luks import MAPPER, NO_KEY, NOT_OPENED
from tests.storage_lab import add_key, damage, rewrite, run
from tests.unit.target.mapped.luks_lab import (
    COSTS,
    KEY,
    OTHER,
    closed,
    key_file,
    metadata,
    opened,
    root_file_system,
    volume,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return root_file_system(tmp_path_factory.mktemp("root")).read_bytes()


def test_no_key(tmp_path: Path, root: bytes) -> None:
    assert closed(opened(volume(tmp_path / "v", root))) == [NO_KEY]


def test_nothing_is_added_twice(tmp_path: Path, root: bytes) -> None:
    for keys in ([KEY], [OTHER], []):
        part = opened(volume(tmp_path / "v", root), *keys)
        notes, children = list(part.notes), list(part.children)
        assert MAPPER.map(part, keys) is False
        assert (part.notes, part.children) == (notes, children)


def test_detached_header(tmp_path: Path, root: bytes) -> None:
    secret = key_file(tmp_path / "s", KEY)
    data = key_file(tmp_path / "data", root)
    for version in (1, 2):
        header = tmp_path / f"header{version}"
        cost = COSTS["pbkdf2"] if version == 2 else COSTS["pbkdf2"][2:]
        words = ("luksFormat", "-q", "--type", f"luks{version}", *cost, "--header", str(header), str(data), str(secret))
        run("cryptsetup", *words)
        assert closed(opened(header, KEY)) == [NOT_OPENED, "the header is detached: its data is on another device"]


def test_header_without_its_data(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root)
    offset = int(metadata(path)["segments"]["0"]["offset"])
    path.write_bytes(path.read_bytes()[:offset])
    assert closed(opened(path, KEY)) == [NOT_OPENED, f"its data, from byte {offset}, is not in the image"]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda b: b["segments"]["0"].update(encryption="serpent-xts-plain64"), "luks cipher serpent-xts-plain64"),
        (lambda b: b["segments"]["0"].update(encryption="twofish-cbc-plain64"), "luks cipher twofish-cbc-plain64"),
        (
            lambda b: b["segments"]["0"].update(encryption="xchacha20,aes-adiantum-plain64"),
            "luks cipher xchacha20,aes-adiantum-plain64",
        ),
        (lambda b: b["segments"]["0"].update(encryption="aes-xts-random"), "luks cipher aes-xts-random"),
        (lambda b: b["segments"]["0"].update(encryption="cipher_null-ecb"), "luks cipher cipher_null-ecb"),
        (
            lambda b: b["segments"]["0"].update(integrity={"type": "hmac(sha256)", "journal_encryption": "none"}),
            "luks integrity hmac(sha256)",
        ),
        (lambda b: b["segments"]["0"].update(type="hw-opal-crypt"), "luks segment hw-opal-crypt"),
        (
            lambda b: b["config"].update(requirements={"mandatory": ["online-reencrypt-v2"]}),
            "luks requirement online-reencrypt-v2",
        ),
        (lambda b: b["segments"].update({"1": b["segments"]["0"]}), "luks with 2 data segments"),
        (lambda b: b["digests"]["0"].update(type="sha256"), "luks digest sha256"),
    ],
)
def test_volumes_that_are_not_read(tmp_path: Path, root: bytes, change: object, note: str) -> None:
    path = volume(tmp_path / "v", root)
    rewrite(path, change)  # type: ignore[arg-type]
    assert closed(opened(path, KEY)) == [NOT_OPENED, f"unsupported: {note}"]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda s: s["kdf"].update(type="scrypt", time=1), "unsupported: luks kdf scrypt"),
        (lambda s: s["kdf"].update(hash="whirlpool"), "unsupported: luks hash whirlpool"),
        (lambda s: s["af"].update(hash="streebog512"), "unsupported: luks hash streebog512"),
        (lambda s: s["area"].update(encryption="serpent-xts-plain64"), "unsupported: luks cipher serpent-xts-plain64"),
        (lambda s: s["area"].update(key_size=48), "unsupported: luks cipher aes-xts-plain64 with a key of 384 bits"),
        (lambda s: s["af"].update(stripes=2**31), f"malformed: {2**31} stripes of 64 bytes"),
        (lambda s: s["af"].update(stripes=4100), "malformed: its area does not lie between header and data"),
        (lambda s: s["area"].update(offset="0"), "malformed: its area does not lie between header and data"),
        (lambda s: s["area"].update(offset=str(2**63)), "malformed: its area does not lie between header and data"),
        (lambda s: s["kdf"].update(salt="*"), "malformed"),
        (lambda s: s["kdf"].update(iterations=2**31), "its key derivation asks for 4294967296 units of work"),
        (
            lambda s: s["kdf"].update(type="argon2id", time=4, memory=4 << 20, cpus=4),
            "its key derivation asks for 4194304 KiB of memory, more than 1048576",
        ),
        (
            lambda s: s["kdf"].update(type="argon2id", time=1000, memory=1 << 20, cpus=4),
            f"its key derivation asks for {1000 << 20} units of work",
        ),
        (lambda s: s["kdf"].update(type="argon2i", time=4, memory=4, cpus=4), "argon2 with 4 KiB in 4 lanes"),
        (
            lambda s: s["kdf"].update(type="argon2i", time=4, memory=4096, cpus=9999),
            "argon2 with 4096 KiB in 9999 lanes",
        ),
    ],
)
def test_slots_that_are_not_tried(tmp_path: Path, root: bytes, change: object, note: str) -> None:
    path = volume(tmp_path / "v", root)
    rewrite(path, lambda body: change(body["keyslots"]["0"]))  # type: ignore[operator]
    notes = closed(opened(path, KEY))
    assert notes[0] == NOT_OPENED
    assert notes[1].startswith(f"keyslot 0: {note}")
    assert len(notes) == 2


def test_a_slot_that_is_not_tried_hides_no_other(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root, options=("--key-size", "256"))
    add_key(path, KEY.decode())
    rewrite(path, lambda body: body["keyslots"]["0"]["kdf"].update(type="argon2id", time=4, memory=4 << 20, cpus=4))
    assert opened(path, KEY).notes == ["opened with the key given, keyslot 1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["digests"].clear(),
        lambda b: b["digests"]["0"].update(digest="AA=="),
        lambda b: b["digests"]["0"].update(iterations=0),
        lambda b: b["digests"]["0"].update(keyslots=[]),
        lambda b: b["segments"]["0"].update(sector_size=513),
        lambda b: b["segments"]["0"].update(sector_size=2**40),
    ],
)
def test_malformed_headers(tmp_path: Path, root: bytes, change: object) -> None:
    path = volume(tmp_path / "v", root)
    rewrite(path, change)  # type: ignore[arg-type]
    part = opened(path, KEY)
    assert (part.state, part.children, len(part.notes)) == ("damaged", [], 1)


def test_both_copies_damaged(tmp_path: Path, root: bytes) -> None:
    path = volume(tmp_path / "v", root)
    damage(path, 600)
    damage(path, 0x4000 + 600)
    part = opened(path, KEY)
    assert (part.state, part.children) == ("damaged", [])
    assert "checksum is wrong" in part.notes[0]
