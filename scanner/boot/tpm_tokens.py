"""What opens a LUKS volume without a person: systemd-tpm2 tokens, Clevis tokens and Clevis records of luksmeta.

The JSON beside a sealed object is a hint that anyone can edit; the object's own public area is the truth.  So PCRs
count as bound only when the object has a policy and no password that opens it past the policy.

Sources: systemd, src/shared/tpm2-util.c (tpm2_make_luks2_json); latchset/clevis, src/pins/tpm2 and src/pins/sss;
RFC 7516 (JWE); latchset/luksmeta, libluksmeta.c.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.boot import der, tpm_policy
from scanner.boot.luks_model import Token
from scanner.boot.tpm_policy import Public
from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["CLEVIS_UUID", "Binding", "Sealed", "binding_of", "clevis_binding", "luksmeta_records"]

CLEVIS_UUID = "cb6e8904-81ff-40da-a84a-07ab9ab5715e"
"""The owner of a luksmeta record that Clevis wrote."""

MAX_DEPTH = 6
MAX_PINS = 64
MAX_BASE64 = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """One secret in a TPM. `declared`: PCRs that the JSON names; `public`: the object's own words (one a shard)."""

    bank: str | None
    declared: tuple[int, ...]
    publics: tuple[Public, ...]
    pin_required: bool = False
    public_key_pcrs: tuple[int, ...] = ()
    pcrlock: bool = False
    signer: bytes | None = None
    """Policy digest of "signed by the public key beside it" (PolicyAuthorize), when there is a key that can be read."""
    stated_policies: tuple[bytes, ...] = ()

    @property
    def has_policy(self) -> bool:
        """Whether every part of the secret stands behind a policy that demands something."""
        return bool(self.publics) and all(public.has_policy for public in self.publics)

    @property
    def user_with_auth(self) -> bool:
        """Whether a part of the secret opens by password alone."""
        return any(public.user_with_auth for public in self.publics)

    @property
    def degenerate(self) -> str | None:
        """See tpm_policy.degenerate; of the first part that is."""
        for public in self.publics:
            words = tpm_policy.degenerate(
                public.policy, self.bank, self.declared, old=self.signer, pin=self.pin_required
            )
            if words == "no PCR selected" and self.signer is not None and not self.declared:
                words = None
            if words is not None:
                return words
        return None

    @property
    def enforced(self) -> tuple[int, ...]:
        """The literal PCRs that must be right: those declared, if the object has a policy that nothing passes by."""
        if not self.has_policy or self.user_with_auth or self.degenerate in _NO_PCRS or self._only_signed:
            return ()
        return self.declared

    @property
    def _only_signed(self) -> bool:
        """Whether a policy is that of the public key alone, so that the literal PCRs named beside it are not in it."""
        signed = (self.signer, tpm_policy.policy_auth_value(self.signer)) if self.signer is not None else ()
        return any(public.policy in signed for public in self.publics)

    @property
    def stated_policy_agrees(self) -> bool | None:
        """Whether the policy stated in the JSON is the object's; None when none is stated."""
        if not self.stated_policies:
            return None
        return sorted(self.stated_policies) == sorted(public.policy for public in self.publics)


_NO_PCRS = ("empty policy", "PIN only", "no PCR selected")


@dataclass(frozen=True, slots=True)
class _Pin:
    """One node of a Clevis pin: a leaf (`tpm2`, `tang`, `null`, …), or `sss` with its threshold and shares."""

    kind: str
    sealed: Sealed | None = None
    threshold: int = 1
    shares: tuple[_Pin, ...] = ()

    def opens(self, without: Callable[[_Pin], bool]) -> bool:
        """Whether it opens when only the leaves that `without` accepts can be satisfied."""
        if self.kind != "sss":
            return without(self)
        return sum(share.opens(without) for share in self.shares) >= self.threshold

    def leaves(self) -> list[_Pin]:
        """Every leaf, in order."""
        if self.kind != "sss":
            return [self]
        return [leaf for share in self.shares for leaf in share.leaves()]


@dataclass(frozen=True, slots=True)
class Binding:
    """One token (or luksmeta record) that opens a volume by itself.

    `pin`: tpm2, sss, tang, null, …; `kinds`: every leaf's kind. `tpm_mandatory`: there is no way through this token
    without the TPM. `bound_pcrs`: literal PCRs that every way through demands. `sealed`: the TPM secrets inside.
    `opens_freely`: the secret lies in clear. Without `problem` everything could be read.
    """

    token: str
    type: str
    keyslots: tuple[str, ...]
    pin: str | None = None
    kinds: tuple[str, ...] = ()
    threshold: int | None = None
    shares: int | None = None
    tpm_mandatory: bool = False
    opens_freely: bool = False
    bound_pcrs: tuple[int, ...] = ()
    sealed: tuple[Sealed, ...] = field(default=(), repr=False)
    problem: str | None = None


