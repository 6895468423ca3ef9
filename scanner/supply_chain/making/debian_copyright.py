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
_NAMES = {
    "expat": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "artistic": "Artistic-1.0-Perl",
    "public-domain": "LicenseRef-public-domain",
    "permissive": "LicenseRef-permissive",
}
_GNU = re.compile(r"((?:l|a)?gpl|gfdl|lgpl)-?v?(\d(?:\.\d)?)(?:\.0)*(\+|-or-later|-only)?", re.IGNORECASE)
_MOST_NAMES = 60


def license_from(text: str) -> License | None:
    """All licences of the files together (AND); None when the file is not machine readable, or names none.

    Where one short name has no SPDX form the whole is a text without expression: a part of it would say too little.
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
    """`GPL-2+ or Expat` as SPDX writes it."""
    words = re.split(r"(\s+(?:and|or|with)\s+|,\s*|\s+)", short)
    return "".join(_word(word) for word in words)


def _word(word: str) -> str:
    joined = word.strip().lower().rstrip(",")
    if joined in ("and", "or", "with"):
        return f" {joined.upper()} "
    if joined in _NAMES:
        return _NAMES[joined]
    gnu = _GNU.fullmatch(joined)
    if gnu is not None:
        number = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        return f"{gnu[1].upper()}-{number}-{'or-later' if gnu[3] in ('+', '-or-later') else 'only'}"
    return word
