"""An OSCAL catalog and the profiles that choose from it, in JSON: NIST SP 800-53 and its baselines.

Sources: OSCAL catalog and profile models 1.0 to 1.2; NIST SP 800-53 revision 5 for how an organisation's own values are
printed ("[Assignment: …]", "[Selection (one or more): …]").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from scanner.frameworks.texts import Text
from scanner.frameworks.texts_publication import Publication
from scanner.model.errors import InputError
from scanner.model.strict_json import no_constant, unique_keys

__all__ = ["read_catalog", "read_oscal"]

_MAX_VALUES = 4_000_000
_MAX_DEPTH = 32
_MAX_PATTERNS = 1000
_MAX_TEXT = 100_000
"""Characters of one statement or guidance with all its parameters inserted."""

_HINT = "download the JSON form from the publisher again"
_INSERT = re.compile(r"\{\{\s*(?:insert:\s*param,|param:)\s*([^\s{}]{1,200})\s*\}\}(?:\s+(?=[;,.)]))?")
"""A parameter in prose, with the space that stands between it and a punctuation mark."""

_LINK = re.compile(r"\[([^\[\]]*)\]\(#[^()\s]*\)")
_HOW_MANY = {"one": "Selection (one)", "one-or-more": "Selection (one or more)"}


def read_oscal(data: bytes, where: str) -> tuple[str, Mapping[str, Any]]:
    """`catalog` or `profile`, and that document. Raises InputError."""
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > _MAX_VALUES:
        raise InputError(f"more than {_MAX_VALUES} values", where=where, hint=_HINT)
    try:
        found = json.loads(data, object_pairs_hook=unique_keys, parse_constant=no_constant)
    except RecursionError:
        raise InputError("nested too deeply", where=where, hint=_HINT) from None
    except ValueError as error:
        raise InputError(f"not JSON: {str(error)[:200]}", where=where, hint=_HINT) from None
    for kind in ("catalog", "profile"):
        if isinstance(found, dict) and isinstance(found.get(kind), dict):
            return kind, found[kind]
    raise InputError("neither an OSCAL catalog nor a profile", where=where, hint=_HINT)


def read_catalog(
    catalog: Mapping[str, Any], profiles: Sequence[Mapping[str, Any]], where: str
) -> tuple[Publication, list[str]]:
    """The catalog, reduced to what the profiles choose, and the ids that they choose but it does not have.

    Raises InputError, for profiles of another edition too.
    """
    meta = _object(catalog.get("metadata"))
    edition = _edition(meta)
    for profile in profiles:
        other = _edition(_object(profile.get("metadata")))
        if other.partition(".")[0] != edition.partition(".")[0]:
            raise InputError(
                f"the profile {_text(_object(profile.get('metadata')).get('title'))[:100]!r} has version {other}, "
                f"the catalog {edition}",
                where=where,
                hint="import a catalog and profiles of one edition",
            )
    raw = {str(one.get("id", "")): (one, above) for one, above in _controls(catalog, None, 0, where)}
    wanted = _chosen(raw, profiles) if profiles else set(raw)
    words = _Words(raw, profiles, where)
    controls: dict[str, Text] = {}
    for name, (control, _) in raw.items():
        if name not in wanted or _prop(control, "status").lower() == "withdrawn":
            continue
        text = _control(control, name, words)
        if text.id in controls:
            raise InputError(f"two controls are called {text.id}", where=where, hint=_HINT)
        controls[text.id] = text
    if not controls:
        raise InputError("no control stands in it, or none that the profiles choose", where=where, hint=_HINT)
    publication = Publication(
        kind="oscal",
        title=_text(meta.get("title")),
        benchmark=_text(catalog.get("uuid")),
        version=_text(meta.get("version")),
        release=_text(meta.get("last-modified")),
        edition=edition,
        description="",
        controls=controls,
        chosen=bool(profiles),
    )
    return publication, sorted(wanted - set(raw))


def _edition(meta: Mapping[str, Any]) -> str:
    """`5.1.1` of the version `5.1.1+u4`: what follows the plus counts updates of the file."""
    return _text(meta.get("version")).partition("+")[0].strip()


def _controls(
    holder: Mapping[str, Any], above: str | None, depth: int, where: str
) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Every control with the one it stands in, in order."""
    if depth > _MAX_DEPTH:
        raise InputError(f"groups and controls are nested deeper than {_MAX_DEPTH} levels", where=where, hint=_HINT)
    for group in _objects(holder.get("groups")):
        yield from _controls(group, above, depth + 1, where)
    for control in _objects(holder.get("controls")):
        yield control, above
        yield from _controls(control, _text(control.get("id")), depth + 1, where)


