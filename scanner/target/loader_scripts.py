"""Command lines of boot loaders that have one configuration file: GRUB scripts, extlinux, the Raspberry Pi.

In the order of the file, which is the order of the menu; what a script would decide while it runs is not decided here.
Sources: GNU GRUB manual; syslinux doc/syslinux.txt ("DEFAULT", "LABEL", "APPEND"); Raspberry Pi documentation,
"Kernel command line".
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.parsers import grub_cfg

__all__ = ["EXTLINUX", "GRUB", "RASPBERRY", "extlinux", "grub"]

GRUB = ("/grub2/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/grub.cfg", "/EFI/BOOT/grub.cfg")
EXTLINUX = ("/extlinux/extlinux.conf", "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf")
RASPBERRY = ("/cmdline.txt",)


def grub(text: str) -> Iterator[tuple[str, str]]:
    """Title and command line of each `linux` command; variables that every boot sets to one value are put in."""
    try:
        config = grub_cfg.parse(text)
    except ParseError:
        return
    variables = {name: values[0].value for name, values in config.assigned.items() if len(values) == 1}
    for boot in config.boots:
        yield boot.title, grub_cfg.expand(boot.words, variables)


def extlinux(text: str) -> list[tuple[str, str]]:
    """Label and command line of each entry, the default one first."""
    default = ""
    label = ""
    found: list[tuple[str, str]] = []
    for raw in text.splitlines():
        word, _, rest = raw.strip().partition(" ")
        word, rest = word.lower(), rest.strip()
        if word == "default":
            default = rest
        elif word == "label":
            label = rest
        elif word == "append":
            found.append((label, rest))
    return sorted(found, key=lambda one: one[0] != default)
