"""Unified kernel images: the profiles of one file, and what the sections of the specification hold.

Source: UAPI specification "Unified Kernel Image" (components, multi-profile UKIs, `.pcrsig`); systemd-stub(7);
systemd src/boot/stub.c (which command line counts), src/boot/util.c (`mangle_stub_cmdline`), src/boot/pe.c (the first
section of a name counts; one without a virtual size is not there).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from scanner.boot import der
from scanner.boot.pe import Image, Reader, Section
from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "SECTIONS",
    "PcrPolicy",
    "Profile",
    "PublicKey",
    "command_line",
    "is_addon",
    "is_uki",
    "pcr_policies",
    "profiles",
    "public_key",
    "section_bytes",
    "section_text",
    "stub_of",
]

SECTIONS = (
    ".linux",
    ".osrel",
    ".cmdline",
    ".initrd",
    ".ucode",
    ".splash",
    ".dtb",
    ".uname",
    ".sbat",
    ".pcrsig",
    ".pcrpkey",
    ".profile",
    ".dtbauto",
    ".hwids",
    ".efifw",
)
"""Sections that mean something to a stub."""

_ADDON = (".cmdline", ".dtb", ".dtbauto", ".ucode", ".initrd")
_MAX_PROFILES = 256
_MAX_TEXT = 1 << 16
_MAX_JSON = 1 << 20
_MAX_POLICIES = 1024
_STUB = re.compile(rb"#### LoaderInfo: ([^ #]{1,64}) ([^#\0]{1,128}?) ####")
_HEX = re.compile(r"[0-9a-f]{32,128}\Z")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_BANK = re.compile(r"[a-z0-9_]{1,16}\Z")


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to boot a UKI. `sections`: those that count for it, by name; `own`: names that the profile itself brings.

    A UKI without `.profile` sections has the one profile 0.
    """

    number: int
    sections: Mapping[str, Section]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class PcrPolicy:
    """One signed expectation of `.pcrsig`, without the signature: TPM bank, PCR numbers, the policy digest and the
    fingerprint of the key that signed it (hexadecimal)."""

    bank: str
    pcrs: tuple[int, ...]
    key: str
    policy: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`.pcrpkey`: SHA-256 of the SubjectPublicKeyInfo, and of the bare RSA key as `.pcrsig` names it (None: no RSA)."""

    sha256: str
    fingerprint: str | None


def is_uki(image: Image) -> bool:
    """Whether the file holds a kernel for a stub to start."""
    return any(one.name == ".linux" and one.virtual_size for one in image.sections)


def is_addon(image: Image) -> bool:
    """Whether a stub would take sections out of this file for the UKI it starts."""
    return not is_uki(image) and any(one.name in _ADDON and one.virtual_size for one in image.sections)


def profiles(image: Image) -> tuple[Profile, ...]:
    """The profiles in order, each with the base sections that it does not bring itself. Raises ParseError."""
    groups: list[dict[str, Section]] = [{}]
    for one in image.sections:
        if one.name == ".profile" and one.virtual_size:
            if len(groups) > _MAX_PROFILES:
                raise ParseError(f"more than {_MAX_PROFILES} profiles")
            groups.append({".profile": one})
        elif one.name in SECTIONS and one.virtual_size:
            groups[-1].setdefault(one.name, one)
    base, *own = groups
    if not own:
        return (Profile(0, base, frozenset(base)),)
    return tuple(Profile(number, base | group, frozenset(group)) for number, group in enumerate(own))


def section_bytes(read: Reader, section: Section, limit: int = _MAX_TEXT) -> bytes:
    """The content of a small section. Raises ParseError when it is longer than `limit` or not in the file."""
    if not section.inside:
        raise ParseError(f"{section.name} reaches beyond the end of the file", offset=section.offset)
    if section.size > limit:
        raise ParseError(f"{section.name} has {section.size} bytes", offset=section.offset)
    data = read(section.offset, section.size)
    if len(data) != section.size:
        raise ParseError(f"{section.name} ends early", offset=section.offset)
    return data


def section_text(read: Reader, section: Section, limit: int = _MAX_TEXT) -> str:
    """The text of a section up to its first NUL; bytes that are no UTF-8 are surrogates. Raises ParseError."""
    return section_bytes(read, section, limit).partition(b"\0")[0].decode("utf-8", "surrogateescape")


def command_line(text: str) -> str:
    """What the stub makes of `.cmdline`: control characters are spaces, none at the ends."""
    return _CONTROL.sub(" ", text).strip(" ")


def stub_of(data: bytes) -> tuple[str, str] | None:
    """Name and version of systemd's stub or boot loader out of its `.sdmagic` section."""
    found = _STUB.search(data)
    return (found[1].decode("ascii", "replace"), found[2].decode("utf-8", "replace")) if found else None


def pcr_policies(data: bytes) -> tuple[PcrPolicy, ...]:
    """The expectations of `.pcrsig`, by bank in file order. Raises ParseError."""
    if len(data) > _MAX_JSON:
        raise ParseError(f".pcrsig has {len(data)} bytes", offset=_MAX_JSON)
    try:
        value = json.loads(data.partition(b"\0")[0])
    except (ValueError, RecursionError) as error:
        raise ParseError(f".pcrsig is no JSON: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise ParseError(".pcrsig is no object")
    found: list[PcrPolicy] = []
    for bank, entries in value.items():
        if not _BANK.match(bank) or not isinstance(entries, list):
            raise ParseError(f".pcrsig: {bank[:32]!r} is no bank with a list")
        if len(found) + len(entries) > _MAX_POLICIES:
            raise ParseError(f".pcrsig has more than {_MAX_POLICIES} signatures")
        found += [_policy(bank, entry) for entry in entries]
    return tuple(found)


def _policy(bank: str, entry: object) -> PcrPolicy:
    if not isinstance(entry, dict):
        raise ParseError(f".pcrsig: an entry of {bank} is no object")
    pcrs, key, policy, signature = (entry.get(name) for name in ("pcrs", "pkfp", "pol", "sig"))
    if not isinstance(pcrs, list) or not all(type(one) is int and 0 <= one < 24 for one in pcrs) or len(pcrs) > 24:
        raise ParseError(f".pcrsig: an entry of {bank} names no PCRs")
    if not (isinstance(key, str) and _HEX.match(key) and isinstance(policy, str) and _HEX.match(policy)):
        raise ParseError(f".pcrsig: an entry of {bank} has no digests")
    try:
        if not isinstance(signature, str) or not base64.b64decode(signature, validate=True):
            raise ValueError
    except ValueError:
        raise ParseError(f".pcrsig: an entry of {bank} has no signature") from None
    return PcrPolicy(bank, tuple(pcrs), key, policy)


def public_key(data: bytes) -> PublicKey:
    """The fingerprints of `.pcrpkey` (PEM). Raises ParseError."""
    info = der.pem_bytes(data)
    fingerprint = None
    if der.rsa_numbers(info) is not None:
        bits = list(der.children(der.element(info)))[1]
        fingerprint = hashlib.sha256(bits.content[1:]).hexdigest()
    return PublicKey(hashlib.sha256(info).hexdigest(), fingerprint)
