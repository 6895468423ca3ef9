"""UEFI variables as efivarfs shows them: Secure Boot state, key databases, boot entries.

Sources: UEFI Specification 2.10, sections 3.1.3 (load options), 3.3 (variables), 8.2, 10.3 (device paths), 32.4
(signature databases); kernel, Documentation/filesystems/efivarfs.rst; rhboot/shim, MokVars.txt.
"""

from __future__ import annotations

import hashlib
import struct

from scanner.boot import der
from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = [
    "GLOBAL_GUID",
    "IMAGE_SECURITY_GUID",
    "LOADER_GUID",
    "SHIM_GUID",
    "LoadOption",
    "Signature",
    "Variable",
    "boot_order",
    "flag",
    "is_test_key",
    "load_option",
    "parse_variable",
    "signature_lists",
    "utf16_text",
]

GLOBAL_GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY_GUID = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM_GUID = "605dab50-e046-4300-abb6-3dd810dd8b23"
LOADER_GUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

MAX_SIGNATURES = 20_000
"""Entries of one database; a full dbx has some hundreds."""
MAX_NODES = 64

_ATTRIBUTES = {
    0x01: "non_volatile",
    0x02: "boot_service",
    0x04: "runtime",
    0x10: "authenticated_write",
    0x20: "time_based_authenticated_write",
    0x40: "append_write",
}
_KINDS = {
    "a5c059a1-94e4-4aa7-87b5-ab155c2bf072": "x509",
    "c1c41626-504c-4092-aca9-41f936934328": "sha256",
    "3bd2a492-96c0-4079-b420-fcf98ef103ed": "x509-sha256",
    "7076876e-80c2-4ee6-aad2-28b349a6865b": "x509-sha384",
    "446dbf63-2502-4cda-bcfa-2465d2b0fe9d": "x509-sha512",
    "3c5766e8-269c-4e34-aa14-ed776e85b3b6": "rsa2048",
    "826ca512-cf10-4ac9-b187-be01496631bd": "sha1",
    "ff3e5307-9fd0-48c9-85f1-8ad56c701e01": "sha384",
    "093e0fae-a6c4-4f50-9f1b-d41e2b89c19a": "sha512",
}
_TEST_WORDS = ("do not trust", "do not ship")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: names of its attributes, and its data."""

    attributes: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """One entry of a signature database. `kind`: x509, sha256, …, or the GUID of a type that is not known.

    `subject` and `fingerprint` (SHA-256, hex) of a certificate; `problem` when a certificate cannot be read.
    """

    kind: str
    owner: str
    subject: str | None = None
    fingerprint: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class LoadOption:
    """EFI_LOAD_OPTION. `file` with backslashes as stored; `partition` the GPT unique GUID of the disk partition."""

    active: bool
    description: str
    file: str | None
    partition: str | None


def guid(raw: bytes) -> str:
    """Text of a GUID as UEFI stores it (first three parts little endian)."""
    one, two, three = struct.unpack_from("<IHH", raw)
    return f"{one:08x}-{two:04x}-{three:04x}-{raw[8:10].hex()}-{raw[10:16].hex()}"


def parse_variable(data: bytes) -> Variable:
    """A file of efivarfs: 32-bit attributes, then the data. Raises ParseError when it is shorter than that."""
    if len(data) < 4:
        raise ParseError("EFI variable cut short", offset=len(data))
    (bits,) = struct.unpack_from("<I", data)
    return Variable(tuple(name for bit, name in _ATTRIBUTES.items() if bits & bit), data[4:])


def flag(variable: Variable) -> bool:
    """A variable of one byte, 0 or 1 (SecureBoot, SetupMode, MokSBStateRT, …). Raises ParseError for anything else."""
    if variable.data not in (b"\0", b"\1"):
        raise ParseError(f"EFI flag of {len(variable.data)} bytes is neither 0 nor 1", offset=4)
    return variable.data == b"\1"


def signature_lists(data: bytes) -> list[Signature]:
    """Every entry of a chain of EFI_SIGNATURE_LIST. Raises ParseError when sizes do not add up."""
    found: list[Signature] = []
    offset = 0
    while offset < len(data):
        if offset + 28 > len(data):
            raise ParseError("signature list cut short", offset=offset)
        size, header, each = struct.unpack_from("<III", data, offset + 16)
        end = offset + size
        if size < 28 + header or end > len(data) or each < 16:
            raise ParseError("signature list: sizes do not fit", offset=offset + 16)
        body = size - 28 - header
        if body % each or len(found) + body // each > MAX_SIGNATURES:
            raise ParseError("signature list: entries do not fill it, or too many", offset=offset + 24)
        kind = _KINDS.get(guid(data[offset : offset + 16]), guid(data[offset : offset + 16]))
        for place in range(offset + 28 + header, end, each):
            found.append(_signature(kind, data[place : place + each]))
        offset = end
    return found


def _signature(kind: str, entry: bytes) -> Signature:
    owner, content = guid(entry), entry[16:]
    if kind != "x509":
        return Signature(kind, owner)
    try:
        subject = der.certificate_subject(content)
        length = der.element(content).end
    except ParseError as error:
        return Signature(kind, owner, problem=str(error))
    return Signature(kind, owner, subject, hashlib.sha256(content[:length]).hexdigest())


def is_test_key(subject: str | None) -> bool:
    """Whether a certificate says of itself that it must never reach a product (the keys of PKfail do)."""
    return subject is not None and any(word in subject.lower() for word in _TEST_WORDS)


def boot_order(variable: Variable) -> list[str]:
    """BootOrder (or BootCurrent): the four hexadecimal digits of each entry, in order. Raises ParseError."""
    if len(variable.data) % 2 or len(variable.data) > 2 * 65_536:
        raise ParseError("boot order of an odd size", offset=4)
    return [f"{number:04X}" for (number,) in struct.iter_unpack("<H", variable.data)]


def load_option(variable: Variable) -> LoadOption:
    """A Boot#### variable. Raises ParseError."""
    data = variable.data
    if len(data) < 8:
        raise ParseError("load option cut short", offset=4)
    attributes, path_length = struct.unpack_from("<IH", data)
    end = 6
    while data[end : end + 2] != b"\0\0":
        if end + 2 > len(data):
            raise ParseError("load option: description does not end", offset=4 + end)
        end += 2
    description = data[6:end].decode("utf-16-le", "replace")
    path = data[end + 2 : end + 2 + path_length]
    if len(path) != path_length:
        raise ParseError("load option: device path does not fit", offset=4 + end)
    file, partition = _device_path(path)
    return LoadOption(bool(attributes & 1), description[:256], file, partition)


def _device_path(path: bytes) -> tuple[str | None, str | None]:
    """File path and partition GUID of a device path; parts that it does not have are None."""
    files: list[str] = []
    partition: str | None = None
    offset = 0
    for _ in range(MAX_NODES):
        if offset + 4 > len(path):
            break
        kind, sub, length = struct.unpack_from("<BBH", path, offset)
        node = path[offset : offset + length]
        if length < 4 or len(node) != length:
            raise ParseError("device path: node does not fit", offset=offset)
        if kind == 0x7F:
            break
        if (kind, sub) == (4, 4):
            files.append(utf16_text(node[4:]))
        # A hard drive node carries a GUID only when its signature type (last byte) is 2.
        if (kind, sub) == (4, 1) and length >= 42 and node[41] == 2:
            partition = guid(node[24:40])
        offset += length
    return ("\\".join(files)[:1024] or None), partition


def utf16_text(data: bytes) -> str:
    """Text up to the first NUL."""
    return data[: len(data) // 2 * 2].decode("utf-16-le", "replace").split("\0", 1)[0]
