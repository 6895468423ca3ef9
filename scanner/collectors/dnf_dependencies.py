"""Whether dnf installs packages that are only recommended. Source: dnf.conf(5), install_weak_deps (on by default).

The drop-ins of dnf5 count only over its defaults: /etc/dnf/dnf.conf overrides them (libdnf5, ConfigMain).
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import dnf_conf

_MAIN = "/etc/dnf/dnf.conf"
_DROP_INS = ("/etc/dnf/libdnf5.conf.d", "/usr/share/dnf5/libdnf.conf.d")
_PROGRAMS = ("/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/dnf-3", "/usr/bin/microdnf", "/usr/bin/yum")


def _weak(look: Look) -> Json:
    if look.entry(_MAIN) is None and all(look.entry(path) is None for path in _PROGRAMS):
        look.because("dnf is not installed")
        return None
    record: dict[str, Json] = {"installed": True, "set": False, "source": None}
    for path in [*look.drop_ins(_DROP_INS, ".conf"), _MAIN]:
        try:
            sections = dnf_conf.parse(look.text(path) or "")
        except ParseError as error:
            raise ParseError(f"{path}: {error}") from error
        for section in sections:
            value = dnf_conf.flag(section.settings.get("install_weak_deps")) if section.name == "main" else None
            if value is not None:
                record = {"installed": value, "set": True, "source": path}
    return record


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"dnf.weak_dependencies": _weak})


COLLECTOR = Collector(
    id="dnf_dependencies",
    facts=(
        FactSpec(
            "dnf.weak_dependencies",
            "object",
            "What dnf does with packages that others only recommend; absent where dnf is not installed.",
            fields={
                "installed": "flag: they are installed too",
                "set": "flag: the configuration says so",
                "source": "text: file that says it; null for the default",
            },
        ),
    ),
    collect=collect,
)
