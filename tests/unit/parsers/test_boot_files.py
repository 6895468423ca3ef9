"""BLS entries, the GRUB environment block, grub.cfg, and the kernel arguments of bootc images."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import bls, bootc_kargs, grub_cfg, grubenv


def test_options_of_an_entry_add_up() -> None:
    entry = bls.parse("# options no\ntitle A  b\r\noptions  root=x ro\n\n  options\tquiet\nlinux /v\n")
    assert entry.joined("options") == "root=x ro quiet"
    assert (entry.first("title"), entry.first("linux"), entry.first("initrd")) == ("A  b", "/v", None)
    assert [item.line for item in entry.items if item.key == "options"] == [3, 5]


def test_an_entry_with_a_nul_or_no_end_is_malformed() -> None:
    with pytest.raises(ParseError):
        bls.parse("linux /v\0")
    with pytest.raises(ParseError):
        bls.parse("a b\n" * 10_000)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.conf", ("a", None, None)),
        ("a+3.conf", ("a", 3, 0)),
        ("a+0-3.conf", ("a", 0, 3)),
        ("a+b+2-1.conf", ("a+b", 2, 1)),
        ("a+.conf", ("a+", None, None)),
        ("+3.conf", ("+3", None, None)),
    ],
)
def test_boot_counting(name: str, wanted: tuple[str, int | None, int | None]) -> None:
    assert bls.file_identity(name) == wanted


def test_the_order_of_a_menu() -> None:
    """Tries left, then sort keys, then versions, then names."""
    wanted = [
        ("z", "a", "1", None),
        ("a", "b", "10", 3),
        ("a", "b", "9", None),
        ("a", "b", "9~rc1", None),
        ("b", "", "2", None),
        ("a", "", "2", None),
        ("z", "", "1", 1),
        ("a", "a", "99", 0),
        ("a", "", "99", 0),
    ]
    assert sorted(wanted[5:] + wanted[:5], key=lambda one: bls.menu_key(*one)) == wanted


def block(text: str) -> str:
    return ("# GRUB Environment Block\n" + text).ljust(1024, "#")


def test_the_environment_block() -> None:
    text = block("# WARNING: do not edit\nsaved_entry=a\nkernelopts=root=x ro\nempty=\nb=1\\\n2\\\\3\nsaved_entry=c\n")
    found = grubenv.parse(text)
    assert found == {"saved_entry": "c", "kernelopts": "root=x ro", "empty": "", "b": "1\n2\\3"}


@pytest.mark.parametrize("text", ["", "saved_entry=a\n", block("a=b")[:30] + "x=y", block("x\\")[:27]])
def test_a_broken_environment_block(text: str) -> None:
    with pytest.raises(ParseError):
        grubenv.parse(text)


GRUB = r"""
set default="0"
if [ -z "${kernelopts}" ]; then
  set kernelopts="root=UUID=1 ro "
fi
function load_video { insmod all_video; }
set tuned="skew_tick=1"
menuentry 'Debian, with "x"' --class debian {
    echo 'Loading'
    linux /vmlinuz-6.1 root=/dev/sda1 ro  quiet \
        lockdown=confidentiality # vsyscall=none
    initrd /initrd
}
submenu 'Advanced' {
  menuentry "Recovery mode" {
    if [ x = y ]; then set extra=single; else linux /other; fi
    linux /vmlinuz ro $extra 'a b' "c $tuned" \$x '$y'
  }
}
"""


def test_grub_commands() -> None:
    config = grub_cfg.parse(GRUB)
    assert [(one.title, one.kernel, one.line) for one in config.boots] == [
        ('Debian, with "x"', "/vmlinuz-6.1", 10),
        ("Recovery mode", "/other", 16),
        ("Recovery mode", "/vmlinuz", 17),
    ]
    assert config.boots[0].words == ("root=/dev/sda1", "ro", "quiet", "lockdown=confidentiality")
    line = grub_cfg.expand(config.boots[2].words, {"tuned": "t=1", "y": "no", "x": "no"})
    assert line == 'ro  "a b" "c t=1" $x $y'
    assert "insmod" in config.commands


def test_grub_assignments_say_how_sure_they_are() -> None:
    assigned = grub_cfg.parse(GRUB).assigned
    assert assigned["kernelopts"] == (grub_cfg.Assigned("root=UUID=1 ro ", False, True),)
    assert assigned["tuned"] == (grub_cfg.Assigned("skew_tick=1", True, False),)
    assert assigned["extra"] == (grub_cfg.Assigned("single", False, False),)


def test_grub_else_branch_is_no_fallback() -> None:
    text = 'if [ -z "${a}" ]; then\ntrue\nelse\nset a=1\nfi\n'
    assert grub_cfg.parse(text).assigned["a"] == (grub_cfg.Assigned("1", False, False),)


@pytest.mark.parametrize("text", ["linux 'open", 'linux "open\\"', "a\0b"])
def test_a_broken_grub_configuration(text: str) -> None:
    with pytest.raises(ParseError):
        grub_cfg.parse(text)


def test_bootc_kernel_arguments() -> None:
    found = bootc_kargs.parse('kargs = ["a=1", "quiet"]\nmatch-architectures = ["x86_64"]\n')
    assert found == bootc_kargs.Kargs(("a=1", "quiet"), ("x86_64",))
    assert bootc_kargs.parse("") == bootc_kargs.Kargs((), None)
    assert bootc_kargs.parse_install('[install]\nkargs = ["b"]\n').arguments == ("b",)
    assert bootc_kargs.parse_install("[other]\n").arguments == ()


@pytest.mark.parametrize("text", ["kargs =", 'kargs = "a"', "kargs = [1]", "a = " + "[" * 5000, "\0"])
def test_broken_bootc_kernel_arguments(text: str) -> None:
    with pytest.raises(ParseError):
        bootc_kargs.parse(text)
    with pytest.raises(ParseError):
        bootc_kargs.parse_install("install = 1\n")
