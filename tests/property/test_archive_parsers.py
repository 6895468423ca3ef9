"""Headers of tar archives: what tarfile writes is read back; anything else is a ParseError."""

import tarfile

from hypothesis import given
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers.tar_header import BLOCK, extended, parse

_NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="/"), min_size=1, max_size=90)


@given(_NAMES, st.integers(0, 2**40), st.integers(0, 2**31), st.integers(-(2**40), 2**40), st.sampled_from("05"))
def test_what_tarfile_writes(name: str, size: int, owner: int, time: int, kind: str) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.uid, member.gid, member.mtime, member.type = size, owner, owner, time, kind.encode()
    block = member.tobuf(tarfile.GNU_FORMAT)[:BLOCK]
    got = parse(block, 0)
    assert (got.name.rstrip("/"), got.uid, got.gid, got.mtime, got.type) == (name, owner, owner, time, kind)
    assert got.size == size


@given(st.dictionaries(st.sampled_from(["path", "size", "SCHILY.xattr.user.a"]), st.binary(max_size=300), min_size=1))
def test_extended_headers(records: dict[str, bytes]) -> None:
    data = b""
    for key, value in records.items():
        rest = b" " + key.encode() + b"=" + value + b"\n"
        length = next(n for n in range(len(rest), len(rest) + 9) if n == len(str(n)) + len(rest))
        data += b"%d" % length + rest
    assert extended(data, 0) == records


@given(st.binary(max_size=BLOCK))
def test_anything(data: bytes) -> None:
    for run in (lambda: parse(data.ljust(BLOCK, b"\0"), 0), lambda: extended(data, 0)):
        try:
            run()
        except ParseError:
            continue
