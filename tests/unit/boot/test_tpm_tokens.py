"""Tokens that Clevis and systemd-cryptenroll made against a software TPM, and hand-made traps."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.boot.luks import luks1_hole, read_header
from scanner.boot.luks_model import Token
from scanner.boot.tpm_policy import policy_auth_value, policy_pcr
from scanner.boot.tpm_tokens import CLEVIS_UUID, binding_of, clevis_binding, luksmeta_records
from scanner.model.errors import ParseError
from tests.storage_lab import Tpm, damage, jwe, luks, reader, run, software_tpm, sss_jwe, tang_jwe, tool

PCR7 = hashlib.sha256(bytes(32) + b"\xaa" * 32).digest()


@pytest.fixture(scope="module")
def tpm() -> Iterator[Tpm]:
    with software_tpm() as running:
        running.extend(7, b"\xaa" * 32)
        yield running


@pytest.fixture(scope="module")
def bound(tpm: Tpm) -> str:
    return tpm.clevis("tpm2", {"pcr_bank": "sha256", "pcr_ids": "7,11"})


@pytest.fixture(scope="module")
def unbound(tpm: Tpm) -> str:
    return tpm.clevis("tpm2", {})


def test_clevis_with_pcrs(bound: str) -> None:
    binding = clevis_binding("0", ("1",), bound)
    assert (binding.pin, binding.tpm_mandatory, binding.bound_pcrs) == ("tpm2", True, (7, 11))
    (sealed,) = binding.sealed
    assert sealed.bank == "sha256"
    assert sealed.publics[0].policy == policy_pcr("sha256", {7: PCR7, 11: bytes(32)})


def test_clevis_without_pcr_ids_binds_to_nothing(unbound: str) -> None:
    binding = clevis_binding("0", ("1",), unbound)
    (sealed,) = binding.sealed
    assert binding.bound_pcrs == ()
    assert (sealed.has_policy, sealed.user_with_auth, sealed.degenerate) == (False, True, "empty policy")


def test_pcr_ids_beside_an_object_without_policy_are_a_lie(unbound: str) -> None:
    raw = unbound.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    header["clevis"]["tpm2"] |= {"pcr_ids": "7,11", "pcr_bank": "sha256"}
    binding = clevis_binding("0", ("1",), jwe(header))
    assert binding.sealed[0].declared == (7, 11)
    assert binding.bound_pcrs == ()


def test_sss_t1_with_tang_makes_the_tpm_optional(bound: str) -> None:
    binding = clevis_binding("0", ("1",), sss_jwe(1, [bound, tang_jwe()]))
    assert (binding.pin, binding.kinds, binding.threshold, binding.shares) == ("sss", ("tang", "tpm2"), 1, 2)
    assert (binding.tpm_mandatory, binding.bound_pcrs) == (False, ())


def test_sss_t2_with_tang_needs_the_tpm(bound: str) -> None:
    binding = clevis_binding("0", ("1",), sss_jwe(2, [bound, tang_jwe()]))
    assert (binding.tpm_mandatory, binding.bound_pcrs) == (True, (7, 11))


def test_sss_keeps_only_pcrs_of_every_way(bound: str, tpm: Tpm) -> None:
    seven = tpm.clevis("tpm2", {"pcr_bank": "sha256", "pcr_ids": "7"})
    assert clevis_binding("0", ("1",), sss_jwe(1, [bound, seven])).bound_pcrs == (7,)
    nested = sss_jwe(1, [sss_jwe(2, [bound, seven]), tang_jwe()])
    assert clevis_binding("0", ("1",), nested).bound_pcrs == ()


def test_null_pin_opens_freely() -> None:
    binding = clevis_binding("0", ("1",), jwe({"clevis": {"pin": "null", "null": {}}}))
    assert (binding.opens_freely, binding.tpm_mandatory) == (True, False)


@pytest.mark.parametrize("threshold", [0, 3, True, "1"])
def test_impossible_threshold(threshold: Any) -> None:
    with pytest.raises(ParseError):
        clevis_binding("0", ("1",), sss_jwe(threshold, [tang_jwe(), tang_jwe()]))


def test_nesting_is_bounded() -> None:
    nested = tang_jwe()
    for _ in range(8):
        nested = sss_jwe(1, [nested])
    with pytest.raises(ParseError, match="nested"):
        clevis_binding("0", ("1",), nested)


@pytest.mark.parametrize(
    "token", [None, "", "####", jwe({}), jwe({"clevis": {"pin": "tpm2", "tpm2": {"jwk_pub": "AA"}}})]
)
def test_token_that_cannot_be_read_is_kept_with_its_problem(token: Any) -> None:
    binding = binding_of(Token("3", "clevis", ("1",), {"jwe": token}))
    assert binding is not None
    assert binding.problem is not None
    assert (binding.bound_pcrs, binding.tpm_mandatory) == ((), False)


@pytest.mark.parametrize("kind", ["systemd-recovery", "systemd-fido2", "something"])
def test_tokens_that_need_a_person(kind: str) -> None:
    assert binding_of(Token("0", kind, ("0",), {})) is None


# ---- systemd ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def enrolled(tpm: Tpm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four systemd tokens: PCR 7; no PCR; public key for PCR 11; PCR 7 with PIN."""
    tool("systemd-cryptenroll")
    folder = tmp_path_factory.mktemp("systemd")
    path = luks(folder / "device")
    run("openssl", "genrsa", "-out", f"{folder}/key", "2048")
    run("openssl", "rsa", "-in", f"{folder}/key", "-pubout", "-out", f"{folder}/public")
    device = f"--tpm2-device=swtpm:path={tpm.folder}/s"
    signed = (f"--tpm2-public-key={folder}/public", "--tpm2-public-key-pcrs=11", "--tpm2-pcrs=")
    for options in (("--tpm2-pcrs=7",), ("--tpm2-pcrs=",), signed, ("--tpm2-pcrs=7", "--tpm2-with-pin=yes")):
        tpm.run("systemd-cryptenroll", device, *options, str(path), PASSWORD="correct horse", NEWPIN="1234")
    return path


