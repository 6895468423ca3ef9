"""The licence of a Debian package, from its copyright file where that is machine readable.

Source: Debian's machine-readable copyright format 1.0 (DEP-5): a header paragraph with Format, paragraphs with Files
and License; the short name of a licence is the first line of License. Its names differ from SPDX in a few points.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.making.deb822 import paragraphs
from scanner.supply_chain.model import License

__all__ = ["license_from"]

_FORMAT = re.compile(r"https?://(?:www\.debian\.org/doc/packaging-manuals|dep\.debian\.net|anonscm\.debian\.org/)")
_NAMES = {"expat": "MIT", "artistic": "Artistic-1.0-Perl"}
_JOIN = re.compile(r"\s+(and|or)\s+", re.IGNORECASE)
_JOINS = {"and": " AND ", "or": " OR "}
_GNU = re.compile(r"((?:l|a)?gpl|gfdl|lgpl)-?v?(\d(?:\.\d)?)(?:\.0)*(\+|-or-later|-only)?", re.IGNORECASE)
_MOST_NAMES = 60


def license_from(text: str) -> License | None:
    """All licences of the files together (AND); None when the file is not machine readable, or names none.

    A short name without SPDX form stands as a reference, LicenseRef-debian-NAME; a lone one is a text.
    """
    try:
        found = list(paragraphs(text))
    except ParseError:
        return None
    if not found or not _FORMAT.match(found[0].get("format", "")):
        return None
    names: dict[str, None] = {}
    for one in found:
        if "files" not in one and one is not found[0]:
            continue  # a paragraph of its own gives the text of a licence named elsewhere
        short = one.get("license", "").partition("\n")[0].strip()
        if short:
            names.setdefault(short)
    if not 0 < len(names) <= _MOST_NAMES:
        return None
    written = [_spdx(name) for name in names]
    whole = " AND ".join(name if len(written) == 1 or " " not in name else f"({name})" for name in written)
    made = license_of(whole, "declared")
    return made if made.expression is not None else License(" and ".join(sorted(names)), None, "declared")


def _spdx(short: str) -> str:
    """`GPL-2+ or Expat` as SPDX writes it. A comma changes what belongs together: such a name is kept whole."""
    if "," in short:
        return _reference(short)
    return "".join(_JOINS.get(part.strip().lower()) or _operand(part.strip()) for part in _JOIN.split(short))


def _operand(name: str) -> str:
    known = _NAMES.get(name.lower())
    if known is not None:
        return known
    gnu = _GNU.fullmatch(name)
    if gnu is not None:
        number = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        return f"{gnu[1].upper()}-{number}-{'or-later' if gnu[3] in ('+', '-or-later') else 'only'}"
    found = license_of(name).expression
    return found if found is not None and " " not in found else _reference(name)


def _reference(name: str) -> str:
    """A licence that SPDX does not list, by Debian's short name."""
    return "LicenseRef-debian-" + (re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:80] or "unnamed")
