"""Words that would switch SELinux off, in files of GRUB that no kernel reads."""

from __future__ import annotations

from pathlib import Path

from tests.support import build, fact_of


def test_words_wherever_they_stand(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/boot/grub2/grub.cfg": "# selinux=0\nlinux /vmlinuz enforcing=0 noselinux=0 selinux=01\nselinux=0\n",
            "/etc/grub.d/40_custom": "x='selinux=0'\n",
            "/etc/grub.d/50_loop": ("link", "50_loop"),
        },
    )
    fact = fact_of(root, "grub.selinux_words")
    assert [(one["word"], one["source"], one["line"]) for one in fact.value] == [
        ("enforcing=0", "/boot/grub2/grub.cfg", 2),
        ("selinux=0", "/boot/grub2/grub.cfg", 3),
        ("selinux=0", "/etc/grub.d/40_custom", 1),
    ]
    assert not fact.complete, "what could not be read is a gap"
    assert "50_loop" in fact.gaps[0]


def test_no_grub(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc": None}), "grub.selinux_words").value == []
