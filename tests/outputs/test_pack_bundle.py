"""The report in a bundle: made when it is packed, and made again, from the bundle alone, when someone doubts it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from scanner.bundle.creating import bundle_files
from scanner.outputs.pack.model import Brand
from scanner.outputs.pack.texts import shipped
from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.loading.opening import open_bom
from tests.e2e.test_cli import assay
from tests.outputs.pack_sample import VERIFIED, sbom
from tests.outputs.report_checks import need_weasyprint
from tests.unit.bundle import pack_lab as lab

need_weasyprint()


@cache
def _made() -> lab.Files:
    diff = compare(open_bom(sbom("1.0.0"), "old"), open_bom(sbom("3.0.0"), "new")).to_json()
    parts = lab.parts(
        subjects=(lab.subject("velaos-hardened"),),
        reports=(),
        sboms=(("new.cdx.json", sbom("3.0.0")), ("bad.json", b"{}")),
        diffs=(("diff.json", json.dumps(diff).encode()), ("other.json", b"{}")),
        signatures=(("verify.json", json.dumps(VERIFIED).encode()),),
        brand=Brand(name="ACME", language="de"),
        key="sha256:1",
    )
    return lab.signed(bundle_files(parts, lab.CONTENT))


def links(files: lab.Files) -> dict[str, str]:
    return {one.link: one.state for one in lab.verify(files, reports=True).links}


def test_it_is_packed_and_can_be_made_again() -> None:
    files = dict(_made())
    assert {"reports/pack.html", "reports/pack.pdf", "brand/report.json"} <= files.keys()
    page = files["reports/pack.html"].decode()
    for words in ("ACME", shipped("de")["cover"]["kind"], "02-bad.json", "sbom-diff/02-other.json"):
        assert words in page, words
    assert links(files)["reports"] == "ok"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("reports/pack.html", b"ACME", b"ACMF"),
        ("reports/pack.pdf", b"%%EOF", b"%%EOG"),
        ("brand/report.json", b"ACME", b"Acme"),
        ("brand/report.json", b'"key"', b'"yek"'),
        ("sbom/01-new.cdx.json", b"alpha", b"alphb"),
    ],
)
def test_a_signer_cannot_show_what_the_evidence_does_not_give(path: str, old: bytes, new: bytes) -> None:
    """Signed anew by the maker himself: every file is the one that was signed, and the report is still refused."""
    files = dict(_made())
    assert old in files[path]
    files[path] = files[path].replace(old, new)
    assert links(lab.listed(files))["reports"] == "failed"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--lang", "xx"), "there are no texts in the language 'xx'"),
        (("--paper", "A3"), "there is no paper 'A3'"),
        (("--brand", "brand.yaml"), "has a contrast of 1.1 to 1 on white"),
    ],
)
def test_the_command_says_what_is_wrong_with_the_look(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    (tmp_path / "brand.yaml").write_text("schema: brand/v1\ncolour: '#ffff00'\n")
    done = assay("bundle", "create", "a.json", "--key", "k.key", "-o", "pack.zip", *more, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "pack.zip").exists()
