"""One image by umoci for all tests of a run; every test gets its own copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.supply_chain.signing.deciding import decide
from scanner.supply_chain.signing.oci_layouts import Layout
from scanner.supply_chain.signing.result import Verification
from scanner.supply_chain.signing.verifying import look_at_image
from scanner.supply_chain.signing.wanted import Wanted
from scanner.target.base import FileTree
from scanner.target.tree import DirectoryTree
from tests.unit.supply_chain.signing.layout_lab import LayoutLab, make_layout


@pytest.fixture(scope="session")
def _image(tmp_path_factory: pytest.TempPathFactory) -> LayoutLab:
    return make_layout(tmp_path_factory.mktemp("image"))


@pytest.fixture
def layout(_image: LayoutLab, tmp_path: Path) -> LayoutLab:
    shutil.copytree(_image.root, tmp_path / "layout")
    return LayoutLab(tmp_path / "layout")


@contextmanager
def opened(layout: LayoutLab) -> Iterator[FileTree]:
    tree = DirectoryTree(layout.root)
    try:
        yield tree
    finally:
        tree.close()


Verify = Callable[..., Verification]


@pytest.fixture
def verify() -> Verify:
    """Verify a layout: look, then decide."""

    def run(layout: LayoutLab, wanted: Wanted, *, attestation: tuple[str, ...] = (), **options: object) -> Verification:
        with opened(layout) as tree:
            looked = look_at_image(Layout(tree), "image", wanted, **options)  # type: ignore[arg-type]
        return decide(looked, wanted, attestation)

    return run
