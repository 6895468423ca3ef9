"""Words that would switch SELinux off, wherever they stand in GRUB's configuration and the scripts it is made from.

A kernel sees those of its own line only, which kernel.cmdline.configured shows. The others have no effect; this is for
whoever wants none of them. Source: GNU GRUB manual, "Simple configuration", "Multi-boot manual config" (/etc/grub.d).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.fact import Fact, FactSpec, Json

_FILES = ("/boot/grub2/grub.cfg", "/boot/grub/grub.cfg", "/etc/default/grub")
_FOLDER = "/etc/grub.d"
_WORD = re.compile(r"(?<![\w.=-])(?:selinux|enforcing)=0(?![\w.])")


def _words(look: Look) -> Json:
    records: list[Json] = []
    for path in (*_FILES, *(f"{_FOLDER}/{name}" for name in look.try_names(_FOLDER))):
        for number, line in enumerate((look.try_text(path) or "").split("\n"), 1):
            if not line.lstrip().startswith("#"):
                records += [{"word": word, "source": path, "line": number} for word in _WORD.findall(line)]
    return records


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts({"grub.selinux_words": _words})


COLLECTOR = Collector(
    id="grub_words",
    facts=(
        FactSpec(
            "grub.selinux_words",
            "table",
            "selinux=0 and enforcing=0 in grub.cfg, /etc/default/grub and /etc/grub.d, seen by a kernel or not.",
            fields={"word": "text: the word", "source": "text: file", "line": "number: line"},
        ),
    ),
    collect=collect,
)
