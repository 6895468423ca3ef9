"""fapolicyd: daemon settings, its rules, and what they decide about untrusted programs.

/etc/fapolicyd/fapolicyd.rules, where it exists, is read instead of compiled.rules; fagenrules builds the latter from
rules.d at every start, unless both exist. Sources: fapolicyd.conf(5), fapolicyd.rules(5), fagenrules(8), fapolicyd
src/library/policy.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import fapolicyd_policy, fapolicyd_rules, spaced_settings
from scanner.parsers.fapolicyd_policy import Attempt
from scanner.parsers.fapolicyd_rules import Line, Rule
from scanner.parsers.natural_order import natural_sorted

_FOLDER = "/etc/fapolicyd"
_CONFIG = f"{_FOLDER}/fapolicyd.conf"
_COMPILED = f"{_FOLDER}/compiled.rules"
_LEGACY = f"{_FOLDER}/fapolicyd.rules"
_PARTS = f"{_FOLDER}/rules.d"
_INTEGRITY = ("none", "size", "ima", "sha256")
_PLACES = ("/tmp/", "/var/tmp/", "/dev/shm/", "/home/user/")  # noqa: S108 - places asked about, not used
_UIDS = (0, 1000)
_SCRIPT = "text/x-shellscript"
_MAX_LINE = 512


def _settings(look: Look) -> Json:
    text = look.text(_CONFIG)
    if text is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    values = spaced_settings.parse(text, max_line=_MAX_LINE)

    def of(name: str, default: str) -> str:
        return values[name].text if name in values else default

    permissive = of("permissive", "0")
    integrity = of("integrity", "none").lower()
    if permissive not in ("0", "1"):
        raise ParseError("permissive must be 0 or 1", line=values["permissive"].line, where=_CONFIG)
    if integrity not in _INTEGRITY:
        raise ParseError("unknown integrity scheme", line=values["integrity"].line, where=_CONFIG)
    line = values.get("permissive")
    return {
        "permissive": permissive == "1",
        "integrity": integrity,
        "trust": [part for part in of("trust", "rpmdb,file").split(",") if part],
        "watch_fs": [part for part in of("watch_fs", "ext4,xfs,tmpfs").split(",") if part],
        "ignore_mounts": [part.rstrip("/") or "/" for part in of("ignore_mounts", "").split(",") if part],
        "allow_filesystem_mark": of("allow_filesystem_mark", "0") == "1",
        "source": _CONFIG,
        "line": line.line if line is not None else None,
    }


# ---- rules ---------------------------------------------------------------------------------------------------------


def _merged(look: Look) -> list[Line]:
    """rules.d as fagenrules joins it: natural order, without comments and empty lines."""
    names = [name for name in look.names(_PARTS) if name.endswith(".rules") and not name.startswith(".")]
    lines: list[Line] = []
    for name in natural_sorted(names):
        text = look.text(f"{_PARTS}/{name}") or ""
        lines += [line for line in fapolicyd_rules.lines_of(text, f"{_PARTS}/{name}") if _counts(line.text)]
    return lines


def _counts(text: str) -> bool:
    return bool(text) and not text.lstrip().startswith("#")


def _lines(look: Look) -> tuple[str, list[Line], bool | None] | None:
    """Which rules are in force, their lines, and whether compiled.rules is the merge of rules.d (None: not asked)."""
    legacy = look.text(_LEGACY)
    if legacy is not None:
        return "fapolicyd.rules", fapolicyd_rules.lines_of(legacy, _LEGACY), None
    merged = _merged(look)
    compiled = look.text(_COMPILED)
    if merged:
        same = (
            None
            if compiled is None
            else [line for line in compiled.split("\n") if _counts(line)] == [line.text for line in merged]
        )
        return "rules.d", merged, same
    return None if compiled is None else ("compiled.rules", fapolicyd_rules.lines_of(compiled, _COMPILED), None)


def _policy(look: Look) -> list[Rule] | None:
    found = look.shared(_lines)
    return None if found is None else fapolicyd_rules.parse(found[1])


def _rules_in_force(look: Look) -> list[Rule] | None:
    rules = look.shared(_policy)
    if rules is None:
        look.because(f"there are no rules in {_FOLDER}")
    return rules


def _origin(look: Look) -> Json:
    found = look.shared(_lines)
    if found is None:
        look.because(f"there are no rules in {_FOLDER}")
        return None
    return {"origin": found[0], "compiled_is_current": found[2], "source": _FOLDER}


def _rules(look: Look) -> Json:
    rules = _rules_in_force(look)
    if rules is None:
        return None
    return [
        {
            "position": index + 1,
            "last": index + 1 == len(rules),
            "decision": rule.decision,
            "allows": rule.allows,
            "perm": rule.perm,
            "subject": _words(rule.subject),
            "object": _words(rule.object),
            "source": rule.source,
            "line": rule.line,
        }
        for index, rule in enumerate(rules)
    ]


def _words(conditions: tuple[fapolicyd_rules.Condition, ...]) -> list[str]:
    return [f"{one.name}={','.join(one.values)}" if one.values else one.name for one in conditions]


def _decisions(look: Look) -> Json:
    rules = _rules_in_force(look)
    if rules is None:
        return None
    return [_decided(rules, Attempt(uid, place)) for place in _PLACES for uid in _UIDS]


def _decided(rules: list[Rule], attempt: Attempt) -> dict[str, Json]:
    verdict = fapolicyd_policy.decide(rules, attempt)
    rule = verdict.rule
    return {
        "uid": attempt.uid,
        "folder": attempt.folder,
        "decision": "allow" if verdict.allowed else "deny",
        "rule": None if rule is None else rule.text,
        "holes": [f"{hole.source}:{hole.line}: {hole.text}" for hole in verdict.holes],
        "source": None if rule is None else rule.source,
        "line": None if rule is None else rule.line,
    }


def _root_escapes(look: Look) -> Json:
    """Ways in which root runs code that nobody signed although fapolicyd is on, each with its evidence."""
    rules = _rules_in_force(look)
    if rules is None:
        return None
    records = [
        {
            "way": "stop",
            "what": "root can stop fapolicyd.service and then run anything",
            "source": "/usr/lib/systemd/system/fapolicyd.service",
            "line": None,
        },
        {
            "way": "trust",
            "what": f"root can add a file to the trust database (fapolicyd-cli --file add, {_FOLDER}/trust.d)",
            "source": _FOLDER,
            "line": None,
        },
    ]
    for place in _PLACES:
        verdict = fapolicyd_policy.decide(rules, Attempt(0, place))
        if verdict.allowed or verdict.holes:
            records.append(_escape("execute", f"an untrusted program in {place}", verdict))
    script = fapolicyd_policy.decide(rules, Attempt(0, "/tmp/", perm="open", ftype=_SCRIPT))  # noqa: S108 - as above
    if script.allowed or script.holes:
        records.append(_escape("script", "an untrusted shell script, read by a trusted shell", script))
    return records


def _escape(way: str, what: str, verdict: fapolicyd_policy.Verdict) -> dict[str, Json]:
    rule = verdict.rule if verdict.allowed else verdict.holes[0]
    return {
        "way": way,
        "what": what if rule is None else f"{what}: {rule.text}",
        "source": _FOLDER if rule is None else rule.source,
        "line": None if rule is None else rule.line,
    }


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts(
        {
            "fapolicyd.settings": _settings,
            "fapolicyd.rules_origin": _origin,
            "fapolicyd.rules": _rules,
            "fapolicyd.decisions": _decisions,
            "fapolicyd.root_escapes": _root_escapes,
        }
    )


COLLECTOR = Collector(
    id="fapolicyd",
    facts=(
        FactSpec(
            "fapolicyd.settings",
            "object",
            "Settings of fapolicyd with its defaults filled in.",
            fields={
                "permissive": "flag: decisions are reported, not enforced",
                "integrity": "text: none, size, ima or sha256: how a trusted file is compared with its record",
                "trust": "list: sources of trust: rpmdb, debdb, file",
                "watch_fs": "list: file system types that are watched",
                "ignore_mounts": "list: mount points that are not",
                "allow_filesystem_mark": "flag: whole file systems are watched, bind mounts included",
                "source": "text: file",
                "line": "number: line of permissive; null: the default",
            },
        ),
        FactSpec(
            "fapolicyd.rules_origin",
            "object",
            "Which file the rules in force come from.",
            fields={
                "origin": "text: rules.d, compiled.rules or fapolicyd.rules",
                "compiled_is_current": "flag: compiled.rules is the merge of rules.d; null: nothing to compare",
                "source": "text: folder",
            },
        ),
        FactSpec(
            "fapolicyd.rules",
            "table",
            "Rules in the order they are tried.",
            fields={
                "position": "number: 1 is tried first",
                "last": "flag: the last one",
                "decision": "text: allow, deny, deny_audit …",
                "allows": "flag: the decision lets it happen",
                "perm": "text: open, execute or any",
                "subject": "list: name=values, sets put in",
                "object": "list: name=values, sets put in",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "fapolicyd.decisions",
            "table",
            "Who may execute an untrusted ELF file below a folder, by the rules alone.",
            fields={
                "uid": "number: 0 or 1000 (an ordinary user)",
                "folder": "text: /tmp/, /var/tmp/, /dev/shm/, /home/user/",
                "decision": "text: allow or deny",
                "rule": "text: the rule that decides; null: none matches, which allows",
                "holes": "list: earlier rules that allow it for a program or file name of the attacker's choice",
                "source": "text: file of the rule; null: none matches",
                "line": "number: its line; null: none matches",
            },
        ),
        FactSpec(
            "fapolicyd.root_escapes",
            "table",
            "Ways in which root runs code nobody vouched for.",
            fields={
                "way": "text: stop, trust, execute or script",
                "what": "text: in words, with the rule that lets it happen",
                "source": "text: file or folder",
                "line": "number: line; null: no single line",
            },
        ),
    ),
    collect=collect,
)
