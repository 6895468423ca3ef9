"""Small files in the form of their publishers: a DISA manual STIG, an OSCAL catalog and a profile. The words are ours."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["catalog", "control", "profile", "rule", "stig", "zipped"]

_PARTS = (
    "FalsePositives",
    "FalseNegatives",
    "Documentable",
    "Mitigations",
    "SeverityOverrideGuidance",
    "PotentialImpacts",
    "ThirdPartyTools",
    "MitigationControl",
    "Responsibility",
    "IAControls",
)


def rule(id_: str, rule_id: str = "SV-1r2_rule", *, group: str = "V-1", discussion: str = "Why <name> matters.") -> str:
    """A Group with its Rule; the discussion holds a name in angle brackets, as real ones do."""
    values = {"Documentable": "false", "Mitigations": "none"}
    rest = "".join(f"<{part}>{values.get(part, '')}</{part}>" for part in _PARTS)
    return f"""<Group id="{group}"><title>SRG-OS-000001-GPOS-00001</title>
<description>&lt;GroupDescription&gt;&lt;/GroupDescription&gt;</description>
<Rule id="{rule_id}" weight="10.0" severity="medium"><version>{id_}</version><title>The system must do {id_}.</title>
<description>{escape(f"<VulnDiscussion>{discussion}</VulnDiscussion>{rest}")}</description>
<reference><dc:title>DPMS Target X</dc:title><dc:publisher>DISA</dc:publisher><dc:identifier>5733</dc:identifier></reference>
<ident system="http://cyber.mil/legacy">SV-99001</ident><ident system="http://cyber.mil/legacy">V-99002</ident>
<ident system="http://cyber.mil/cci">CCI-000366</ident><ident system="http://cyber.mil/cci">CCI-001199</ident>
<fixtext fixref="F-1r1_fix">Do {id_}:

$ sudo do &lt;it&gt;</fixtext><fix id="F-1r1_fix" />
<check system="C-1r1_chk"><check-content-ref href="X_STIG.xml" name="M" />
<check-content>Look at {id_} &amp; more.</check-content></check></Rule></Group>"""


def stig(*rules: str, benchmark: str = "RHEL_10_STIG", version: str = "1", release: str = "2") -> bytes:
    """A manual XCCDF as DISA writes it."""
    return f"""<?xml version="1.0" encoding="utf-8"?><?xml-stylesheet type='text/xsl' href='STIG_unclass.xsl'?>
<Benchmark xmlns:dc="http://purl.org/dc/elements/1.1/" id="{benchmark}" xml:lang="en"
 xmlns="http://checklists.nist.gov/xccdf/1.1"><status date="2026-05-14">accepted</status><title>X STIG</title>
<description>A guide.</description><notice id="terms-of-use" xml:lang="en"></notice>
<reference href="https://example.org"><dc:publisher>DISA</dc:publisher></reference>
<plain-text id="release-info">Release: {release} Benchmark Date: 01 Jul 2026</plain-text>
<plain-text id="generator">3.5.2</plain-text><version>{version}</version>
<Profile id="MAC-1"><title>I</title><description>&lt;ProfileDescription&gt;&lt;/ProfileDescription&gt;</description>
<select idref="V-1" selected="true" /></Profile>{"".join(rules)}</Benchmark>""".encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip as DISA packs it, folders and documents beside the STIG."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("U_X_Manual_STIG/STIG_unclass.xsl", b"<x/>")
        archive.writestr("U_X_Overview.pdf", b"%PDF")
        for name, data in members:
            archive.writestr(name, data)
    return raw.getvalue()


def control(id_: str, label: str, **more: Any) -> dict[str, Any]:
    """A control of 800-53 in OSCAL: labels of two kinds, a statement with parts, guidance, parameters."""
    return {
        "id": id_,
        "class": "SP800-53",
        "title": f"Title of {label}",
        "params": [
            {"id": f"{id_}_odp.01", "label": "time period", "guidelines": [{"prose": "is defined;"}]},
            {
                "id": f"{id_}_odp.02",
                "select": {
                    "how-many": "one-or-more",
                    "choice": [f"after {{{{ insert: param, {id_}_odp.01 }}}} ", "never"],
                },
            },
            {"id": f"{id_}_prm_1", "label": "organization-defined people"},
        ],
        "props": [
            {"name": "label", "value": f"{label}-padded", "class": "zero-padded"},
            {"name": "label", "value": label},
            {"name": "sort-id", "value": id_},
        ],
        "parts": [
            {
                "id": f"{id_}_smt",
                "name": "statement",
                "prose": f"Tell {{{{ insert: param, {id_}_prm_1 }}}}:",
                "parts": [
                    {
                        "name": "item",
                        "props": [{"name": "label", "value": "a."}],
                        "prose": f"Review {{{{ insert: param, {id_}_odp.02 }}}} ; and",
                        "parts": [{"name": "item", "props": [{"name": "label", "value": "1."}], "prose": "Deeper."}],
                    },
                ],
            },
            {"id": f"{id_}_gdn", "name": "guidance", "prose": "See [AC-3](#ac-3).\n\nMore."},
            {"id": f"{id_}_obj", "name": "assessment-objective", "prose": "is not taken"},
        ],
        **more,
    }


def catalog(*controls: dict[str, Any], version: str = "5.1.1+u4") -> bytes:
    """An OSCAL catalog with one group."""
    meta = {"title": "Publication 800-53", "last-modified": "2024-02-04T23:16:00Z", "version": version}
    body = {"uuid": "5", "metadata": meta, "groups": [{"id": "ac", "title": "Access", "controls": list(controls)}]}
    return json.dumps({"catalog": body}).encode()


def profile(*ids: str, version: str = "5.1.1+u4", **more: Any) -> bytes:
    """An OSCAL profile that takes these ids."""
    imports = [{"href": "#x", "include-controls": [{"with-ids": list(ids)}]}]
    meta = {"title": "Baseline", "version": version}
    return json.dumps({"profile": {"metadata": meta, "imports": imports, **more}}).encode()
