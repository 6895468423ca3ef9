"""Every kind of image, cut short and changed at random places, through the whole collection.

Never a traceback, never more than ten seconds or 512 MB for one scan, only the exit codes of errors a person can act on.
What a scan still says is what the sound image says: where something is lost, that is told, and nothing is taken for
absent. Where a format has no checksums a changed bit may be anything; a cut must always be noticed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.image_makers import MAKERS, sow

ROOT = Path(__file__).parents[2]
LONG = os.environ.get("ASSAY_LONG") == "1"
COUNT = 200 if LONG else 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sow(tmp_path_factory.mktemp("hostile") / "tree")


@pytest.mark.parametrize("kind", [name for name, maker in MAKERS.items() if LONG or not maker.rare])
@pytest.mark.parametrize("how", ["cut", "flip"])
def test_a_spoiled_image(kind: str, how: str, tree: Path, tmp_path: Path) -> None:
    maker = MAKERS[kind]
    image = maker.make(tree, tmp_path)
    words = [str(image), how, str(COUNT), "20", str(int(maker.sealed)), str(int(maker.sealed_content))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.spoiled_scans", *words],
        capture_output=True,
        cwd=ROOT,
        timeout=60 + 11 * COUNT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    *found, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [], json.dumps(found[:5], indent=1)[:6000]
    assert last["done"] == COUNT
    assert last.get("refused", 0) + last.get("partly read", 0) > 0, "nothing was spoiled"
