"""veritytab, kernel-made verity targets, and types of the Discoverable Partitions Specification."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.discoverable import verity_role
from scanner.parsers.veritytab import created, option_of, parse


def test_lines_with_options_and_comments() -> None:
    first, second = parse("# x\n\nusr  /dev/a\t/dev/b ABCD superblock=no,salt=00,salt=11\nroot a b cd -\n")
    assert (first.name, first.data, first.hashes, first.root_hash, first.line) == ("usr", "/dev/a", "/dev/b", "ABCD", 3)
    assert option_of(first.options, "superblock") == "no"
    assert option_of(first.options, "salt") == "11"
    assert option_of(first.options, "uuid") is None
    assert second.options == ()


@pytest.mark.parametrize("text", ["usr a b\n", "usr a b c d e\n"])
def test_lines_of_another_length(text: str) -> None:
    with pytest.raises(ParseError, match="line 1"):
        parse(text)


def test_targets_of_the_kernel_command_line() -> None:
    value = (
        "vroot,,,ro,0 1 linear 8:1 0,1 64 verity 0 PARTUUID=a PARTUUID=b 4096 1024 8 3 SHA256 AABB 00ff 2 x y;"
        "other, u, 3, rw, 0 8 verity 1 8:1 8:1 512 512 1 9 sha1 cc -"
    )
    first, second = created(value)
    assert (first.name, first.format, first.data, first.hashes) == ("vroot", 0, "PARTUUID=a", "PARTUUID=b")
    assert (first.data_block, first.hash_block, first.blocks, first.start) == (4096, 1024, 8, 3)
    assert (first.algorithm, first.root_hash, first.salt, first.options) == ("sha256", "aabb", b"\0\xff", ("x", "y"))
    assert (second.name, second.salt, second.options) == ("other", b"", ())


@pytest.mark.parametrize(
    "table",
    ["1 8:1 8:2 4096", "2 a b 4096 4096 1 0 sha256 aa -", "1 a b x 4096 1 0 sha256 aa -", "1 a b 1 1 1 0 s zz -"],
)
def test_targets_that_the_kernel_refuses(table: str) -> None:
    with pytest.raises(ParseError):
        created(f"a,,,ro,0 8 verity {table}")


def test_partition_types_that_belong_together() -> None:
    types = ("8484680c-9521-48c6-9c11-b0720656f69e", "77ff5f63-e7b6-4633-acf4-1565b864c0e6")
    roles = [verity_role(one) for one in types]
    assert [(role.kind, role.architecture, role.part) for role in roles if role] == [
        ("usr", "x86-64", "data"),
        ("usr", "x86-64", "hash"),
    ]
    assert verity_role("0fc63daf-8483-4772-8e79-3d69d8477de4") is None
    assert verity_role(None) is None
