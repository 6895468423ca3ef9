"""A logo that a report may show: a picture that neither fetches, nor runs, nor unpacks to something huge.

Sources: Portable Network Graphics (third edition), section 11.2.1 (IHDR); SVG 2, of which only plain shapes are let in.
"""

from __future__ import annotations

import io
import re
import struct

from scanner.model.errors import ParseError, UsageError
from scanner.outputs.pack.model import Logo
from scanner.parsers.plain_xml import parse

__all__ = ["MAX_SIZE", "check_logo"]

MAX_SIZE = 512 * 1024
"""Bytes of a logo."""
MAX_PIXELS = 4_000_000
MAX_SHAPES = 2000

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "title", "desc", "defs"}
)
_ATTRIBUTES = frozenset(
    {
        *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "d", "points", "width", "height", "viewBox"),
        *("fill", "fill-rule", "clip-rule", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "transform"),
        *("stroke-miterlimit", "stroke-dasharray", "id", "version", "preserveAspectRatio", "role", "aria-label"),
    }
)
_VALUE = re.compile(r"[A-Za-z0-9#.,%()+\-\s]*")


def check_logo(data: bytes, where: str) -> Logo:
    """The logo, or UsageError with what is wrong about it."""
    if len(data) > MAX_SIZE:
        raise UsageError(f"the logo is larger than {MAX_SIZE} bytes", where=where, hint="a logo is small: 600 px wide")
    if data.startswith(_PNG):
        return Logo("png", _png(data, where))
    if data.lstrip()[:5] in (b"<svg ", b"<?xml", b"<svg\n"):
        return Logo("svg", _svg(data, where))
    raise UsageError("the logo is neither PNG nor SVG", where=where, hint="PNG is best")


def _png(data: bytes, where: str) -> bytes:
    """The picture written anew: its pixels, and nothing that rode along."""
    from PIL import Image

    width, height = struct.unpack(">II", data[16:24].ljust(8, b"\0"))
    if not 0 < width * height <= MAX_PIXELS:
        raise UsageError(f"the logo has {width} x {height} pixels", where=where, hint="4 million are enough")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            pixels = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for damaged pictures
        raise UsageError(f"the logo is damaged: {error}", where=where) from None
    flat = Image.new("RGB", pixels.size, "white")  # no transparency: it is shown on white in both reports
    flat.paste(pixels, mask=pixels.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "PNG")
    return out.getvalue()


def _svg(data: bytes, where: str) -> bytes:
    try:
        root = parse(data, MAX_SHAPES)
    except ParseError as error:
        raise UsageError(f"the logo is no plain SVG: {error.message}", where=where, hint="use PNG") from None
    for one in root.iter():
        name = str(one.tag).removeprefix(_SVG)
        if not str(one.tag).startswith(_SVG) or name not in _SHAPES:
            raise UsageError(f"the logo holds <{name[:40]}>, which is no plain shape", where=where, hint="use PNG")
        for key, value in one.attrib.items():
            words = key == "aria-label" or (key in _ATTRIBUTES and _VALUE.fullmatch(value) and "url" not in value)
            if not words:
                raise UsageError(f"the logo has {key[:40]}={value[:40]!r} at <{name}>", where=where, hint="use PNG")
    return data
