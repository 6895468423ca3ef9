"""What every PDF shares: PDF/A-3u by WeasyPrint, from our own files alone, its JSON inside, the same bytes ever."""

from __future__ import annotations

import gc
import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner.files import read_bytes
from scanner.model.errors import UsageError
from scanner.outputs._fonts import fonts

if TYPE_CHECKING:
    from weasyprint.urls import URLFetcher

__all__ = ["ORIGIN", "Attached", "fetcher", "font_assets", "instant", "pdf_of"]

ORIGIN = "report:"
"""Scheme of a report's own files; nothing outside its assets can be fetched, whatever a text says."""

Assets = Mapping[str, tuple[str, bytes]]
"""URL to media type and bytes."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The JSON that rides inside: its file name, what it is, and the bytes."""

    name: str
    about: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def font_assets() -> dict[str, tuple[str, bytes]]:
    """The fonts of the reports."""
    return {f"{ORIGIN}{font.name}": ("font/ttf", read_bytes(font.path)) for font in fonts()}


def pdf_of(
    html: str, assets: Assets, attached: Sequence[Attached], created: datetime, variant: str = "pdf/a-3u"
) -> bytes:
    """The PDF of a page. `created`: the instant that it states, and nothing else comes from a clock. `variant`: what it
    claims to be, as WeasyPrint calls it. The first attachment gives it its identifier.

    Raises UsageError when the libraries are missing.
    """
    weasyprint = _weasyprint()
    from weasyprint.text.fonts import FontConfiguration

    attachments = [
        weasyprint.Attachment(
            string=one.data,
            name=one.name,
            description=one.about,
            created=created,
            modified=created,
            relationship="Data",
        )
        for one in attached
    ]
    with _still(created):
        page = weasyprint.HTML(string=html, base_url=f"{ORIGIN}page", url_fetcher=fetcher(assets))
        document = page.render(font_config=FontConfiguration())
        document.metadata.attachments = attachments
        pdf = document.write_pdf(pdf_variant=variant, pdf_identifier=attached[0].sha256[:32].encode("ascii"))
    assert isinstance(pdf, bytes)
    return pdf


def fetcher(assets: Assets) -> URLFetcher:
    """What WeasyPrint fetches with: it serves these files and refuses everything else."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):  # type: ignore[misc]
        """Serves the report's own files; anything else ends the rendering."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            if url not in assets:
                raise FatalURLFetchingError(f"the report may not fetch {url!r}")
            kind, data = assets[url]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    return OwnFiles(allowed_protocols=(), fail_on_errors=True)


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise UsageError(
            f"a PDF report needs Pango and HarfBuzz: {error}",
            hint="apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
        ) from error
    return weasyprint


def instant(text: str) -> datetime:
    """An RFC 3339 instant in UTC; 1980 for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


@contextmanager
def _still(now: datetime) -> Iterator[None]:
    """The clock of the font library held still (it stamps the fonts it makes), and no garbage collection meanwhile.

    A document is hundreds of thousands of objects, none of them garbage before the end: collecting costs a quarter
    of the time. WeasyPrint leaves the file of its colour profile to be closed by nobody: that warning is not ours.
    """
    before, collecting = os.environ.get("SOURCE_DATE_EPOCH"), gc.isenabled()
    os.environ["SOURCE_DATE_EPOCH"] = str(int(now.timestamp()))
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        if collecting:
            gc.enable()
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before
