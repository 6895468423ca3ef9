"""libuser's settings. Source: libuser.conf(5): of a key that stands twice the first value counts; keys have no case."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.secret_names import names_secret
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import ini_lines

_PATH = "/etc/libuser.conf"


def _settings(look: Look) -> Json:
    text = look.text(_PATH)
    if text is None:
        look.because(f"{_PATH} does not exist")
        return None
    first: dict[tuple[str, str], ini_lines.Line] = {}
    try:
        for line in ini_lines.parse(text):
            first.setdefault((line.section.lower(), line.key.lower()), line)
    except ParseError as error:
        raise ParseError(f"{_PATH}: {error}") from error
    return [
        {"section": section, "key": key, "value": _shown(first[section, key]), "source": _PATH, "line": line.line}
        for (section, key), line in sorted(first.items())
        if key and section != "ldap"
    ]


def _shown(line: ini_lines.Line) -> str | None:
    return None if names_secret(line.key) else line.value


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"libuser.settings": _settings})


COLLECTOR = Collector(
    id="libuser",
    facts=(
        FactSpec(
            "libuser.settings",
            "table",
            "Settings of libuser.conf but those of [ldap], by section and key; absent where there is no such file.",
            fields={
                "section": "text: section in lower case",
                "key": "text: key in lower case",
                "value": "text: value; null: it holds a secret and is not shown",
                "source": "text: file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