def _chosen(raw: Mapping[str, tuple[Mapping[str, Any], str | None]], profiles: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids that any of the profiles takes. What they import by reference is the catalog at hand."""
    found: set[str] = set()
    for profile in profiles:
        for one in _objects(profile.get("imports")):
            taken = set(raw) if "include-all" in one or "include-controls" not in one else set()
            taken |= _selected(raw, one.get("include-controls"))
            found |= taken - _selected(raw, one.get("exclude-controls"))
    return found


def _selected(raw: Mapping[str, tuple[Mapping[str, Any], str | None]], selections: Any) -> set[str]:
    found: set[str] = set()
    for one in _objects(selections):
        named = set(_texts(one.get("with-ids")))
        patterns = [_text(match.get("pattern"))[:200] for match in _objects(one.get("matching"))[:_MAX_PATTERNS]]
        named |= {name for name in raw if any(fnmatchcase(name, pattern) for pattern in patterns)}
        if one.get("with-child-controls") == "yes":
            named |= {name for name, (_, above) in raw.items() if above in named}
        found |= named
    return found


def _control(control: Mapping[str, Any], name: str, words: _Words) -> Text:
    parts = {kind: [one for one in _objects(control.get("parts")) if one.get("name") == kind] for kind in _KINDS}
    statement, guidance = (
        "\n".join(line for part in parts[kind] for line in words.lines(part, -1)).strip("\n")[: _MAX_TEXT + 1]
        for kind in _KINDS
    )
    if len(statement) > _MAX_TEXT or len(guidance) > _MAX_TEXT:
        raise words.refused(f"the text of {name} is longer than {_MAX_TEXT} characters")
    return Text(_prop(control, "label") or name, _text(control.get("title")), statement, guidance, oscal_id=name)


_KINDS = ("statement", "guidance")


class _Words:
    """Prose with parameters inserted. Each parameter is put into words once, however often it is inserted."""

    def __init__(
        self,
        raw: Mapping[str, tuple[Mapping[str, Any], str | None]],
        profiles: Sequence[Mapping[str, Any]],
        where: str,
    ) -> None:
        self._where = where
        self._params = {
            _text(one.get("id")): one for control, _ in raw.values() for one in _objects(control.get("params"))
        }
        for profile in profiles:
            for one in _objects(_object(profile.get("modify")).get("set-parameters")):
                name = _text(one.get("param-id"))
                self._params[name] = {**self._params.get(name, {}), **one}
        self._known: dict[str, str | None] = {}

    def lines(self, part: Mapping[str, Any], depth: int) -> Iterator[str]:
        """A part and those inside it, one line each with its label, two spaces deeper a level."""
        if depth > _MAX_DEPTH:
            raise self.refused(f"parts are nested deeper than {_MAX_DEPTH} levels")
        prose = self._inserted(_text(part.get("prose"))).strip()
        if prose:
            label = _prop(part, "label") if depth >= 0 else ""
            yield "  " * max(depth, 0) + (f"{label} {prose}" if label else prose)
        for one in _objects(part.get("parts")):
            yield from self.lines(one, depth + 1)

    def refused(self, why: str) -> InputError:
        """An error that names the file."""
        return InputError(why, where=self._where, hint=_HINT)

    def _inserted(self, prose: str) -> str:
        room = _MAX_TEXT

        def insert(match: re.Match[str]) -> str:
            nonlocal room
            word = self._param(match[1])
            room -= len(word)
            if room < 0:
                raise self.refused(f"parameters make a text longer than {_MAX_TEXT} characters")
            return word

        return _LINK.sub(r"\1", _INSERT.sub(insert, prose))

    def _param(self, name: str) -> str:
        if name in self._known:
            word = self._known[name]
            if word is None:
                raise self.refused(f"the parameter {name} is part of itself")
            return word
        if len(self._known) > _MAX_TEXT:
            raise self.refused(f"more than {_MAX_TEXT} parameters")
        self._known[name] = None
        word = self._known[name] = self._in_words(_object(self._params.get(name)), name)
        return word

    def _in_words(self, param: Mapping[str, Any], name: str) -> str:
        """As the printed standard has it; a value that a profile sets stands for itself."""
        values = _texts(param.get("values"))
        if values:
            return self._inserted(", ".join(values))
        select = _object(param.get("select"))
        if select:
            choices = [self._inserted(one).strip() for one in _texts(select.get("choice"))]
            return f"[{_HOW_MANY.get(_text(select.get('how-many')), 'Selection')}: {'; '.join(choices)}]"
        label = self._inserted(_text(param.get("label"))) or name
        own = "" if label.lower().startswith("organization-defined") else "organization-defined "
        return f"[Assignment: {own}{label}]"


def _prop(holder: Mapping[str, Any], name: str) -> str:
    """A property by name; of several, the one without a class: it is the printed one."""
    found = [one for one in _objects(holder.get("props")) if one.get("name") == name]
    plain = [one for one in found if "class" not in one] or found
    return _text(plain[0].get("value")) if plain else ""


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
