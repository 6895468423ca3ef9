"""TPM 2.0 authorisation policies: computing policy digests, and reading what a sealed object demands.

A policy digest starts as zeros and is extended by each policy command.  Equal digests prove that an object opens under
exactly these conditions; a list of PCR numbers beside the object proves nothing.

Sources: TCG, TPM 2.0 Library, part 1 (19.7, names: 16) and part 2 (8.3 TPMA_OBJECT, 12.2 TPMT_PUBLIC), part 3 (23).
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "BANKS",
    "Public",
    "degenerate",
    "parse_2b_public",
    "parse_public",
    "parse_sealed_blob",
    "pcr_selection",
    "policy_auth_value",
    "policy_authorize",
    "policy_authorize_nv",
    "policy_or",
    "policy_pcr",
    "public_name",
    "rsa_public",
]

BANKS: Mapping[str, int] = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C, "sha512": 0x000D}
"""Hash name to TPM_ALG_ID."""
BANK_NAMES: Mapping[int, str] = {number: name for name, number in BANKS.items()}
PCR_COUNT = 24

_POLICY_PCR = 0x017F
_POLICY_AUTH_VALUE = 0x016B
_POLICY_OR = 0x0171
_POLICY_AUTHORIZE = 0x016A
_POLICY_AUTHORIZE_NV = 0x0192

_TYPES = {0x0001: "rsa", 0x0008: "keyedhash", 0x0023: "ecc", 0x0025: "symcipher"}
_ATTRIBUTES = {
    1: "fixedTPM",
    2: "stClear",
    4: "fixedParent",
    5: "sensitiveDataOrigin",
    6: "userWithAuth",
    7: "adminWithPolicy",
    10: "noDA",
    11: "encryptedDuplication",
    16: "restricted",
    17: "decrypt",
    18: "sign",
    19: "x509sign",
}


@dataclass(frozen=True, slots=True)
class Public:
    """The public area of a TPM object. `name_algorithm` is None when it is not one of BANKS; `policy` may be empty."""

    type: str
    name_algorithm: str | None
    attributes: tuple[str, ...]
    policy: bytes

    @property
    def user_with_auth(self) -> bool:
        """Whether the object opens by its password alone, past any policy."""
        return "userWithAuth" in self.attributes

    @property
    def has_policy(self) -> bool:
        """Whether there is a policy that demands anything: a digest of zeros is the empty policy, met by anyone."""
        return any(self.policy)


# ---- digests ---------------------------------------------------------------------------------------------------------


def _hash(data: bytes, algorithm: str) -> bytes:
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


def _zero(algorithm: str) -> bytes:
    return bytes(hashlib.new(algorithm, usedforsecurity=False).digest_size)


def pcr_selection(bank: str, pcrs: Sequence[int]) -> bytes:
    """TPML_PCR_SELECTION of one bank. Raises ValueError for a PCR outside 0 to 23 or a bank that is not known."""
    if bank not in BANKS:
        raise ValueError(f"bank {bank} is not known")
    bitmap = bytearray(3)
    for pcr in pcrs:
        if not 0 <= pcr < PCR_COUNT:
            raise ValueError(f"PCR {pcr} does not exist")
        bitmap[pcr // 8] |= 1 << pcr % 8
    return struct.pack(">IHB", 1, BANKS[bank], 3) + bytes(bitmap)


def policy_pcr(bank: str, values: Mapping[int, bytes], *, old: bytes | None = None, algorithm: str = "sha256") -> bytes:
    """PolicyPCR over `values` (PCR number to digest), extending `old` (default: the empty policy)."""
    content = b"".join(values[pcr] for pcr in sorted(values))
    argument = pcr_selection(bank, list(values)) + _hash(content, algorithm)
    return _hash((_zero(algorithm) if old is None else old) + struct.pack(">I", _POLICY_PCR) + argument, algorithm)


def policy_auth_value(old: bytes | None = None, *, algorithm: str = "sha256") -> bytes:
    """PolicyAuthValue (the same digest as PolicyPassword): the caller must know the object's PIN."""
    return _hash((_zero(algorithm) if old is None else old) + struct.pack(">I", _POLICY_AUTH_VALUE), algorithm)


def policy_or(digests: Sequence[bytes], *, algorithm: str = "sha256") -> bytes:
    """PolicyOR of two to eight policies. Raises ValueError for another number."""
    if not 2 <= len(digests) <= 8:
        raise ValueError("PolicyOR takes two to eight digests")
    return _hash(_zero(algorithm) + struct.pack(">I", _POLICY_OR) + b"".join(digests), algorithm)


def policy_authorize(key_name: bytes, policy_ref: bytes = b"", *, algorithm: str = "sha256") -> bytes:
    """PolicyAuthorize: any policy that the key of this name has signed. It forgets what came before."""
    first = _hash(_zero(algorithm) + struct.pack(">I", _POLICY_AUTHORIZE) + key_name, algorithm)
    return _hash(first + policy_ref, algorithm)


