"""Makes the pictures of README.md anew, from a real scan of the image that the walks use.

    python docs/pictures/make.py

Needs what the tests need (cryptsetup, mtools, secilc, poppler-utils). The pictures are written beside this file.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich import _export_format
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WIDTH = 100
LINES = 33

sys.path.insert(0, str(ROOT))
from tests.e2e import walk_lab  # noqa: E402 - the checkout is on the path only now


def main() -> None:
    """The terminal as SVG, the summary of the PDF as PNG."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = walk_lab.prepare(Path(scratch))
        command = ["scan", "vela-2.5.img", "--luks-key", "device.key"]
        shown = on_a_terminal([*command, "-o", "pdf=report.pdf"], folder)
        terminal(f"assay {' '.join(command)}", [*shown[:LINES], "…", shown[-1]], HERE / "terminal.svg")
        page(folder / "report.pdf", HERE / "report.png")


def on_a_terminal(arguments: list[str], folder: Path) -> list[str]:
    """What `assay` prints on standard output when that is a terminal, with its colours."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
        "SOURCE_DATE_EPOCH": walk_lab.EPOCH,
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "COLUMNS": str(WIDTH),
    }
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scanner.cli.main", *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=subprocess.DEVNULL):  # noqa: S603
        os.close(theirs)
        data = b""
        with contextlib.suppress(OSError):  # how the end of a terminal reads
            while part := os.read(ours, 65536):
                data += part
    os.close(ours)
    return data.decode().splitlines()


def terminal(command: str, lines: list[str], path: Path) -> None:
    """What a terminal shows, as SVG without fonts from elsewhere."""
    console = Console(record=True, width=WIDTH + 16, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {command}", style="bold"))
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=False)
    code = re.sub(r"@font-face \{\{.*?\}\}\s*", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    code = code.replace("Fira Code", "DejaVu Sans Mono").replace(
        "    <!-- Generated with Rich https://www.textualize.io -->\n", ""
    )
    path.write_text(console.export_svg(title="assay", code_format=code, unique_id="assay"), encoding="utf-8")


def page(document: Path, path: Path) -> None:
    """The page with the summary, without its empty end, in few colours."""
    tool = shutil.which("pdftoppm")
    assert tool is not None, "pdftoppm is in the Debian package poppler-utils"
    options = ["-r", "100", "-f", "2", "-l", "2", "-png", "-singlefile"]
    subprocess.run([tool, *options, str(document), str(path.with_suffix(""))], check=True)  # noqa: S603
    with Image.open(path) as image:
        upper = image.crop((0, 0, image.width, image.height * 66 // 100))
        upper.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)


if __name__ == "__main__":
    main()
