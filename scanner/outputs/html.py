"""One HTML file that needs nothing else: verdict first, filters without a server, and no way for evidence to run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from scanner.outputs._charts import SHAPES, WIDTH
from scanner.outputs._templates import environment, template_text
from scanner.outputs._view import view_of
from scanner.outputs._words import GROUPS, SEVERITIES
from scanner.outputs.base import Output

__all__ = ["OUTPUT"]

OPEN_ALL = 40
"""Up to this many failures all stand open; of more, those of high and critical severity."""


def _source_hash(text: str) -> str:
    """What the content security policy calls the one script or style that may be used."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_source_hash(script)}'; style-src '{_source_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _render(assessment: Mapping[str, Any]) -> bytes:
    from markupsafe import Markup

    script, style = template_text("report.js"), template_text("report.css")
    text = (
        environment()
        .get_template("report.html.j2")
        .render(
            report=view_of(assessment),
            policy=_policy(script, style),
            # Our own files, not evidence: they go in as they are, or their hash would not match.
            script=Markup(script),  # noqa: S704
            style=Markup(style),  # noqa: S704
            shapes={name: Markup(shape) for name, shape in SHAPES.items()},  # noqa: S704
            bar_width=WIDTH,
            statuses=[status for status, _ in GROUPS],
            severities=SEVERITIES,
            open_all=OPEN_ALL,
        )
    )
    return text.encode("utf-8")


OUTPUT = Output(
    "html", "One HTML file for people: verdict, failures, controls, filters; needs no server.", ".html", _render
)
