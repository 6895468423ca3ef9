"""Hostile text, and an assessment that holds it in every field."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from tests.outputs.report_sample import sample

__all__ = ["PAYLOADS", "WORDS", "poisoned"]

_RUN = "document.documentElement.setAttribute('data-pwned','1');alert(1)"

PAYLOADS = {
    "script": f"<script>{_RUN}</script>",
    "script_upper": f"<ScRiPt >{_RUN}</sCrIpT>",
    "end_script": f"</script><script>{_RUN}</script>",
    "end_style": f"</style><script>{_RUN}</script>",
    "end_title": f"</title><script>{_RUN}</script>",
    "comment": f"--><script>{_RUN}</script><!--",
    "image": f'<img src=x onerror="{_RUN}">',
    "double_quote": f'" onmouseover="{_RUN}" autofocus onfocus="{_RUN}" x="',
    "single_quote": f"' onmouseover='{_RUN}' x='",
    "backtick": f"` onmouseover=`{_RUN}`",
    "javascript": f"javascript:{_RUN}",
    "link": f'<a href="javascript:{_RUN}">click</a>',
    "data_url": f"data:text/html,<script>{_RUN}</script>",
    "svg": f'<svg onload="{_RUN}"><use href="http://192.0.2.1/x.svg#x"/></svg>',
    "svg_script": f"<svg><script>{_RUN}</script></svg>",
    "mathml": f'<math><mtext></mtext><mglyph><style><img src=x onerror="{_RUN}">',
    "iframe": f'<iframe srcdoc="<script>{_RUN}</script>" src="http://192.0.2.1/"></iframe>',
    "form": '<form action="http://192.0.2.1/"><button autofocus>go</button></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=http://192.0.2.1/">',
    "base": '<base href="http://192.0.2.1/">',
    "stylesheet": '<link rel="stylesheet" href="http://192.0.2.1/x.css"><style>@import "http://192.0.2.1/y.css";</style>',
    "css": "} body { background: url(http://192.0.2.1/x) } @page { content: url(file:///etc/passwd) }",
    "attachment": '<link rel="attachment" href="file:///etc/passwd"><img src="file:///etc/passwd">',
    "jinja": "{{ 7 * 1191 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}{# x #}",
    "entity": "&lt;script&gt;&#x3C;img src=x onerror=alert(1)&#x3E;&amp;",
    "template_literal": "${alert(1)}",
    "control": "\x00\x01\x07\x08\x0b\x0c\x7f\x80\x9f",
    "ansi": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b31m",
    "bidi": "\u202egnp.exe\u2066\u2067\u2069\u200f\u061c",
    "invisible": "\u200b\u200d\ufeff\u00ad\u2060\U000e0041",
    "line_separators": "a\u2028b\u2029c\r\nd",
    "surrogate_text": "%ED%A0%80 \ufffe \uffff",
    "pdf": ") /JS (app.alert(1)) /S /JavaScript >> endobj (",
}
"""Name -> text. Each would do harm somewhere if a report ever took evidence for markup."""

WORDS = {
    "status",
    "coverage",
    "severity",
    "fit",
    "kind",
    "state",
    "half",
    "claim_verdict",
    "require",
    "disruption",
    "persistent",
    "runtime",
    "schema",
}
"""Keys whose values are words with a meaning."""


def poisoned(*payloads: str, words: bool = False) -> dict[str, Any]:
    """The sample with a payload behind every text, keys included; with `words`, behind the words that mean something too.

    Of several payloads each text gets one, in turn.
    """
    fixed = set(sample()) | {key for part in ("target", "completeness", "tool") for key in sample()[part]}
    fixed |= {key for kind in ("results", "controls", "profiles", "unread") for key in sample()[kind][0]}
    fixed |= {key for one in sample()["summary"].values() for key in one}
    fixed |= {key for one in sample()["rules"].values() for key in (*one, *one["remediation"])}
    fixed |= {key for one in sample()["results"] for key in (*one["facets"], *(one["waiver"] or {}))}
    fixed |= {"source", "sha256", "line", "offset", "overclaim", "partial", *sample()["target"]["identity"]}
    fixed |= {key for one in sample()["controls"] for key in (one["answered"] or {})}
    turn = cycle(payloads)
    chosen: dict[str, str] = {}
    counted = {"counts", "coverage", "results", "claims"}

    def behind(text: str) -> str:
        # The same text always gets the same payload: names must still find each other.
        return text + chosen.setdefault(text, next(turn))

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return value if key in WORDS and not words else behind(value)
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        if isinstance(value, dict):
            # Counts by status have words for keys; elsewhere a key that the schema does not fix is a name like any other.
            keep = key in counted and not words
            return {name if keep or name in fixed else behind(name): walk(item, name) for name, item in value.items()}
        return value

    return dict(walk(sample()))
