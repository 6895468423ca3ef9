"""An HTML page with its style inside, and a policy of content that allows that style and nothing else."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from scanner.outputs._templates import environment, template_text

__all__ = ["page"]


def page(template: str, **view: Any) -> bytes:
    """The page in UTF-8. The template gets `policy` and `style` besides `view`."""
    from markupsafe import Markup

    style = template_text("report.css") + template_text("sbom-diff.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    text = (
        environment()
        .get_template(template)
        .render(
            **view,
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            style=Markup(style),  # noqa: S704 - our own file: escaped, its hash would not match
        )
    )
    return text.encode("utf-8")
