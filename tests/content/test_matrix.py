"""COMPLIANCE_MATRIX.md is what the content generates, with every control and an honest word for each."""

from collections import Counter
from pathlib import Path

from scanner.engine.content import load
from scanner.frameworks import catalog, matrix
from scanner.model.control import COVERAGE

ROOT = Path(__file__).parents[2]
CONTENT = load(cache=False)
KNOWN = catalog.frameworks(CONTENT)


def test_no_drift() -> None:
    written = (ROOT / "COMPLIANCE_MATRIX.md").read_text(encoding="utf-8")
    assert written == matrix.markdown(KNOWN, CONTENT), "run make docs"


def test_every_control_stands_in_it_once() -> None:
    text = (ROOT / "COMPLIANCE_MATRIX.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith('| <a id="')]
    assert len(rows) == sum(len(framework.controls) for framework in KNOWN.values())
    anchors = [row.split('"')[1] for row in rows]
    assert [anchor for anchor, number in Counter(anchors).items() if number > 1] == []


def test_coverage_is_one_of_six_words_and_never_without_a_rule() -> None:
    for framework in KNOWN.values():
        for line in matrix.coverage_table(framework, CONTENT):
            assert line.coverage in COVERAGE
            assert (line.coverage in ("automated", "partial")) == bool(line.rules)