def binding_of(token: Token) -> Binding | None:
    """The binding of a LUKS2 token, or None for a token that a person must act on (recovery key, FIDO2, PKCS#11).

    A token that cannot be read comes back with `problem` set: it exists, and nobody can say what it demands.
    """
    try:
        if token.type == "clevis":
            return clevis_binding(token.id, token.keyslots, token.body.get("jwe"))
        if token.type == "systemd-tpm2":
            sealed = _systemd(token.body)
            return _binding(token.id, "systemd-tpm2", token.keyslots, _Pin("tpm2", sealed))
    except ParseError as error:
        return Binding(token.id, token.type, token.keyslots, problem=str(error))
    return None


def clevis_binding(token: str, keyslots: tuple[str, ...], jwe: Any, type_: str = "clevis") -> Binding:
    """The binding of one Clevis JWE (JSON or compact form). Raises ParseError."""
    return _binding(token, type_, keyslots, _clevis(jwe, 0, [MAX_PINS]))


def _binding(token: str, type_: str, keyslots: tuple[str, ...], pin: _Pin) -> Binding:
    leaves = pin.leaves()
    sealed = tuple(leaf.sealed for leaf in leaves if leaf.sealed is not None)
    candidates = sorted({pcr for item in sealed for pcr in item.enforced})
    return Binding(
        token=token,
        type=type_,
        keyslots=keyslots,
        pin=pin.kind,
        kinds=tuple(sorted({leaf.kind for leaf in leaves})),
        threshold=pin.threshold if pin.kind == "sss" else None,
        shares=len(pin.shares) if pin.kind == "sss" else None,
        tpm_mandatory=not pin.opens(lambda leaf: leaf.sealed is None),
        opens_freely=pin.opens(lambda leaf: leaf.kind == "null"),
        bound_pcrs=tuple(pcr for pcr in candidates if not pin.opens(_without(pcr))),
        sealed=sealed,
    )


def _without(pcr: int) -> Callable[[_Pin], bool]:
    return lambda leaf: leaf.sealed is None or pcr not in leaf.sealed.enforced


# ---- systemd-tpm2 ----------------------------------------------------------------------------------------------------


def _systemd(body: Mapping[str, Any]) -> Sealed:
    blobs = [_base64(item) for item in _one_or_many(body.get("tpm2-blob"))]
    if not blobs:
        raise ParseError("token has no tpm2-blob")
    pcrlock = body.get("tpm2_pcrlock", False)
    signer = _signer(body.get("tpm2_pubkey"))
    public_key_pcrs = _pcrs(body.get("tpm2_pubkey_pcrs", []))
    if public_key_pcrs and body.get("tpm2_pubkey") is None:
        raise ParseError("token names PCRs of a public key but no key")
    return Sealed(
        bank=_optional_text(body.get("tpm2-pcr-bank", "sha256")),
        declared=_pcrs(body.get("tpm2-pcrs", [])),
        publics=tuple(tpm_policy.parse_sealed_blob(blob) for blob in blobs),
        pin_required=body.get("tpm2-pin", False) is True,
        public_key_pcrs=public_key_pcrs,
        pcrlock=pcrlock is True,
        signer=signer,
        stated_policies=tuple(_hex(item) for item in _one_or_many(body.get("tpm2-policy-hash"))),
    )


def _signer(key: Any) -> bytes | None:
    """PolicyAuthorize of the RSA key in the token; None without one, or for a key that is not RSA."""
    if key is None:
        return None
    numbers = der.rsa_numbers(der.pem_bytes(_base64(key)))
    if numbers is None:
        return None
    return tpm_policy.policy_authorize(tpm_policy.public_name(tpm_policy.rsa_public(*numbers)))


# ---- Clevis ----------------------------------------------------------------------------------------------------------