def test_systemd_tokens(enrolled: Path) -> None:
    header = read_header(reader(enrolled))
    assert header is not None
    literal, nothing, signed, pin = (binding_of(token) for token in header.tokens)
    assert literal and nothing and signed and pin
    assert (literal.bound_pcrs, literal.sealed[0].degenerate) == ((7,), None)
    assert literal.sealed[0].publics[0].policy == policy_pcr("sha256", {7: PCR7})
    assert (nothing.bound_pcrs, nothing.sealed[0].degenerate) == ((), "empty policy")
    assert (signed.bound_pcrs, signed.sealed[0].public_key_pcrs) == ((), (11,))
    assert signed.sealed[0].publics[0].policy == signed.sealed[0].signer, "recomputed from the key beside it"
    assert signed.sealed[0].degenerate is None
    assert (pin.bound_pcrs, pin.sealed[0].pin_required) == ((7,), True)
    assert pin.sealed[0].publics[0].policy == policy_auth_value(policy_pcr("sha256", {7: PCR7}))
    assert [item.sealed[0].stated_policy_agrees for item in (literal, nothing, signed, pin)] == [True] * 4


def test_stated_policy_that_is_not_the_object_s(enrolled: Path) -> None:
    header = read_header(reader(enrolled))
    assert header is not None
    body = dict(header.tokens[1].body) | {
        "tpm2-policy-hash": "11" * 32,
        "tpm2-pcrs": [7, 11],
        "tpm2-pcr-bank": "sha256",
    }
    binding = binding_of(Token("1", "systemd-tpm2", ("2",), body))
    assert binding is not None
    assert binding.sealed[0].stated_policy_agrees is False
    assert binding.bound_pcrs == ()


def test_literal_pcrs_beside_a_policy_of_the_key_alone(enrolled: Path) -> None:
    header = read_header(reader(enrolled))
    assert header is not None
    binding = binding_of(Token("2", "systemd-tpm2", ("3",), dict(header.tokens[2].body) | {"tpm2-pcrs": [7]}))
    assert binding is not None
    assert (binding.sealed[0].declared, binding.bound_pcrs) == ((7,), ())


@pytest.mark.parametrize(
    "change",
    [
        {"tpm2-blob": "!!"},
        {"tpm2-blob": base64.b64encode(b"\xff\xff").decode()},
        {"tpm2-pcrs": [24]},
        {"tpm2-pcrs": "x"},
        {"tpm2_pubkey_pcrs": [11]},
        {"tpm2_pubkey": base64.b64encode(b"no key").decode()},
        {"tpm2-policy-hash": "zz"},
    ],
)
def test_malformed_systemd_token(enrolled: Path, change: dict[str, Any]) -> None:
    header = read_header(reader(enrolled))
    assert header is not None
    binding = binding_of(Token("0", "systemd-tpm2", ("1",), dict(header.tokens[0].body) | change))
    assert binding is not None
    assert binding.problem is not None


# ---- luksmeta --------------------------------------------------------------------------------------------------------


def test_luksmeta_of_a_luks1_device(tmp_path: Path) -> None:
    tool("luksmeta")
    path = luks(tmp_path / "device", version=1)
    run("luksmeta", "init", "-f", "-d", str(path))
    token = tang_jwe()
    run("luksmeta", "save", "-d", str(path), "-u", CLEVIS_UUID, "-s", "1", stdin=token)
    hole = luks1_hole(reader(path)(0, 4096))
    assert hole is not None
    assert luksmeta_records(reader(path)(*hole)) == [("1", CLEVIS_UUID, token.encode())]
    damage(path, hole[0] + 20)
    with pytest.raises(ParseError, match="checksum"):
        luksmeta_records(reader(path)(*hole))


def test_no_luksmeta() -> None:
    assert luksmeta_records(bytes(4096)) == []
