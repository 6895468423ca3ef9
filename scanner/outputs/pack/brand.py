"""The brand file of a reader, and how it is kept in a bundle so that the report can be made again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanner.engine import yaml_text
from scanner.files import read_bytes
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.outputs.pack.logo import MAX_SIZE, check_logo
from scanner.outputs.pack.model import Brand, Logo
from scanner.outputs.pack.texts import LANGUAGES, check, shipped

__all__ = ["LOGO", "PAPERS", "SETTINGS", "contrast", "kept", "read_brand", "restored"]

SETTINGS = "brand/report.json"
"""Where a bundle keeps how its report looks; the logo lies beside it."""
LOGO = "brand/logo"

PAPERS = ("A4", "letter")
LEAST_CONTRAST = 4.5
"""Of text on white (WCAG 2.2, success criterion 1.4.3)."""

_SCHEMA = "pack-report/v1"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FIELDS = ("schema", "name", "logo", "colour", "language", "signer", "role", "paper")
_MAX_FILE = 256 * 1024
_MAX_NAME = 80


def read_brand(path: Path | None, language: str = "", paper: str = "") -> Brand:
    """The brand of a YAML file, or ours; `language` and `paper` of the command line go before those of the file.

    Raises UsageError, ContentError, InputError.
    """
    brand = _read(path) if path is not None else Brand()
    if language:
        shipped(language)
        brand = replace(brand, language=language, texts=None)
    return _checked(replace(brand, paper=paper or brand.paper), str(path or "--paper"))


def _read(path: Path) -> Brand:
    where = str(path)
    given = yaml_text.load(read_bytes(path, _MAX_FILE), where)
    if not isinstance(given, dict) or given.get("schema") != "brand/v1":
        raise UsageError("not a brand file", where=where, hint="it begins with: schema: brand/v1")
    unknown = sorted(given.keys() - set(_FIELDS))
    if unknown:
        raise UsageError(f"unknown: {', '.join(unknown)[:80]}", where=where, hint=f"known: {', '.join(_FIELDS)}")
    if not all(isinstance(value, str) for value in given.values()):
        raise UsageError("every value of a brand file is text", where=where, hint='colour: "#16325c", in quotes')
    brand = Brand(**{key: given[key] for key in ("name", "signer", "role", "paper") if key in given})
    if "colour" in given:
        brand = replace(brand, colour=given["colour"].lower())
    if "logo" in given:
        logo = path.parent / given["logo"]
        brand = replace(brand, logo=check_logo(read_bytes(logo, MAX_SIZE + 1), str(logo)))
    spoken = given.get("language", "en")
    if spoken in LANGUAGES:
        return replace(brand, language=spoken)
    texts = path.parent / spoken
    if not texts.is_file():
        shipped(spoken)
    found = check(yaml_text.load(read_bytes(texts, _MAX_FILE), str(texts)), str(texts))
    return replace(brand, language=str(found["language"]), texts=found)


def _checked(brand: Brand, where: str) -> Brand:
    if not _COLOUR.fullmatch(brand.colour):
        raise UsageError(f"the colour {brand.colour[:20]!r} is not written #rrggbb", where=where)
    if contrast(brand.colour) < LEAST_CONTRAST:
        raise UsageError(
            f"the colour {brand.colour} has a contrast of {contrast(brand.colour):.1f} to 1 on white",
            where=where,
            hint=f"text needs {LEAST_CONTRAST} to 1 at least: take a darker one",
        )
    if brand.paper not in PAPERS:
        raise UsageError(f"there is no paper {brand.paper[:20]!r}", where=where, hint=f"known: {', '.join(PAPERS)}")
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", brand.language):
        raise UsageError("`language` of a language file is a tag like fr or pt-BR", where=where)
    if any(len(text) > _MAX_NAME for text in (brand.name, brand.signer, brand.role)):
        raise UsageError(f"a name is longer than {_MAX_NAME} characters", where=where)
    return brand


def contrast(colour: str) -> float:
    """Contrast of `#rrggbb` on white, 1 to 21 (WCAG 2.2, definitions of relative luminance and contrast ratio)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def kept(brand: Brand, key: str) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of what a bundle keeps; `key`: id of the key that will sign, as the report names it."""
    settings = {
        "schema": _SCHEMA,
        "name": brand.name,
        "colour": brand.colour,
        "language": brand.language,
        "texts": brand.texts,
        "paper": brand.paper,
        "signer": brand.signer,
        "role": brand.role,
        "logo": brand.logo.kind if brand.logo else "",
        "key": key,
    }
    yield SETTINGS, canonical(settings) + b"\n"
    if brand.logo:
        yield f"{LOGO}.{brand.logo.kind}", brand.logo.data


def restored(files: Mapping[str, bytes]) -> tuple[Brand, str]:
    """The brand and the key id that `kept` wrote. Raises UsageError for what it did not write."""
    try:
        given: Any = json.loads(files[SETTINGS])
        key, kind, texts = given.pop("key"), given.pop("logo"), given.pop("texts")
        if given.pop("schema") != _SCHEMA or not all(isinstance(one, str) for one in (key, kind, *given.values())):
            raise ValueError("not of its schema")
        brand = Brand(**given)
        logo = Logo(kind, files[f"{LOGO}.{kind}"]) if kind else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"is not what a bundle keeps of its report: {error}", where=SETTINGS) from None
    if logo and check_logo(logo.data, LOGO).kind != kind:
        raise UsageError(f"the logo is not of the kind {kind[:20]!r}", where=SETTINGS)
    if texts is None:
        shipped(brand.language)
    else:
        check(texts, SETTINGS)
    return _checked(replace(brand, logo=logo, texts=texts), SETTINGS), key
