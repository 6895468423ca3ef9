"""luks.volumes, luks.tpm_bindings and luks.tpm_policy_check on devices that cryptsetup made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.boot.tpm_policy import policy_pcr
from scanner.model.fact import Fact, Json
from tests.storage_lab import (
    FileDevice,
    add_key,
    add_token,
    blank,
    damage,
    facts_with,
    jwe,
    luks,
    rewrite,
    run,
    software_tpm,
    sss_jwe,
    tang_jwe,
)
from tests.support import build, fact_of

PCR7 = hashlib.sha256(bytes(32) + b"\xaa" * 32).digest()
ZERO = bytes(32)


def sealed_jwe(pcrs: str | None, policy: bytes, attributes: int = 0x492, bank: str = "sha256") -> str:
    """A Clevis tpm2 JWE around a public area that is written by hand."""
    import base64
    import struct

    public = struct.pack(">HHIH", 0x0008, 0x000B, attributes, len(policy)) + policy + bytes(8)
    raw = struct.pack(">H", len(public)) + public
    details = {"jwk_pub": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}
    if pcrs is not None:
        details |= {"pcr_ids": pcrs, "pcr_bank": bank}
    return jwe({"clevis": {"pin": "tpm2", "tpm2": details}})


def volume(tmp_path: Path, *tokens: str, keyslots: list[str] | None = None) -> Path:
    """A LUKS2 device with a second keyslot and Clevis tokens for it."""
    path = luks(tmp_path / "device")
    add_key(path, "second")
    for token in tokens:
        add_token(path, {"type": "clevis", "keyslots": ["1"], "jwe": {"protected": token.split(".")[0]}})
    if keyslots is not None:

        def change(metadata: dict[str, Any]) -> None:
            metadata["tokens"]["0"]["keyslots"] = keyslots

        rewrite(path, change)
    return path


def look(tmp_path: Path, path: Path, name: str, files: dict[str, Any] | None = None) -> Fact:
    root = build(tmp_path / "root", files or {"x": None})
    return facts_with(root, [name], [FileDevice("sda3", path)], runtime=files is not None)[name]


def binding(tmp_path: Path, *tokens: str) -> dict[str, Json]:
    fact = look(tmp_path, volume(tmp_path, *tokens), "luks.tpm_bindings")
    assert fact.state == "present"
    assert isinstance(fact.value[0], dict)
    return fact.value[0]


def test_volume(tmp_path: Path) -> None:
    path = volume(tmp_path, sealed_jwe("7,11", policy_pcr("sha256", {7: PCR7, 11: ZERO})))
    fact = look(tmp_path, path, "luks.volumes")
    (record,) = fact.value
    assert (record["device"], record["version"], record["fully_encrypted"]) == ("sda3", 2, True)
    assert (record["both_copies_valid"], record["header_copies_equal"]) == (True, True)
    assert [(slot["id"], slot["owner"]) for slot in record["keyslots"]] == [("0", "passphrase"), ("1", "clevis")]
    assert record["tokens"] == [{"id": "0", "type": "clevis", "keyslots": ["1"], "live": True}]
    assert fact.evidence[0].source == "device: sda3"
    assert all(item.sha256 is None for item in fact.evidence), "a digest of a header could help to guess"


def test_no_secret_leaves_the_header(tmp_path: Path) -> None:
    token = sealed_jwe("7", policy_pcr("sha256", {7: PCR7}))
    path = volume(tmp_path, token)
    area = path.read_bytes()[4096:0x4000].split(b"\0", 1)[0]
    metadata = json.loads(area)
    secrets = [slot["kdf"]["salt"] for slot in metadata["keyslots"].values()]
    secrets += [item[key] for item in metadata["digests"].values() for key in ("salt", "digest")]
    secrets.append(token.split(".")[0])
    root = build(tmp_path / "root", {"x": None})
    facts = facts_with(root, ["luks.volumes", "luks.tpm_bindings", "block.devices"], [FileDevice("a", path)])
    shown = json.dumps([fact.value for fact in facts.values()])
    assert secrets
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize(("place", "problem"), [(600, "checksum is wrong"), (0, "no primary header")])
def test_damaged_primary(tmp_path: Path, place: int, problem: str) -> None:
    path = luks(tmp_path / "device")
    damage(path, place)
    (record,) = look(tmp_path, path, "luks.volumes").value
    assert (record["both_copies_valid"], record["header_copies_equal"]) == (False, None)
    assert record["copies"][0]["problem"] == problem


def test_copies_that_differ(tmp_path: Path) -> None:
    path = luks(tmp_path / "device")
    rewrite(path, lambda metadata: metadata["config"].update(flags=["allow-discards"]), copies=(0x4000,))
    (record,) = look(tmp_path, path, "luks.volumes").value
    assert (record["both_copies_valid"], record["header_copies_equal"]) == (True, False)


def test_both_copies_damaged_is_a_gap(tmp_path: Path) -> None:
    path = luks(tmp_path / "device")
    damage(path, 600)
    damage(path, 0x4000 + 600)
    fact = look(tmp_path, path, "luks.volumes")
    assert fact.value == []
    assert any("checksum is wrong" in gap for gap in fact.gaps)


def test_detached_header(tmp_path: Path) -> None:
    header = luks(tmp_path / "device").read_bytes()[:0x8000]
    files = {"etc/crypttab": "root /dev/sda3 - header=/etc/root.header\n", "etc/root.header": header, "proc/x": ""}
    fact = look(tmp_path, blank(tmp_path / "data", 1 << 20), "luks.volumes", files)
    assert [(record["device"], record["detached_header"]) for record in fact.value] == [("/etc/root.header", True)]


def test_detached_header_that_is_missing_is_a_gap(tmp_path: Path) -> None:
    files = {"etc/crypttab": "root /dev/sda3 - header=/etc/root.header\n", "proc/x": ""}
    fact = look(tmp_path, blank(tmp_path / "data", 1 << 20), "luks.volumes", files)
    assert fact.value == []
    assert not fact.complete


def test_left_over_secondary_header_is_no_volume(tmp_path: Path) -> None:
    path = luks(tmp_path / "device")
    secondary = path.read_bytes()[0x4000:0x8000]
    run("mkfs.ext4", "-q", "-F", str(path))
    with path.open("r+b") as file:
        file.seek(0x4000)
        file.write(secondary)
    assert look(tmp_path, path, "luks.volumes").value == []


def test_null_cipher_of_a_keyslot_is_no_encryption(tmp_path: Path) -> None:
    path = luks(tmp_path / "device")
    rewrite(path, lambda metadata: metadata["keyslots"]["0"]["area"].update(encryption="cipher_null-ecb"))
    assert look(tmp_path, path, "luks.volumes").value[0]["fully_encrypted"] is False


def test_no_luks_is_an_empty_table(tmp_path: Path) -> None:
    fact = look(tmp_path, blank(tmp_path / "data", 1 << 20), "luks.volumes")
    assert (fact.state, fact.value, fact.complete) == ("present", [], True)


def test_a_tree_is_not_collected(tmp_path: Path) -> None:
    root = build(tmp_path / "root", {"etc/passwd": ""})
    for name in ("luks.volumes", "luks.tpm_bindings", "luks.tpm_policy_check"):
        assert fact_of(root, name).state == "not_collected"


def test_binding(tmp_path: Path) -> None:
    record = binding(tmp_path, sealed_jwe("7,11", policy_pcr("sha256", {7: PCR7, 11: ZERO})))
    assert (record["pin"], record["bank"], record["bound_pcrs"]) == ("tpm2", "sha256", [7, 11])
    assert (record["tpm_mandatory"], record["live"], record["user_with_auth"]) == (True, True, False)
    assert record["policies"] == [policy_pcr("sha256", {7: PCR7, 11: ZERO}).hex()]
    assert record["signed_pcrs"] == []


@pytest.mark.parametrize(
    ("token", "bound", "why"),
    [
        (sealed_jwe(None, b"", 0x4D2), [], "empty policy"),
        (sealed_jwe("7,11", b"", 0x4D2), [], "empty policy"),
        (sealed_jwe("7,11", ZERO), [], "empty policy"),
        (sealed_jwe("7,11", policy_pcr("sha256", {7: PCR7, 11: ZERO}), 0x4D2), [], None),
        (sealed_jwe("11", policy_pcr("sha256", {11: ZERO})), [11], "PCR 11 never extended"),
        (sealed_jwe("7", policy_pcr("sha256", {})), [], "no PCR selected"),
    ],
)
def test_bindings_that_demand_little(tmp_path: Path, token: str, bound: list[int], why: str | None) -> None:
    record = binding(tmp_path, token)
    assert (record["bound_pcrs"], record["degenerate"]) == (bound, why)


def test_sss_with_tang(tmp_path: Path) -> None:
    good = sealed_jwe("7", policy_pcr("sha256", {7: PCR7}))
    record = binding(tmp_path, sss_jwe(1, [good, tang_jwe()]))
    assert (record["pins"], record["threshold"], record["shares"]) == (["tang", "tpm2"], 1, 2)
    assert (record["tpm_mandatory"], record["bound_pcrs"]) == (False, [])


def test_sha1_bank(tmp_path: Path) -> None:
    policy = policy_pcr("sha1", {7: bytes(range(20))})
    assert binding(tmp_path, sealed_jwe("7", policy, bank="sha1"))["bank"] == "sha1"


def test_token_without_a_live_keyslot(tmp_path: Path) -> None:
    path = volume(tmp_path, sealed_jwe("7", policy_pcr("sha256", {7: PCR7})), keyslots=["9"])
    root = build(tmp_path / "root", {"x": None})
    facts = facts_with(root, ["luks.volumes", "luks.tpm_bindings"], [FileDevice("a", path)])
    assert facts["luks.volumes"].value[0]["orphan_tokens"] == ["0"]
    assert facts["luks.tpm_bindings"].value[0]["live"] is False


def test_ignored_keyslot_is_not_live(tmp_path: Path) -> None:
    path = volume(tmp_path, sealed_jwe("7", policy_pcr("sha256", {7: PCR7})))
    rewrite(path, lambda metadata: metadata["keyslots"]["1"].update(priority=0))
    assert look(tmp_path, path, "luks.tpm_bindings").value[0]["live_keyslots"] == []


def test_token_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    fact = look(tmp_path, volume(tmp_path, "####."), "luks.tpm_bindings")
    assert fact.value[0]["problem"] is not None
    assert not fact.complete


# ---- recomputed policies ---------------------------------------------------------------------------------------------


def pcr_files(values: dict[int, bytes]) -> dict[str, Any]:
    return {f"sys/class/tpm/tpm0/pcr-sha256/{pcr}": f"{value.hex().upper()}\n" for pcr, value in values.items()}


@pytest.mark.parametrize(
    ("pcrs", "policy", "now", "matches", "without"),
    [
        ("7", {7: PCR7}, {7: PCR7}, True, None),
        ("7", {7: PCR7}, {7: ZERO}, False, None),
        ("7,11", {7: PCR7, 11: ZERO}, {7: PCR7, 11: ZERO}, True, True),
        ("7,11", {7: PCR7, 11: b"\1" * 32}, {7: PCR7, 11: b"\2" * 32}, None, False),
        ("7,11", {7: PCR7, 11: ZERO}, {7: PCR7, 11: b"\2" * 32}, None, True),
        ("7,11", {7: PCR7}, {7: PCR7, 11: ZERO}, False, False),
        ("7,11", {7: PCR7, 11: ZERO}, {7: PCR7}, None, None),
    ],
)
def test_policy_check(
    tmp_path: Path,
    pcrs: str,
    policy: dict[int, bytes],
    now: dict[int, bytes],
    matches: bool | None,
    without: bool | None,
) -> None:
    path = volume(tmp_path, sealed_jwe(pcrs, policy_pcr("sha256", policy)))
    (record,) = look(tmp_path, path, "luks.tpm_policy_check", pcr_files(now)).value
    assert (record["policy_matches_pcrs"], record["matches_with_pcr11_zero"]) == (matches, without)


def test_policy_check_without_tpm(tmp_path: Path) -> None:
    fact = look(tmp_path, volume(tmp_path, tang_jwe()), "luks.tpm_policy_check", {"proc/x": ""})
    assert fact.state == "not_collected"


def test_real_clevis_object_against_real_pcrs(tmp_path: Path) -> None:
    with software_tpm() as tpm:
        tpm.extend(7, b"\xaa" * 32)
        token = tpm.clevis("tpm2", {"pcr_bank": "sha256", "pcr_ids": "7,11"})
        now = {pcr: tpm.pcr(pcr) for pcr in (7, 11)}
    (record,) = look(tmp_path, volume(tmp_path, token), "luks.tpm_policy_check", pcr_files(now)).value
    assert (record["policy_matches_pcrs"], record["matches_with_pcr11_zero"]) == (True, True)
    assert record["pcr11_measured"] is False
