"""Builds `assay-collect.pyz`: the standard-library part of Assay as one file to copy to a device."""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path

from scanner import files
from scanner.cli.pipeline import every_fact
from scanner.engine import content

__all__ = ["build"]

_PARTS = ("model", "parsers", "boot", "target", "collectors")
_MODULES = ("__init__.py", "files.py", "standalone.py")
_MAIN = "import sys\nfrom scanner.standalone import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """The archive. The same sources give the same bytes."""
    package = Path(files.__file__).parent
    entries: dict[str, bytes] = {"__main__.py": _MAIN.encode()}
    for name in _MODULES:
        entries[f"scanner/{name}"] = (package / name).read_bytes()
    for part in _PARTS:
        for path in (package / part).rglob("*.py"):
            entries[f"scanner/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    entries["scanner/plan.json"] = json.dumps(every_fact(content.load()), indent=0).encode()
    raw = io.BytesIO()
    raw.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name])
    return raw.getvalue()


def main() -> None:
    """`python -m scanner.cli.pyz --output PATH`."""
    parser = argparse.ArgumentParser(description="Build assay-collect.pyz.")
    parser.add_argument("--output", default="dist/assay-collect.pyz")
    path = Path(parser.parse_args().output)
    files.write_output(str(path), build())
    path.chmod(0o755)
    print(f"{path} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    main()
