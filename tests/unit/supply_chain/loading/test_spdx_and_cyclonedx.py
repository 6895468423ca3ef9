"""The same release as SPDX and as CycloneDX: the same identities, versions, digests and edges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.sbom_corpus import cyclonedx_json, spdx_json
from scanner.supply_chain.identity import identity
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom
from tests.unit.supply_chain.loading.spdx_writers import ALL

COUNT = 300


def by_identity(bom: Bom) -> list[tuple[Any, ...]]:
    return sorted(
        (identity(one), one.version, one.supplier, tuple(sorted(one.hashes.items())), one.cpes)
        for one in bom.components
        if one.purl
    )


def edges(bom: Bom) -> set[tuple[str, str, str]]:
    purls = {one.ref: one.purl or one.name for one in bom.components}
    return {(purls[one.source], one.kind, purls[one.target]) for one in bom.relations if one.kind == "depends_on"}


@pytest.mark.parametrize("encoding", ALL)
def test_the_same_release(encoding: str) -> None:
    doc = json.loads("".join(spdx_json(COUNT)))
    spdx = open_bom(ALL[encoding](doc), "spdx")
    cyclonedx = open_bom("".join(cyclonedx_json(COUNT)).encode(), "cyclonedx")
    assert len(spdx.components) == len(cyclonedx.components)
    assert by_identity(spdx) == by_identity(cyclonedx)
    assert len(by_identity(spdx)) == COUNT
    assert edges(spdx) == edges(cyclonedx)
