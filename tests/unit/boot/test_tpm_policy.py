"""Policy digests: published vectors, and what a software TPM computes."""

from __future__ import annotations

import hashlib

import pytest

from scanner.boot.tpm_policy import (
    degenerate,
    parse_2b_public,
    parse_public,
    pcr_selection,
    policy_auth_value,
    policy_authorize,
    policy_authorize_nv,
    policy_or,
    policy_pcr,
    public_name,
)
from scanner.model.errors import ParseError
from tests.storage_lab import software_tpm

PCR7 = hashlib.sha256(bytes(32) + b"\xaa" * 32).digest()
ZERO = bytes(32)
SEPARATOR = bytes.fromhex("3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969")


def test_vectors() -> None:
    assert PCR7.hex() == "9ef814b42fa0be12d197c44d3e8e03441a4b1118237658368ba1351090e556ed"
    assert policy_pcr("sha256", {7: PCR7}).hex() == "ad0071a85fe1f6dffc597d93eca52e94a1a8b28635c3eb2f8a9a4d53cd3eccf9"
    both = policy_pcr("sha256", {11: ZERO, 7: PCR7})
    assert both.hex() == "c260500f482079c86279a3a36d3466005b128eb8ee36b0b440c47a410ac3d694"
    assert policy_auth_value().hex() == "8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e"
    either = policy_or([b"\x11" * 32, b"\x22" * 32])
    assert either.hex() == "41937bd1ae2b2dcc1a0be7cb200b7a5cb4b5c21dc22e6bf90ece9fc376d50293"
    assert pcr_selection("sha256", [7, 11]).hex() == "00000001000b03800800"


@pytest.mark.parametrize("pcrs", [[24], [-1]])
def test_pcr_that_does_not_exist(pcrs: list[int]) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        pcr_selection("sha256", pcrs)


@pytest.mark.parametrize("count", [1, 9])
def test_policy_or_takes_two_to_eight(count: int) -> None:
    with pytest.raises(ValueError, match="two to eight"):
        policy_or([ZERO] * count)


@pytest.mark.parametrize(
    ("policy", "pcrs", "why"),
    [
        (b"", [7], "empty policy"),
        (ZERO, [7], "empty policy"),
        (policy_auth_value(), [7], "PIN only"),
        (policy_pcr("sha256", {}), [7], "no PCR selected"),
        (policy_pcr("sha256", {11: ZERO}), [11], "PCR 11 never extended"),
        (policy_pcr("sha256", {7: SEPARATOR, 11: ZERO}), [7, 11], "PCR 7 separator only, PCR 11 never extended"),
        (policy_pcr("sha256", {17: b"\xff" * 32}), [17], "PCR 17 never extended"),
        (policy_pcr("sha256", {7: PCR7}), [7], None),
        (policy_pcr("sha256", {7: ZERO}), [99], None),
    ],
)
def test_degenerate(policy: bytes, pcrs: list[int], why: str | None) -> None:
    assert degenerate(policy, "sha256", pcrs) == why


def test_degenerate_with_pin() -> None:
    policy = policy_auth_value(policy_pcr("sha256", {11: ZERO}))
    assert degenerate(policy, "sha256", [11], pin=True) == "PCR 11 never extended"
    assert degenerate(policy, "sha256", [11]) is None


def test_sealed_object_of_a_tpm() -> None:
    with software_tpm() as tpm:
        tpm.extend(7, b"\xaa" * 32)
        folder = tpm.folder
        assert tpm.pcr(7) == PCR7
        tpm.run("tpm2_createpolicy", "--policy-pcr", "-l", "sha256:7,11", "-L", f"{folder}/policy")
        assert (folder / "policy").read_bytes() == policy_pcr("sha256", {7: PCR7, 11: ZERO})
        tpm.run("tpm2_createprimary", "-C", "o", "-c", f"{folder}/primary")
        seal = ("tpm2_create", "-C", f"{folder}/primary", "-i-", "-r", f"{folder}/private")
        tpm.run(*seal, "-u", f"{folder}/bound", "-L", f"{folder}/policy", "-a", "fixedtpm|fixedparent", stdin="s")
        tpm.run(*seal, "-u", f"{folder}/open", "-a", "fixedtpm|fixedparent|userwithauth", stdin="s")
        bound = parse_2b_public((folder / "bound").read_bytes())
        unbound = parse_2b_public((folder / "open").read_bytes())
    assert (bound.type, bound.name_algorithm, bound.attributes) == ("keyedhash", "sha256", ("fixedTPM", "fixedParent"))
    assert (bound.has_policy, bound.user_with_auth) == (True, False)
    assert bound.policy == policy_pcr("sha256", {7: PCR7, 11: ZERO})
    assert (unbound.has_policy, unbound.user_with_auth) == (False, True)


def test_policies_of_a_trial_session() -> None:
    with software_tpm() as tpm:
        folder = tpm.folder
        start = ("tpm2_startauthsession", "-S", f"{folder}/session")

        def trial(*words: str) -> bytes:
            # The session must outlive the command that starts it: no flushing in between.
            from tests.storage_lab import run

            run(*start, environment=tpm.environment)
            run(*words, "-S", f"{folder}/session", "-L", f"{folder}/out", environment=tpm.environment)
            run("tpm2_flushcontext", f"{folder}/session", environment=tpm.environment)
            return (folder / "out").read_bytes()

        assert trial("tpm2_policyauthvalue") == policy_auth_value()
        tpm.run("tpm2_createprimary", "-C", "o", "-c", f"{folder}/primary")
        tpm.run("tpm2_create", "-C", f"{folder}/primary", "-G", "rsa", "-u", f"{folder}/u", "-r", f"{folder}/r")
        public = (folder / "u").read_bytes()[2:]
        name = folder / "name"
        name.write_bytes(public_name(public))
        assert trial("tpm2_policyauthorize", "-n", str(name)) == policy_authorize(public_name(public))
        assert parse_public(public).type == "rsa"


def test_authorize_nv_differs_from_authorize() -> None:
    name = b"\0\x0b" + b"\1" * 32
    assert policy_authorize_nv(name) == hashlib.sha256(ZERO + bytes.fromhex("00000192") + name).digest()


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\0\x0a" + bytes(9), b"\xff\xff", b"\0\x0a\0\x08\0\x0b" + bytes(4) + b"\0\x20"]
)
def test_malformed_public(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_2b_public(data)
