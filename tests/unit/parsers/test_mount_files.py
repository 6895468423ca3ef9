"""fstab, crypttab, mountinfo and mount options."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import crypttab, fstab, mountinfo
from scanner.parsers.mount_options import effective, split


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("defaults,nodev", ["nodev"]),
        ("nodev,defaults", ["nodev"]),
        ("nodev,dev", ["dev"]),
        ("dev,nodev", ["nodev"]),
        ("user", ["user", "noexec", "nosuid", "nodev"]),
        ("user,exec", ["user", "nosuid", "nodev", "exec"]),
        ("nosuid,suid,nosuid", ["nosuid"]),
        ("nodev=1", ["nodev=1"]),
        ("ro,rw", ["rw"]),
        ("group", ["group", "nosuid", "nodev"]),
        ("", []),
    ],
)
def test_options_in_force(options: str, wanted: list[str]) -> None:
    assert effective(split(options)) == wanted


def test_quoted_comma_stays() -> None:
    assert split('context="a:s0:c1,c2",nodev') == ['context="a:s0:c1,c2"', "nodev"]
    with pytest.raises(ParseError):
        split('context="a')


def test_fstab() -> None:
    text = "# comment\n\n/dev/sda1\t/\text4\tdefaults 0 1\r\n  UUID=x /my\\040data xfs nodev,nosuid\n#/dev/x /tmp x\nt /t tmpfs\n"
    lines = fstab.parse(text)
    assert [(line.source, line.target, line.type, line.options, line.line) for line in lines] == [
        ("/dev/sda1", "/", "ext4", ("defaults",), 3),
        ("UUID=x", "/my data", "xfs", ("nodev", "nosuid"), 4),
        ("t", "/t", "tmpfs", (), 6),
    ]


@pytest.mark.parametrize("text", ["/dev/sda1 /tmp", "a", "a b c\0 d"])
def test_malformed_fstab(text: str) -> None:
    with pytest.raises(ParseError, match="line 1"):
        fstab.parse(text)


def test_crypttab() -> None:
    text = "# x\nroot UUID=1 - tpm2-device=auto,header=/h\nswap /dev/sda2 /dev/urandom swap\nold /dev/sda3\n"
    root, swap, old = crypttab.parse(text)
    assert (root.key_file, root.option("header"), root.option("tpm2-device"), root.option("luks")) == (
        None,
        "/h",
        "auto",
        None,
    )
    assert (swap.key_file, swap.option("swap")) == ("/dev/urandom", "")
    assert (old.key_file, old.options, old.line) == (None, (), 4)


@pytest.mark.parametrize("text", ["root", "a b c d e", "a b\0"])
def test_malformed_crypttab(text: str) -> None:
    with pytest.raises(ParseError):
        crypttab.parse(text)


def line(id_: int, parent: int, target: str, device: str = "8:1") -> str:
    return f"{id_} {parent} {device} / {target} rw,nodev shared:1 master:2 - ext4 /dev/sda1 rw,errors=remount-ro\n"


def test_mountinfo() -> None:
    (mount,) = mountinfo.parse(line(27, 1, "/my\\040data"))
    assert (mount.target, mount.options, mount.type, mount.source) == ("/my data", ("rw", "nodev"), "ext4", "/dev/sda1")
    assert (mount.device, mount.root, mount.super_options) == ("8:1", "/", ("rw", "errors=remount-ro"))


@pytest.mark.parametrize("text", ["1 2 3", "a 1 8:1 / / rw - ext4 x rw", "1 2 8:1 / /x rw ext4 x rw y z"])
def test_malformed_mountinfo(text: str) -> None:
    with pytest.raises(ParseError):
        mountinfo.parse(text)


def test_mounts_below_others_are_hidden() -> None:
    text = (
        line(1, 1, "/")
        + line(2, 1, "/")
        + line(3, 2, "/tmp")
        + line(4, 3, "/tmp")
        + line(5, 1, "/var")
        + line(6, 2, "/var")
    )
    assert mountinfo.hidden(mountinfo.parse(text)) == {1, 3, 5}


def test_child_of_a_covered_mount_is_hidden() -> None:
    text = line(1, 0, "/") + line(2, 1, "/var") + line(3, 2, "/var/log") + line(4, 2, "/var")
    assert mountinfo.hidden(mountinfo.parse(text)) == {2, 3}


def test_order_of_lines_does_not_matter() -> None:
    text = line(3, 2, "/var/log") + line(4, 2, "/var") + line(2, 1, "/var") + line(1, 0, "/")
    assert mountinfo.hidden(mountinfo.parse(text)) == {2, 3}
