"""GRUB's configuration of a tree: its `linux` commands, and the values its variables may have at boot.

Sources: GNU GRUB manual, "The GRUB environment block", "Special environment variables"; Fedora's 10_linux and blscfg.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

from scanner.collectors.base import Look, reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import grub_cfg, grubenv

__all__ = ["Grub", "read_grub"]

_FOLDERS = ("/boot/grub2", "/boot/grub")
_VENDORS = ("/boot/efi/EFI", "/efi/EFI")
_FILES = ("grub.cfg", "custom.cfg")
_MAX_VARIANTS = 64
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Grub:
    """`boots`: (file, its `linux` commands). `environment`: the saved block. `there`: GRUB is the boot loader."""

    there: bool
    boots: tuple[tuple[str, tuple[grub_cfg.Boot, ...]], ...]
    assigned: Mapping[str, tuple[grub_cfg.Assigned, ...]]
    environment: Mapping[str, str]

    @property
    def saved(self) -> str | None:
        """The entry that the environment block names for every boot."""
        return self.environment.get("saved_entry")

    @property
    def choices(self) -> list[str]:
        """Every value that `default` may have for a boot without a one-shot choice, "" for the first entry."""
        given = self.assigned.get("default", ())
        if not given:
            return [self.saved or ""]
        return list(dict.fromkeys(grub_cfg.expand((one.value,), self.environment) for one in given))

    @property
    def one_shot(self) -> bool:
        """Whether the next boot alone goes elsewhere."""
        return bool(self.environment.get("next_entry"))

    def variants(self, words: tuple[str, ...]) -> list[str]:
        """Every text that `words` may become: one for each combination of values of the variables in it."""
        names = list(dict.fromkeys(found[0] or found[1] for word in words for found in _REFERENCE.findall(word)))
        choices = [self._values(name) for name in names]
        texts: dict[str, None] = {}
        for values in product(*choices):
            texts[grub_cfg.expand(words, dict(zip(names, values, strict=True)))] = None
            if len(texts) >= _MAX_VARIANTS:
                break
        return list(texts)

    def loader_entry(self, options: str) -> list[str]:
        """What GRUB's `blscfg` makes of the options of an entry: it puts variables in, then reads the text as a script
        (so quotes, `#` and `;` have their meaning there). Raises ParseError."""
        texts: dict[str, None] = {}
        for text in self.variants((options,)):
            boots = grub_cfg.parse(f"linux kernel {text}\n").boots
            texts[grub_cfg.expand(boots[0].words, {}) if boots else ""] = None
        return list(texts)

    def _values(self, name: str) -> list[str]:
        """What a variable may hold when the kernel is started; references inside values are put in once."""
        saved = self.environment.get(name, "")
        given = self.assigned.get(name, ())
        # `if [ -z "${name}" ]; then set name=…`: the environment block goes first, the value is for when it is silent.
        values = [one.value for one in given if not (one.fallback and saved)]
        if saved and any(one.fallback for one in given):
            values.insert(0, saved)
        elif not any(one.sure or one.fallback for one in given):
            values.append(saved)
        inner = {key: ones[-1].value for key, ones in self.assigned.items() if key != name}
        return list(dict.fromkeys(grub_cfg.expand((value,), inner) for value in values))


def read_grub(look: Look) -> Grub:
    """GRUB's files of the tree. What cannot be read or understood becomes a gap."""
    boots: list[tuple[str, tuple[grub_cfg.Boot, ...]]] = []
    assigned: dict[str, tuple[grub_cfg.Assigned, ...]] = {}
    environment: dict[str, str] = {}
    seen: set[str] = set()
    there = False
    for folder in _folders(look):
        for name in _FILES:
            config = _config(look, f"{folder}/{name}", seen)
            if config is None:
                continue
            there = True
            for variable, values in config.assigned.items():
                assigned[variable] = assigned.get(variable, ()) + values
            if config.boots:
                boots.append((f"{folder}/{name}", config.boots))
        block = _environment(look, f"{folder}/grubenv")
        if block is not None:
            there = True
            environment = block | environment
    return Grub(there, tuple(boots), assigned, environment)


def _folders(look: Look) -> list[str]:
    vendors = [f"{top}/{name}" for top in _VENDORS for name in look.try_names(top) if name.lower() != "linux"]
    return [*_FOLDERS, *vendors]


def _config(look: Look, path: str, seen: set[str]) -> grub_cfg.GrubConfig | None:
    """The configuration at `path`, each file once, however many names lead to it."""
    try:
        real = look.real(path)
    except TargetError as error:
        look.gap(path, reason_of(error))
        return None
    if real is None or real in seen:
        return None
    seen.add(real)
    text = look.try_text(path)
    if text is None:
        return None
    try:
        return grub_cfg.parse(text)
    except ParseError as error:
        look.gap(path, reason_of(error))
        return None


def _environment(look: Look, path: str) -> dict[str, str] | None:
    text = look.try_text(path)
    if text is None:
        return None
    try:
        return grubenv.parse(text)
    except ParseError as error:
        look.gap(path, reason_of(error))
        return None
