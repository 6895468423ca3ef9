"""Where there is nothing, no rule passes, fails or is not applicable: nobody looked at a system."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.cli.pipeline import wanted_facts
from scanner.collectors.take import take
from scanner.engine.content import load
from scanner.frameworks.inputs import Inputs, evaluate, selection
from scanner.frameworks.profiles import profile, profiles
from scanner.target.opening import open_path
from tests.support import Content, build

PROFILES = sorted(profiles(load()))
CLOCK = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("files", [{}, {"/manual.pdf": "no system"}], ids=["empty", "a document"])
@pytest.mark.parametrize("name", PROFILES)
def test_an_empty_folder_gets_no_verdict(name: str, files: dict[str, Content], tmp_path: Path) -> None:
    content = load()
    chosen = profile(content, name)
    selected = selection(content, [chosen], {})
    target = open_path(build(tmp_path, files))
    snapshot = take(target, wanted_facts(selected[1]))
    target.close()
    assessment = evaluate(snapshot, content, Inputs((chosen,), CLOCK), selected)
    assert assessment.results
    decided = [one.rule for one in assessment.results if one.status not in ("unknown", "error", "manual")]
    assert decided == []
    assert assessment.completeness["complete"] is False
