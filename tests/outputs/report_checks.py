"""Reading rendered reports back: the structure of HTML, the objects of a PDF, a render in another process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Page(HTMLParser):
    """Tags with their attributes in order, and the text outside script and style."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("script", "style"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.text += data + " "

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags with attribute names only: what a payload must not be able to change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def words(self) -> str:
        return re.sub(r"\s+", " ", self.text)


def pdf_streams(pdf: bytes) -> list[bytes]:
    """Every stream of a PDF, decompressed where it can be."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompressobj().decompress(match[1]))
        except zlib.error:
            found.append(match[1])
    return found


def pdf_everything(pdf: bytes) -> bytes:
    """The file with its streams decompressed, for searching."""
    return pdf + b"\n".join(pdf_streams(pdf))


def need_weasyprint() -> None:
    """Skips what needs the PDF libraries where they are not installed."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"weasyprint cannot be used: {error}", allow_module_level=True)


def pdf_text(pdf: bytes) -> str:
    """The text of a PDF in the order it was written, white space squeezed. Skips the test without pdftotext."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    return re.sub(r"\s+", " ", done.stdout.decode())


def render_elsewhere(output: str, folder: Path) -> bytes:
    """The sample rendered by another process with another hash seed, time zone, locale, umask and folder."""
    code = (
        "import os, sys; os.umask(0o027)\n"
        "from tests.outputs.report_sample import sample\n"
        f"from scanner.outputs.{output} import OUTPUT\n"
        "sys.stdout.buffer.write(OUTPUT.render(sample()))\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "PYTHONHASHSEED": "4242",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANG": "de_DE.UTF-8",
        "HOME": str(folder),
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
