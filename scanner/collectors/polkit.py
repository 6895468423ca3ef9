"""polkit authorities in the form of .pkla files, and which rules files speak of an action.

.pkla files count only where pkla-check-authorization is installed; of entries that match, a later one overrides an
earlier one. Rules files are scripts: they are not run, only searched.
Sources: polkit(8), "AUTHORIZATION RULES"; pklocalauthority(8), DIRECTORY STRUCTURE and "AUTHORIZATION ENTRIES".
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import ini_lines

_TOPS = ("/var/lib/polkit-1/localauthority", "/etc/polkit-1/localauthority")
_RULES = ("/etc/polkit-1/rules.d", "/usr/local/share/polkit-1/rules.d", "/usr/share/polkit-1/rules.d")
_CHECKERS = ("/usr/bin/pkla-check-authorization", "/usr/libexec/polkit-1/pkla-check-authorization")
_PROGRAMS = ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/libexec/polkit-1/polkitd")


def _is_here(look: Look) -> bool:
    if any(look.entry(path) is not None for path in (*_PROGRAMS, *_TOPS, *_RULES)):
        return True
    look.because("polkit is not installed")
    return False


def _files(look: Look) -> list[str]:
    """Authority files in the order they are applied: by the name of their folder, /var before /etc, then by name."""
    folders = sorted((name, index, top) for index, top in enumerate(_TOPS) for name in look.try_names(top))
    return [
        f"{top}/{folder}/{name}"
        for folder, _, top in folders
        for name in look.try_names(f"{top}/{folder}")
        if name.endswith(".pkla")
    ]


def _authorities(look: Look) -> Json:
    if not _is_here(look):
        return None
    counts = any(look.entry(path) is not None for path in _CHECKERS)
    records: list[Json] = []
    for path in _files(look):
        try:
            lines = ini_lines.parse(look.try_text(path) or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        entries: dict[str, dict[str, ini_lines.Line]] = {}
        for line in lines:
            entries.setdefault(line.section, {})[line.key] = line
        records += [_authority(entry, path, counts) for entry in entries.values()]
    return records


def _authority(entry: dict[str, ini_lines.Line], path: str, counts: bool) -> Json:
    def words(key: str) -> list[str]:
        return [word.strip() for word in entry[key].value.split(";") if word.strip()] if key in entry else []

    def result(key: str) -> str | None:
        return entry[key].value if key in entry else None

    return {
        "identities": words("Identity"),
        "actions": words("Action"),
        "result_any": result("ResultAny"),
        "result_inactive": result("ResultInactive"),
        "result_active": result("ResultActive"),
        "counts": counts,
        "source": path,
        "line": min(line.line for line in entry.values()),
    }


def _rules(look: Look) -> Json:
    if not _is_here(look):
        return None
    return [
        {"source": path, "networkmanager": "org.freedesktop.NetworkManager" in text}
        for path in look.drop_ins(_RULES, ".rules")
        if (text := look.try_text(path)) is not None
    ]


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts({"polkit.authorities": _authorities, "polkit.rules": _rules})


COLLECTOR = Collector(
    id="polkit",
    facts=(
        FactSpec(
            "polkit.authorities",
            "table",
            "Entries of .pkla files in the order they are applied; absent where polkit is not installed.",
            fields={
                "identities": "list: unix-user:NAME, unix-group:NAME; * matches any",
                "actions": "list: actions or patterns",
                "result_any": "text: ResultAny: no, yes, auth_self, auth_admin …; null: not set",
                "result_inactive": "text: ResultInactive",
                "result_active": "text: ResultActive",
                "counts": "flag: the program that reads such files is installed",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"identities": "user"},
        ),
        FactSpec(
            "polkit.rules",
            "table",
            "Rules files in the order they are read; absent where polkit is not installed.",
            fields={
                "source": "text: file",
                "networkmanager": "flag: it mentions actions of NetworkManager",
            },
        ),
    ),
    collect=collect,
)
