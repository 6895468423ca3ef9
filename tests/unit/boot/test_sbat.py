"""SBAT metadata of real programs and of odd ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.boot import pe, sbat, uki
from scanner.model.errors import ParseError
from tests.efi_lab import BOOT, GRUB_SIGNED, SHIM, SHIM_SIGNED, STUB, real


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (STUB, ["sbat", "systemd", "systemd.debian"]),
        (BOOT, ["sbat", "systemd", "systemd.debian"]),
        (SHIM, ["sbat", "shim", "shim.debian"]),
        (SHIM_SIGNED, ["sbat", "shim", "shim.debian"]),
        (GRUB_SIGNED, ["sbat", "grub", "grub.debian"]),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_components_of_real_programs(path: Path, names: list[str]) -> None:
    data = real(path).read_bytes()

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    section = pe.parse(read, len(data)).named(".sbat")
    assert section is not None
    found = sbat.parse(uki.section_bytes(read, section))
    assert [one.name for one in found][: len(names)] == names
    assert all(one.generation >= 1 and one.vendor and one.version and one.url for one in found)


def test_lines_with_more_and_less() -> None:
    found = sbat.parse(b"\xef\xbb\xbfsbat,1,V,p,1,u\r\n\nx,23\ny,4,,p,,u,more,\0rubbish")
    assert [(one.name, one.generation) for one in found] == [("sbat", 1), ("x", 23), ("y", 4)]
    assert (found[1].vendor, found[1].url) == (None, None)
    assert (found[2].vendor, found[2].package, found[2].version, found[2].url) == (None, "p", None, "u")
    assert sbat.parse(bytes(100)) == ()


@pytest.mark.parametrize("data", [b"x", b"x,", b",1", b"x,one", b"x,-1", b"x,1\ny", bytes(70_000), b"x,1\n" * 600])
def test_what_is_no_metadata(data: bytes) -> None:
    with pytest.raises(ParseError):
        sbat.parse(data)