def policy_authorize_nv(index_name: bytes, *, algorithm: str = "sha256") -> bytes:
    """PolicyAuthorizeNV: the policy that stands in the NV index of this name. It forgets what came before."""
    return _hash(_zero(algorithm) + struct.pack(">I", _POLICY_AUTHORIZE_NV) + index_name, algorithm)


def public_name(public: bytes, algorithm: str = "sha256") -> bytes:
    """The name of an object: algorithm and hash of its marshalled TPMT_PUBLIC (without the size in front)."""
    return struct.pack(">H", BANKS[algorithm]) + _hash(public, algorithm)


def rsa_public(modulus: bytes, exponent: int = 0x10001) -> bytes:
    """TPMT_PUBLIC of an RSA signing key as systemd loads it from a PEM file (src/shared/tpm2-util.c).

    Raises ParseError for a key that no TPM can hold.
    """
    if len(modulus) > _MAX_MODULUS or not 0 <= exponent < 1 << 32:
        raise ParseError(f"an RSA key of {len(modulus) * 8} bits with exponent {exponent:#.20x}")
    head = struct.pack(
        ">HHIHHHHIH", 0x0001, 0x000B, 0x00060040, 0, 0x10, 0x10, len(modulus) * 8, exponent, len(modulus)
    )
    return head + modulus


# ---- policies that demand nothing ------------------------------------------------------------------------------------

_MAX_GUESSED = 6
_MAX_MODULUS = 2048
"""PCRs of one policy that are tried with every known constant: 2 to the power of 6 hashes at most."""


def degenerate(
    policy: bytes, bank: str | None, pcrs: Sequence[int], *, old: bytes | None = None, pin: bool = False
) -> str | None:
    """Why a policy demands less than it seems, or None when no known constant explains it.

    Tried: the empty policy, PIN only, an empty PCR selection, and for the PCRs named every combination of "never
    extended" (zeros; ones for the dynamic PCRs 17 to 22) and "separator only". `old` is the policy that the PCRs extend
    (a signed one, of systemd). None does not prove a good policy.
    """
    if not any(policy):
        return "empty policy"
    if policy == policy_auth_value():
        return "PIN only"
    if bank is None or bank not in BANKS:
        return None
    selected = sorted(set(pcrs))
    if len(selected) > _MAX_GUESSED or any(not 0 <= pcr < PCR_COUNT for pcr in selected):
        selected = []
    for values, words in _constant_values(bank, selected):
        digest = policy_pcr(bank, values, old=old)
        if policy == (policy_auth_value(digest) if pin else digest):
            return words
    return None


def _constant_values(bank: str, pcrs: Sequence[int]) -> Iterator[tuple[dict[int, bytes], str]]:
    yield {}, "no PCR selected"
    size = len(_zero(bank))
    separator = _hash(bytes(size) + _hash(bytes(4), bank), bank)
    for choice in itertools.product(("never extended", "separator only"), repeat=len(pcrs)):
        values = {
            pcr: separator if word == "separator only" else (b"\xff" if 17 <= pcr <= 22 else b"\0") * size
            for pcr, word in zip(pcrs, choice, strict=True)
        }
        if values:
            yield values, ", ".join(f"PCR {pcr} {word}" for pcr, word in zip(pcrs, choice, strict=True))


# ---- public areas ----------------------------------------------------------------------------------------------------


def parse_public(data: bytes, base: int = 0) -> Public:
    """TPMT_PUBLIC up to its policy; what follows (parameters, unique value) is not needed. `base` is for error places.

    Raises ParseError when it is cut short or of a type that cannot be sealed data or a key.
    """
    if len(data) < 10:
        raise ParseError("TPM public area cut short", offset=base + len(data))
    kind, name_algorithm, attributes, size = struct.unpack_from(">HHIH", data)
    if kind not in _TYPES:
        raise ParseError(f"TPM object type 0x{kind:04x} is not known", offset=base)
    if size > 64 or len(data) < 10 + size:
        raise ParseError(f"TPM policy of {size} bytes does not fit", offset=base + 8)
    names = tuple(name for bit, name in _ATTRIBUTES.items() if attributes >> bit & 1)
    return Public(_TYPES[kind], BANK_NAMES.get(name_algorithm), names, data[10 : 10 + size])


def parse_2b_public(data: bytes, base: int = 0) -> Public:
    """TPM2B_PUBLIC: a TPMT_PUBLIC with its size in front. Raises ParseError."""
    if len(data) < 2:
        raise ParseError("TPM public area cut short", offset=base)
    (size,) = struct.unpack_from(">H", data)
    if size > len(data) - 2:
        raise ParseError(f"TPM public area says {size} bytes, {len(data) - 2} are there", offset=base)
    return parse_public(data[2 : 2 + size], base + 2)


def parse_sealed_blob(data: bytes) -> Public:
    """TPM2B_PRIVATE followed by TPM2B_PUBLIC, as systemd stores a sealed object: only the public area is looked at."""
    if len(data) < 2:
        raise ParseError("sealed blob cut short", offset=0)
    (size,) = struct.unpack_from(">H", data)
    if size + 2 > len(data):
        raise ParseError("sealed blob: private area does not fit", offset=0)
    return parse_2b_public(data[2 + size :], 2 + size)
