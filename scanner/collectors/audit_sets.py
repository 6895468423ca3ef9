"""The two sets of audit rules of a target: what the files will load, and what the kernel has loaded.

Not a collector itself: `audit` builds its facts on it. Persistent rules come from /etc/audit/rules.d merged as
augenrules(8) does, unless the unit that loads them names another file (`auditctl -R FILE`); where that folder does not
exist, /etc/audit/audit.rules is what auditctl -R loads. Running rules
come from `auditctl -l`, which needs root. Paths are canonical, as the kernel takes them when a watch is added.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace

from scanner.collectors import unit_files
from scanner.collectors.base import Look
from scanner.model.errors import AssayError, ParseError, TargetError
from scanner.parsers import audit_merge
from scanner.parsers.audit_rules import Line, Rule, RuleSet, load, numbered
from scanner.parsers.natural_order import natural_sorted

__all__ = ["FILE", "FOLDER", "canonical", "persistent", "running", "source_files"]

FOLDER = "/etc/audit/rules.d"
FILE = "/etc/audit/audit.rules"
_LISTING = "command: auditctl -l"
_LOADERS = (("audit-rules.service", "ExecStart"), ("auditd.service", "ExecStartPost"))
"""Which unit loads the rules: since audit 4 one of its own, before that the daemon's (audit, init.d/)."""


def source_files(look: Look) -> list[tuple[str, str]] | None:
    """Path and text of the files augenrules would merge, in its order; None when it has no folder."""
    folder = look.entry(FOLDER)
    if folder is None or folder.type != "directory":
        return None
    names = [name for name in look.names(FOLDER) if name.endswith(".rules") and not name.startswith(".")]
    files = []
    for name in natural_sorted(names):
        # No gap: what one file says can silence the rules of all others.
        text = look.text(f"{FOLDER}/{name}")
        if text is not None:
            files.append((f"{FOLDER}/{name}", text))
    return files


def _loaded_file(look: Look) -> str | None:
    """The file that the unit gives to `auditctl -R`; None where it runs augenrules or says nothing."""
    units = unit_files.find(look)
    for name, key in _LOADERS:
        found = units.unit(look, name)
        commands = [] if found is None else [one.split() for one in found[0].values("Service", key)]
        for words in commands:
            program = posixpath.basename(words[0].lstrip("-@:+!|")) if words else ""
            if program == "augenrules":
                return None
            if program == "auditctl" and "-R" in words[1:-1]:
                return words[words.index("-R") + 1]
    return None


def _lines(look: Look) -> list[Line] | None:
    named = _loaded_file(look)
    if named is not None:
        text = look.text(named)
        return None if text is None else numbered(text, named)
    files = source_files(look)
    if files is not None:
        return audit_merge.merge(files)
    text = look.text(FILE)
    return None if text is None else numbered(text, FILE)


def persistent(look: Look) -> RuleSet | None:
    """The rule set that will be loaded; None when there are no files of rules at all."""
    lines = _lines(look)
    if lines is None:
        return None
    rules = load(lines)
    for problem in rules.problems:
        if problem.fatal and problem.doubtful:
            look.gap(
                f"{problem.source}:{problem.line}", f"malformed: {problem.reason}; auditctl loads nothing after it"
            )
    rules.rules = [_placed(look, rule) for rule in rules.rules]
    return rules


def running(look: Look) -> RuleSet:
    """The rule set in the kernel. A listing that failed once is not asked for again."""
    outcome = look.shared(_listed)
    if isinstance(outcome, AssayError):
        raise outcome
    return outcome


def _listed(look: Look) -> RuleSet | AssayError:
    try:
        return _ask_kernel(look)
    except (TargetError, ParseError) as error:
        return error


def _ask_kernel(look: Look) -> RuleSet:
    listing = look.command("auditctl", "-l")
    if listing.strip() == "No rules":
        return RuleSet()
    rules = load(numbered(listing, _LISTING), listing=True)
    if rules.problems:
        first = rules.problems[0]
        raise ParseError(first.reason, line=first.line, where=_LISTING)
    rules.rules = [_placed(look, rule) for rule in rules.rules]
    return rules


def _placed(look: Look, rule: Rule) -> Rule:
    return rule if rule.path is None else replace(rule, path=canonical(look, rule.path))


def canonical(look: Look, path: str) -> str:
    """`path` with the links of its parents followed, as the kernel follows them when a watch is added."""
    parent, name = posixpath.split(path)
    try:
        real = look.real(parent)
    except TargetError:
        return path
    return path if real is None else posixpath.join(real, name)
