"""The manual XCCDF of a DISA STIG: one Rule a Group, with check and fix for a person.

Sources: XCCDF 1.1.4 and 1.2 (NIST IR 7275); what DISA puts into them is seen in its own files. The description of a
rule is a text that looks like XML and is none: names in angle brackets stand in it unescaped.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.frameworks.texts import Text
from scanner.frameworks.texts_publication import MAX_BYTES, Publication
from scanner.model.errors import InputError, ParseError
from scanner.parsers import plain_xml
from scanner.parsers.plain_xml import local

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_xccdf", "unzipped"]

_MAX_ELEMENTS = 500_000
_MAX_MEMBERS = 10_000
_HINT = "download the manual STIG from the publisher again"
_PARTS = {
    "discussion": "VulnDiscussion",
    "false_positives": "FalsePositives",
    "false_negatives": "FalseNegatives",
    "documentable": "Documentable",
    "mitigations": "Mitigations",
    "severity_override_guidance": "SeverityOverrideGuidance",
    "potential_impacts": "PotentialImpacts",
    "third_party_tools": "ThirdPartyTools",
    "mitigation_control": "MitigationControl",
    "responsibility": "Responsibility",
    "ia_controls": "IAControls",
}
_CCI = re.compile(r"CCI-\d{1,9}", re.ASCII)
_LEGACY = re.compile(r"S?V-\d{1,9}(r\d{1,9}(_rule)?)?", re.ASCII)
_RELEASE = re.compile(r"\s*Release:\s*(\d{1,9})", re.ASCII)


def unzipped(data: bytes, where: str) -> tuple[str, bytes]:
    """Name and bytes of the one manual XCCDF in a zip of DISA. Raises InputError."""
    if data.count(b"PK\x01\x02") > _MAX_MEMBERS:
        raise InputError(f"a zip of more than {_MAX_MEMBERS} members", where=where, hint=_HINT)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [one for one in archive.namelist() if one.lower().endswith("-xccdf.xml")]
            if len(names) != 1:
                raise InputError(
                    f"holds {len(names)} files called …-xccdf.xml, not one", where=where, hint=_inside(archive)
                )
            with archive.open(names[0]) as member:
                found = member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise InputError(f"not a zip that can be read: {error}", where=where, hint=_HINT) from None
    if len(found) > MAX_BYTES:
        raise InputError(f"{names[0]} unpacks to more than {MAX_BYTES} bytes", where=where, hint=_HINT)
    return names[0], found


def _inside(archive: zipfile.ZipFile) -> str:
    inner = [one for one in archive.namelist() if one.lower().endswith(".zip")]
    return f"unpack it and import one of {len(inner)} inside, as {inner[0]}" if inner else _HINT


def read_xccdf(data: bytes, where: str) -> Publication:
    """The STIG in an XCCDF document. Raises InputError."""
    try:
        root = plain_xml.parse(data, _MAX_ELEMENTS)
    except ParseError as error:
        raise InputError(error.message, where=where, hint=_HINT) from None
    if local(root) != "Benchmark":
        raise InputError(
            f"the root element is <{local(root)[:40]}>, not <Benchmark>",
            where=where,
            hint="the manual STIG (…_Manual-xccdf.xml) is read, no SCAP data stream",
        )
    controls: dict[str, Text] = {}
    for text in _rules(root):
        if not text.id or text.id in controls:
            raise InputError(f"two rules have the id {text.id!r}, or one has none", where=where, hint=_HINT)
        controls[text.id] = text
    if not controls:
        raise InputError("no Group with a Rule stands in it", where=where, hint=_HINT)
    version, release = _text(root, "version"), ""
    for one in _children(root, "plain-text"):
        release = _all_text(one) if one.get("id") == "release-info" else release
    number = _RELEASE.match(release)
    return Publication(
        kind="stig",
        title=_text(root, "title"),
        benchmark=root.get("id", ""),
        version=version,
        release=release,
        edition=f"V{version}R{number[1]}" if number else f"V{version}",
        description=_text(root, "description"),
        controls=controls,
    )


def _rules(root: Element) -> Iterator[Text]:
    for group in _children(root, "Group"):
        for rule in _children(group, "Rule"):
            yield _rule(group, rule)


def _rule(group: Element, rule: Element) -> Text:
    idents = [_all_text(one).strip() for one in _children(rule, "ident")]
    check = next(_children(rule, "check"), None)
    fix = next(_children(rule, "fixtext"), None)
    file = next(_children(check, "check-content-ref"), None) if check is not None else None
    reference = next(_children(rule, "reference"), None)
    return Text(
        id=_text(rule, "version").strip(),
        title=_text(rule, "title"),
        group_id=group.get("id", ""),
        group_title=_text(group, "title"),
        rule_id=rule.get("id", ""),
        severity=rule.get("severity", ""),
        weight=rule.get("weight", ""),
        check=_text(check, "check-content") if check is not None else "",
        check_id=check.get("system", "") if check is not None else "",
        check_file=file.get("href", "") if file is not None else "",
        fix=_all_text(fix) if fix is not None else "",
        fix_id=fix.get("fixref", "") if fix is not None else "",
        reference=_text(reference, "identifier").strip() if reference is not None else "",
        ccis=tuple(one for one in idents if _CCI.fullmatch(one)),
        legacy_ids=tuple(one for one in idents if _LEGACY.fullmatch(one)),
        **_described(_text(rule, "description")),
    )


def _described(text: str) -> dict[str, str]:
    """The parts of a description; the whole of it is the discussion where it has no parts."""
    found = {name: _between(text, f"<{tag}>", f"</{tag}>") for name, tag in _PARTS.items()}
    return found if f"<{_PARTS['discussion']}>" in text else {**found, "discussion": text}


def _between(text: str, start: str, end: str) -> str:
    at = text.find(start)
    stop = text.find(end, at) if at >= 0 else -1
    return text[at + len(start) : stop] if stop >= 0 else ""


def _children(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element if local(one) == name)


def _text(element: Element, name: str) -> str:
    """The text of the first child of this name; empty without one."""
    return next((_all_text(one) for one in _children(element, name)), "")


def _all_text(element: Element) -> str:
    return "".join(element.itertext())
