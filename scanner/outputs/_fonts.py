"""The fonts of the PDF: IBM Plex from Python packages that are locked like any other dependency."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["Font", "fonts"]


@dataclass(frozen=True, slots=True)
class Font:
    """One font file and the range of weights and widths it holds; `name` is what the style sheet calls it."""

    name: str
    family: str
    path: Path
    weight: str
    stretch: str = "100%"


_FILES = (
    ("plex-sans.ttf", "Report Sans", "fontpkg_ibm_plex_sans", "IBMPlexSans[wdth,wght].ttf", "100 700", "75% 100%"),
    ("plex-mono.ttf", "Report Mono", "fontpkg_ibm_plex_mono", "IBMPlexMono-Regular.ttf", "400", "100%"),
)


def fonts() -> tuple[Font, ...]:
    """The font files that are installed. For what is missing the style sheet names fonts of the system."""
    found = []
    for name, family, package, file, weight, stretch in _FILES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        path = Path(spec.origin).parent / "files" / file
        if path.is_file():
            found.append(Font(name, family, path, weight, stretch=stretch))
    return tuple(found)
