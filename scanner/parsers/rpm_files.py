"""The files that packages of an rpm database installed, as their headers describe them.

Source: rpm, include/rpm/rpmtag.h (tags of files), rpmfiles.h (attributes, states and what may be verified), and
lib/verify.cc for what `rpm --verify` compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import rpm_header, rpmdb_bdb, rpmdb_ndb, sqlite_file
from scanner.parsers.rpm_header import Header, Tag

__all__ = ["RpmFile", "files", "headers"]

_DIGESTS = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
_FILE_STATES, _FILE_MODES, _FILE_DIGESTS, _FILE_LINKS, _FILE_FLAGS = 1029, 1030, 1035, 1036, 1037
_FILE_USERS, _FILE_GROUPS, _VERIFY_FLAGS = 1039, 1040, 1045
_DIR_INDEXES, _BASE_NAMES, _DIR_NAMES, _DIGEST_ALGORITHM = 1116, 1117, 1118, 5011
_IS_CONFIG, _IS_GHOST = 1 << 0, 1 << 6
_VERIFY_DIGEST, _VERIFY_USER, _VERIFY_GROUP, _VERIFY_MODE = 1 << 0, 1 << 3, 1 << 4, 1 << 6
_NORMAL = 0


@dataclass(frozen=True, slots=True)
class RpmFile:
    """One file. `digest` is hexadecimal, empty where it has none; `algorithm` names it as hashlib does.

    `verified` says which of digest, user, group and mode the package wants to be compared.
    """

    path: str
    mode: int
    user: str
    group: str
    digest: str
    algorithm: str
    config: bool
    ghost: bool
    verified: frozenset[str]


def headers(data: bytes, log: bytes = b"") -> Iterator[Header]:
    """Every header of the database file `data`; `log` is its SQLite write-ahead log. Raises ParseError."""
    if data[:4] == rpmdb_ndb.MAGIC:
        blobs: Iterator[bytes] = iter(rpmdb_ndb.blobs(data))
    elif rpmdb_bdb.is_hash_file(data):
        blobs = iter(rpmdb_bdb.blobs(data))
    else:
        blobs = _rows(sqlite_file.apply_log(data, log))
    for blob in blobs:
        yield rpm_header.parse(blob)


def _rows(data: bytes) -> Iterator[bytes]:
    for row in sqlite_file.open_database(data).rows("Packages"):
        if not row or not isinstance(row[-1], bytes):
            raise ParseError("the Packages table has other columns than rpm's")
        yield row[-1]


def files(header: Header) -> Iterator[RpmFile]:
    """The files of a package that are on the disk: not those left out when it was installed. Raises ParseError."""
    names = header.texts(_BASE_NAMES) or []
    if not names:
        return
    folders = header.texts(_DIR_NAMES) or []
    places = _numbers(header, _DIR_INDEXES, len(names))
    modes = _numbers(header, _FILE_MODES, len(names))
    flags = _numbers(header, _FILE_FLAGS, len(names))
    verify = header.numbers(_VERIFY_FLAGS) or [0xFFFFFFFF] * len(names)
    users, groups, digests = (_texts(header, tag, len(names)) for tag in (_FILE_USERS, _FILE_GROUPS, _FILE_DIGESTS))
    algorithm = _DIGESTS.get((header.numbers(_DIGEST_ALGORITHM) or [1])[0])
    if algorithm is None:
        raise ParseError(f"{header.text(Tag.NAME)}: files have digests of an unknown kind")
    states = _states(header, len(names))
    if len(verify) != len(names) or any(place >= len(folders) for place in places):
        raise ParseError(f"{header.text(Tag.NAME)}: the tables of its files do not fit each other")
    for number, name in enumerate(names):
        if states[number] == _NORMAL:
            yield RpmFile(
                path=folders[places[number]] + name,
                mode=modes[number],
                user=users[number],
                group=groups[number],
                digest=digests[number],
                algorithm=algorithm,
                config=bool(flags[number] & _IS_CONFIG),
                ghost=bool(flags[number] & _IS_GHOST),
                verified=_VERIFIED[verify[number] & _VERIFY_ALL],
            )


_WORDS = {_VERIFY_DIGEST: "digest", _VERIFY_USER: "user", _VERIFY_GROUP: "group", _VERIFY_MODE: "mode"}
_VERIFY_ALL = _VERIFY_DIGEST | _VERIFY_USER | _VERIFY_GROUP | _VERIFY_MODE
_VERIFIED = {
    bits: frozenset(word for bit, word in _WORDS.items() if bits & bit)
    for bits in range(_VERIFY_ALL + 1)
    if bits & ~_VERIFY_ALL == 0
}


def _numbers(header: Header, tag: int, count: int) -> list[int]:
    found = header.numbers(tag)
    if found is None or len(found) != count:
        raise ParseError(f"{header.text(Tag.NAME)}: tag {tag} does not fit its files")
    return found


def _texts(header: Header, tag: int, count: int) -> list[str]:
    found = header.texts(tag)
    if found is None or len(found) != count:
        raise ParseError(f"{header.text(Tag.NAME)}: tag {tag} does not fit its files")
    return found


def _states(header: Header, count: int) -> bytes:
    """One byte a file; a header without states (never seen in a database) means that all are there."""
    entry = header.entries.get(_FILE_STATES)
    if entry is None:
        return bytes(count)
    _, offset, stated = entry
    states = header.data[offset : offset + count]
    if len(states) != count or stated != count:
        raise ParseError(f"{header.text(Tag.NAME)}: the states do not fit its files")
    return states
