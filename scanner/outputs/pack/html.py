"""The report of a bundle as one HTML file: the sections of the PDF, and filters; it runs nothing but its own script."""

from __future__ import annotations

import base64
import hashlib

from scanner.outputs._charts import SHAPES
from scanner.outputs._templates import template_text
from scanner.outputs._words import SEVERITIES
from scanner.outputs.pack.model import Pack
from scanner.outputs.pack.rendering import filled
from scanner.outputs.pack.view import pack_view

__all__ = ["render"]


def render(pack: Pack) -> bytes:
    """The file, in UTF-8."""
    from markupsafe import Markup

    script = template_text("report.js")
    style = f":root {{ --brand: {pack.brand.colour}; }}\n" + template_text("pack.css")
    logo = pack.brand.logo
    kind = {"png": "image/png", "svg": "image/svg+xml"}
    text = filled(
        "pack.html.j2",
        pack_view(pack),
        pdf=False,
        logo=f"data:{kind[logo.kind]};base64,{base64.b64encode(logo.data).decode('ascii')}" if logo else "",
        policy=_policy(script, style, bool(logo)),
        # Our own files, and a colour that was checked: they go in as they are, or their hash would not match.
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        shapes={name: Markup(shape) for name, shape in SHAPES.items()},  # noqa: S704
        severities=SEVERITIES,
    )
    return text.encode("utf-8")


def _policy(script: str, style: str, picture: bool) -> str:
    """Only this script, this style and, if there is one, a logo that lies inside the file."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        + ("img-src data:; " if picture else "")
        + "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