def _clevis(jwe: Any, depth: int, budget: list[int]) -> _Pin:
    """The pin of a JWE. `budget` holds how many more may be read, over all nesting."""
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise ParseError("Clevis pins are nested too deeply or too many")
    node = _protected(jwe).get("clevis")
    if not isinstance(node, dict) or not isinstance(node.get("pin"), str):
        raise ParseError("JWE header names no Clevis pin")
    kind = node["pin"][:32]
    details = node.get(kind)
    details = details if isinstance(details, dict) else {}
    if kind == "tpm2":
        return _Pin(kind, _clevis_tpm2(details))
    if kind != "sss":
        return _Pin(kind)
    shares, threshold = details.get("jwe"), details.get("t")
    if not isinstance(shares, list) or isinstance(threshold, bool) or not isinstance(threshold, int):
        raise ParseError("sss pin without shares or threshold")
    if not 1 <= threshold <= len(shares):
        raise ParseError(f"sss pin wants {threshold} of {len(shares)} shares")
    return _Pin(kind, None, threshold, tuple(_clevis(share, depth + 1, budget) for share in shares))


def _protected(jwe: Any) -> Mapping[str, Any]:
    if isinstance(jwe, dict):
        jwe = jwe.get("protected")
    if not isinstance(jwe, str):
        raise ParseError("JWE has no protected header")
    try:
        header = json.loads(_base64(jwe.split(".", 1)[0], url=True))
    except (ValueError, RecursionError):
        raise ParseError("JWE header cannot be read") from None
    if not isinstance(header, dict):
        raise ParseError("JWE header is no object")
    return header


def _clevis_tpm2(details: Mapping[str, Any]) -> Sealed:
    public = details.get("jwk_pub")
    if not isinstance(public, str):
        raise ParseError("tpm2 pin without a public area")
    return Sealed(
        bank=_optional_text(details.get("pcr_bank")),
        declared=_pcrs(details.get("pcr_ids", [])),
        publics=(tpm_policy.parse_2b_public(_base64(public, url=True)),),
    )


# ---- luksmeta --------------------------------------------------------------------------------------------------------

_LUKSMETA_SIZE = 272
_SLOT = struct.Struct(">16sIIII")


def luksmeta_records(hole: bytes) -> list[tuple[str, str, bytes]]:
    """Slot, owner UUID and data of each luksmeta record in the gap of a LUKS1 device; empty when there are none.

    Raises ParseError when there is a luksmeta header that is damaged.
    """
    if hole[:8] != b"LUKSMETA":
        return []
    if len(hole) < _LUKSMETA_SIZE or hole[8:12] != b"\0\0\0\1":
        raise ParseError("luksmeta version is not known", offset=8)
    if _crc32c(hole[:12] + bytes(4) + hole[16:_LUKSMETA_SIZE]) != int.from_bytes(hole[12:16], "big"):
        raise ParseError("luksmeta header checksum is wrong", offset=12)
    records = []
    for number in range(8):
        uuid, offset, length, checksum, _ = _SLOT.unpack_from(hole, 16 + number * _SLOT.size)
        if not any(uuid):
            continue
        data = hole[offset : offset + length]
        if offset < _LUKSMETA_SIZE or len(data) != length or _crc32c(data) != checksum:
            raise ParseError(f"luksmeta record {number} is damaged", offset=16 + number * _SLOT.size)
        text = uuid.hex()
        owner = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        records.append((str(number), owner, data))
    return records


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def _crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) as luksmeta computes it."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


# ---- values of hostile JSON ------------------------------------------------------------------------------------------


def _base64(value: Any, *, url: bool = False) -> bytes:
    if not isinstance(value, str) or not value or len(value) > MAX_BASE64:
        raise ParseError("base64 text is missing or too long")
    try:
        raw = value.encode("ascii")
        if not url:
            return base64.b64decode(raw, validate=True)
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ParseError("base64 text cannot be read") from None


def _hex(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) > 128:
        raise ParseError("policy hash is no text")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ParseError("policy hash is not hexadecimal") from None


def _one_or_many(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        if not 1 <= len(value) <= 8:
            raise ParseError("a list of the token is empty or too long")
        return value
    return [value]


def _optional_text(value: Any) -> str | None:
    return value[:32] if isinstance(value, str) else None


def _pcrs(value: Any) -> tuple[int, ...]:
    """PCR numbers given as a list, or as text with commas (Clevis). Raises ParseError for anything else."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")] if value.strip() else []
    if isinstance(value, int) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, list) or len(value) > 64:
        raise ParseError("PCR list cannot be read")
    found = set()
    for item in value:
        text = str(item)
        if isinstance(item, bool) or not (text.isascii() and text.isdigit()) or int(text[:6]) >= tpm_policy.PCR_COUNT:
            raise ParseError(f"PCR {text[:16]!r} does not exist")
        found.add(int(text))
    return tuple(sorted(found))
