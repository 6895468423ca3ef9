"""AppArmor: whether the kernel has it on, and profiles by mode, loaded and stored.

Sources: apparmor(7), apparmor.d(5) (flags), aa-disable(8) (links in /etc/apparmor.d/disable); securityfs
apparmor/profiles, one `name (mode)` a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.fact import Fact, FactSpec, Json

_FOLDER = "/etc/apparmor.d"
_LOADED = re.compile(r"(.+) \(([a-z]+)\)\Z")
_FLAGS = re.compile(r"^[^#\n]*\bflags\s*=\s*\(([^)\n]*)\)", re.MULTILINE)


def _status(look: Look) -> Json:
    enabled = look.running_text("/sys/module/apparmor/parameters/enabled")
    modes: list[str] = []
    if enabled is not None and enabled.strip() == "Y":
        listing = look.running_text("/sys/kernel/security/apparmor/profiles")
        found = [_LOADED.match(line) for line in (listing or "").splitlines()]
        modes = [one.group(2) for one in found if one is not None]
    return {
        "enabled": enabled is not None and enabled.strip() == "Y",
        "profiles": len(modes),
        "enforcing": modes.count("enforce") + modes.count("kill"),
        "complaining": modes.count("complain"),
    }


def _profiles(look: Look) -> Json:
    if look.entry(_FOLDER) is None:
        look.because(f"{_FOLDER} does not exist")
        return None
    disabled = set(look.try_names(f"{_FOLDER}/disable"))
    complaining = set(look.try_names(f"{_FOLDER}/force-complain"))
    records = []
    for name in look.names(_FOLDER):
        path = f"{_FOLDER}/{name}"
        entry = look.entry(path)
        if entry is None or entry.type != "file" or name.startswith("."):
            continue
        text = look.try_text(path)
        if text is None:
            continue
        flags = {flag.strip() for found in _FLAGS.findall(text) for flag in re.split(r"[,\s]+", found)}
        mode = "complain" if "complain" in flags or name in complaining else "enforce"
        records.append({"name": name, "mode": "disabled" if name in disabled else mode, "source": path})
    return records


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts({"apparmor.status": _status, "apparmor.profiles": _profiles})


COLLECTOR = Collector(
    id="apparmor",
    facts=(
        FactSpec(
            "apparmor.status",
            "object",
            "State of AppArmor in the running kernel.",
            facet="runtime",
            fields={
                "enabled": "flag: on",
                "profiles": "number: loaded profiles",
                "enforcing": "number: of them enforced",
                "complaining": "number: of them only reported",
            },
        ),
        FactSpec(
            "apparmor.profiles",
            "table",
            "Profile files of /etc/apparmor.d, by name.",
            fields={
                "name": "text: file name",
                "mode": "text: enforce, complain or disabled",
                "source": "text: file",
            },
        ),
    ),
    collect=collect,
)
