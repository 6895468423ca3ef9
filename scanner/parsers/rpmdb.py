"""The packages of an rpm database in any of its three forms, from the bytes of its file.

Source: rpm, lib/backend/ (sqlite.cc, ndb/, bdb_ro.cc); which tags stand in a header: include/rpm/rpmtag.h.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import openpgp, rpm_header, rpmdb_bdb, rpmdb_ndb, sqlite_file
from scanner.parsers.rpm_header import Header, Tag

__all__ = ["PUBLIC_KEY", "RpmPackage", "RpmPublicKey", "packages"]

PUBLIC_KEY = "gpg-pubkey"
"""Name under which rpm files a trusted key as if it were a package."""

_SQLITE_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class RpmPublicKey:
    """A trusted key: its owner's user id as rpm noted it and the fingerprint computed from the key itself."""

    owner: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class RpmPackage:
    """One installed package. `epoch` None means that none is set, which compares as 0."""

    name: str
    epoch: int | None
    version: str
    release: str
    arch: str | None
    vendor: str | None
    source_rpm: str | None
    signed_by: str | None
    key: RpmPublicKey | None


def packages(data: bytes, log: bytes = b"") -> Iterator[RpmPackage]:
    """Every package of the database file `data`; `log` is its SQLite write-ahead log. Raises ParseError.

    One header that cannot be read ends the list: a database with a hole cannot show that a package is not installed.
    """
    for blob in _blobs(data, log):
        yield _package(rpm_header.parse(blob))


def _blobs(data: bytes, log: bytes) -> Iterator[bytes]:
    if data[:4] == rpmdb_ndb.MAGIC:
        return rpmdb_ndb.blobs(data)
    if rpmdb_bdb.is_hash_file(data):
        return rpmdb_bdb.blobs(data)
    return _sqlite_blobs(sqlite_file.apply_log(data, log))


def _sqlite_blobs(data: bytes) -> Iterator[bytes]:
    for row in sqlite_file.open_database(data).rows("Packages"):
        blob = row[-1] if len(row) == _SQLITE_COLUMNS else None
        if row[:1] != [None] or not isinstance(blob, bytes):
            raise ParseError("the Packages table has other columns than rpm's")
        yield blob


def _package(header: Header) -> RpmPackage:
    name, version, release = (header.text(tag) for tag in (Tag.NAME, Tag.VERSION, Tag.RELEASE))
    if not name or version is None or release is None:
        raise ParseError("a header without name, version or release")
    epochs = header.numbers(Tag.EPOCH)
    return RpmPackage(
        name=name,
        epoch=epochs[0] if epochs else None,
        version=version,
        release=release,
        arch=header.text(Tag.ARCH),
        vendor=header.text(Tag.VENDOR),
        source_rpm=header.text(Tag.SOURCE_RPM),
        signed_by=_signer(header),
        key=_public_key(header) if name == PUBLIC_KEY else None,
    )


def _signer(header: Header) -> str | None:
    """Key id that the header signature names; who may claim it is not checked here."""
    for tag in (Tag.RSA_HEADER, Tag.DSA_HEADER):
        signature = header.binary(tag)
        if signature is not None:
            return _or_none(openpgp.issuer, signature)
    armoured = header.texts(Tag.SIGNATURES, 1)
    return _or_none(openpgp.issuer, openpgp.decode_base64(armoured[0])) if armoured else None


def _public_key(header: Header) -> RpmPublicKey:
    """The key of a gpg-pubkey entry."""
    encoded = header.texts(Tag.PUBLIC_KEYS, 1)
    fingerprint = _or_none(openpgp.fingerprint, openpgp.decode_base64(encoded[0])) if encoded else None
    summary = header.text(Tag.SUMMARY)
    if summary is not None:
        # rpm up to 4.19 writes "gpg(USER)", later ones "USER public key".
        summary = summary.removesuffix(" public key")
        if summary.startswith("gpg(") and summary.endswith(")"):
            summary = summary[4:-1]
    return RpmPublicKey(summary, fingerprint)


def _or_none(read: openpgp.Reader, data: bytes) -> str | None:
    """What `read` finds; None for a packet of a kind it does not know: the package is installed all the same."""
    try:
        return read(data)
    except ParseError:
        return None
