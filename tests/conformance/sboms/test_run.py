"""The runner over real SBOMs finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.sbom_corpus import write
from tests.conformance.sboms import run


def test_made_documents_of_every_format_have_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, 40)
    assert run.main([str(tmp_path)]) == 0
    assert "3 SBOMs with 123 components; 0 problems" in capsys.readouterr().out


def test_a_folder_without_sboms_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert run.main([str(tmp_path)]) == 1


@pytest.mark.parametrize(("broken", "words"), [("same", "is not told"), ("_loaded", "differs from its own text")])
def test_a_comparison_that_is_wrong_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str, words: str
) -> None:
    (path,) = write(tmp_path, 10, only="cyclonedx-json")
    if broken == "same":
        monkeypatch.setattr("scanner.supply_chain.comparing.compare.same", lambda old, new: True)
    else:
        (other,) = write(tmp_path / "other", 10, only="cyclonedx-json", release=2)
        found = run.open_bom(other.read_bytes(), "other")
        monkeypatch.setattr(run, "_loaded", lambda text: found)
    assert run.main([str(path.parent)]) == 1
    assert words in capsys.readouterr().out
