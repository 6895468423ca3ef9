"""The reports of a bundle: rendered from the assessments when it is made, and again when someone doubts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from scanner.bundle.pack_report import PACK_REPORTS, pack_reports
from scanner.frameworks.texts import TEXTS_SCHEMA, with_texts
from scanner.model.snapshot import Snapshot
from scanner.outputs import base
from scanner.schemas.reading import read_document

__all__ = ["differing", "rendered", "report_path", "texts_path"]

Say = Callable[[str], None]


def report_path(number: int, name: str, suffix: str) -> str:
    """Where the report of a target (from 1) in a format lies: `reports/01/report.html`, `reports/01/oscal.json`."""
    return f"reports/{number:02}/{'report' if suffix == f'.{name}' else name}{suffix}"


def texts_path(framework: str) -> str:
    """Where the official texts of a framework lie."""
    return f"texts/{framework}.json"


def rendered(assessments: Sequence[Mapping[str, Any]], formats: Sequence[str], say: Say) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every report. Raises UsageError for a format that does not exist."""
    for number, assessment in enumerate(assessments, 1):
        for name in formats:
            output = base.named(name)
            say(f"writing {name}")
            yield report_path(number, name, output.suffix), output.render(assessment)


def differing(
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    subjects: Sequence[tuple[Snapshot, Mapping[str, Any]]],
    say: Say,
) -> list[str]:
    """The packed reports that are not what the evidence renders here; a report of no known format is one of them.
    Raises UsageError, InputError when what a report is made of is not in the bundle."""
    assessments = [assessment for _, assessment in subjects]
    packed = {path for path in files if path.startswith("reports/")}
    suffixes = {name: base.named(name).suffix for name in base.names()}
    wanted = [
        name
        for name, suffix in suffixes.items()
        if any(report_path(number, name, suffix) in packed for number in range(1, len(assessments) + 1))
    ]
    documents = [with_texts(one, _texts(files, one)) for one in assessments]
    again = {path: data for path, data in rendered(documents, wanted, say) if path in packed}
    if not packed.isdisjoint(PACK_REPORTS):
        say("writing the pack report")
        texts = {name: text for one in assessments for name, text in _texts(files, one).items()}
        again |= pack_reports(manifest, files, subjects, texts)
    return sorted(path for path in packed if again.get(path) != files[path])


def _texts(files: Mapping[str, bytes], assessment: Mapping[str, Any]) -> dict[str, Any]:
    """The packed official texts of an assessment's frameworks. Raises InputError."""
    paths = {name: texts_path(name) for name in assessment["summary"]}
    return {
        name: read_document(files[path], "texts", TEXTS_SCHEMA, path, "assay controls import")
        for name, path in paths.items()
        if path in files
    }
