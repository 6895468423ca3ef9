"""Audit rules: what the files load, what the kernel has loaded, and which of them record a given path or system call.

Sources: augenrules(8), auditctl(8) (also for the output of `auditctl -l` and `-s`), audit.rules(7).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from scanner.collectors import audit_sets, file_survey
from scanner.collectors.base import Collector, Look, each_argument
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import audit_coverage, audit_merge
from scanner.parsers.audit_coverage import Sight
from scanner.parsers.audit_rules import Rule, RuleSet

_STORES = ("/ostree/", "/sysroot/", "/var/lib/containers/", "/var/lib/docker/")
"""Not part of the running system: object stores and the layers of containers."""


def _rules(look: Look) -> RuleSet | None:
    rules = look.shared(audit_sets.persistent)
    if rules is None:
        look.because(f"neither {audit_sets.FOLDER} nor {audit_sets.FILE} exists")
    return rules


# ---- tables --------------------------------------------------------------------------------------------------------


def _record(rule: Rule) -> dict[str, Json]:
    return {
        "list": rule.list,
        "action": rule.action,
        "arch": list(rule.arch),
        "syscalls": list(rule.syscalls),
        "kind": rule.kind,
        "path": rule.path,
        "perms": None if rule.perms is None else list(rule.perms),
        "auid_from": rule.auid_from,
        "auid_unset": rule.auid_unset,
        "filters": list(rule.filters),
        "key": ",".join(rule.keys) or None,
        "source": rule.source,
        "line": rule.line,
    }


def _table(rules: RuleSet | None) -> Json:
    return None if rules is None else [_record(rule) for rule in rules.rules]


def _seen(found: list[Sight], rules: RuleSet) -> Json:
    records = []
    for sight in found:
        silenced = _place(sight.silenced_by)
        if rules.settings.enabled == 0:
            source, line = rules.settings.place("enabled")
            silenced = f"{source}:{line}"
        record = _record(sight.rule)
        del record["list"], record["action"]
        record["perms"] = list(sight.rule.perms or "rwxa")  # without a filter every access is recorded
        record["fields"] = [name for name in sight.rule.order if name != "key="]
        records.append(
            {
                **record,
                "arch": sight.arch,
                "silenced_by": silenced,
                "preceded_by": _place(sight.preceded_by),
                "total": len(found),
                "slash": sight.rule.slash,
            }
        )
    return records


def _place(rule: Rule | None) -> str | None:
    return None if rule is None else f"{rule.source}:{rule.line}"


def _paths(look: Look, rules: RuleSet | None, argument: str) -> Json:
    if rules is None:
        return None
    path = audit_sets.canonical(look, posixpath.normpath(argument))
    wants_dir = argument.endswith("/") or _is_dir(look, path)
    return _seen(
        audit_coverage.recording_path(rules, path, wants_dir=wants_dir, is_dir=lambda place: _is_dir(look, place)),
        rules,
    )


def _is_dir(look: Look, path: str) -> bool:
    try:
        entry = look.entry(path)
    except TargetError:
        return False
    return entry is not None and entry.type == "directory"


def _calls(rules: RuleSet | None, name: str) -> Json:
    return None if rules is None else _seen(audit_coverage.recording_call(rules, name), rules)


# ---- settings ------------------------------------------------------------------------------------------------------


def _settings(look: Look) -> Json:
    rules = _rules(look)
    if rules is None:
        return None
    settings = rules.settings
    source, line = settings.place("enabled")
    return {
        "enabled": settings.enabled,
        "failure": settings.failure,
        "backlog": settings.backlog,
        "backlog_wait": settings.backlog_wait,
        "rate": settings.rate,
        "continue_loading": settings.continue_loading,
        "ignore_errors": settings.ignore_errors,
        "loginuid_immutable": settings.loginuid_immutable,
        "refused": [f"{problem.source}:{problem.line}: {problem.reason}" for problem in rules.problems],
        "source": source,
        "line": line,
    }


def _status(look: Look) -> Json:
    values: dict[str, int] = {}
    for line in look.command("auditctl", "-s").splitlines():
        name, _, rest = line.partition(" ")
        number = rest.split(" ")[0]
        if number.isascii() and number.isdigit() and len(number) < 16:
            values[name] = int(number)
    if "enabled" not in values:
        raise ParseError("no line about enabled", where="command: auditctl -s")
    return {
        "enabled": values["enabled"],
        "failure": values.get("failure"),
        "backlog": values.get("backlog_limit"),
        "rate": values.get("rate_limit"),
        "loginuid_immutable": values.get("loginuid_immutable") == 1,
        "daemon": values.get("pid", 0) > 0,
    }


def _file(look: Look) -> Json:
    text = look.text(audit_sets.FILE)
    if text is None:
        look.because(f"{audit_sets.FILE} does not exist")
        return None
    files = audit_sets.source_files(look)
    merged = None if files is None else [line.text for line in audit_merge.merge(files)]
    lines = [line for line in text.split("\n") if line and not line.lstrip().startswith("#")]
    return {
        "matches_rules_d": None if merged is None else merged == lines,
        "path": audit_sets.FILE,
        "rules": len(lines),
    }


# ---- programs that give privileges ---------------------------------------------------------------------------------


def _privileged(look: Look) -> Json:
    rules = _rules(look)
    if rules is None:
        return None
    found_files = file_survey.survey(look)
    records = []
    for entry in found_files.set_id:
        if entry.path.startswith(_STORES):
            continue
        found = audit_coverage.recording_path(
            rules, entry.path, wants_dir=False, is_dir=lambda place: _is_dir(look, place)
        )
        for arch in ("b32", "b64"):
            good = [
                sight.rule
                for sight in found
                if sight.arch == arch and sight.silenced_by is None and _records_use(sight.rule)
            ]
            first = good[0] if good else None
            records.append(
                {
                    "path": entry.path,
                    "mode": entry.permissions,
                    "arch": arch,
                    "recorded": first is not None and rules.settings.enabled != 0,
                    "auid_from": None if first is None else min(rule.auid_from for rule in good),
                    "refused": len(rules.problems),
                    "source": None if first is None else first.source,
                    "line": None if first is None else first.line,
                }
            )
    for path, reason in found_files.unreadable:
        if not f"{path}/".startswith(_STORES):
            look.gap(path, reason)
    return records


def _records_use(rule: Rule) -> bool:
    return "x" in (rule.perms or "x") and not rule.filters


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    plain: dict[str, Callable[[Look], Json]] = {
        "audit.rules": lambda look: _table(_rules(look)),
        "audit.settings": _settings,
        "audit.rules_file": _file,
        "audit.privileged_programs": _privileged,
        "audit.loaded": lambda look: _table(audit_sets.running(look)),
        "audit.status": _status,
    }
    yield from look.facts(plain)
    yield from each_argument(look, "audit.watches", lambda look, path: _paths(look, _rules(look), path))
    yield from each_argument(look, "audit.calls", lambda look, name: _calls(_rules(look), name))
    yield from each_argument(
        look, "audit.loaded_watches", lambda look, path: _paths(look, audit_sets.running(look), path)
    )
    yield from each_argument(look, "audit.loaded_calls", lambda look, name: _calls(audit_sets.running(look), name))


_RULE_FIELDS = {
    "syscalls": "list: system calls, or all",
    "kind": "text: path (one inode), dir (everything below), watch (-w: either, by what lies there), null: no path",
    "path": "text: canonical path, null: none",
    "perms": "list: letters of r, w, x, a; null: no filter",
    "auid_from": "number: lowest login uid that matches",
    "auid_unset": "flag: whether processes without a login uid match",
    "filters": "list: other conditions, normalised and sorted (exit=-EACCES, euid!=uid, a2&0x40)",
    "key": "text: key(s), null: none",
    "source": "text: file",
    "line": "number: line",
}
_TABLE = {
    "list": "text: exit, task, user, exclude, filesystem or io_uring",
    "action": "text: always or never",
    "arch": "list: ABIs covered, of b32 and b64",
    **_RULE_FIELDS,
}
_SEEN = {
    "arch": "text: b32 or b64; a rule for both stands twice",
    **_RULE_FIELDS,
    "perms": "list: letters of r, w, x, a",
    "fields": "list: what -F and -C of the rule name, with the operator (arch=, perm=, auid>=), as written",
    "silenced_by": "text: file:line because of which this rule records nothing, null: none",
    "preceded_by": "text: file:line of an earlier rule that takes all of it, so that this key never shows; null: none",
    "slash": "flag: the path of a folder is written with a slash at its end, which means the same",
    "total": "number: records of this fact: rules that see the subject, each once for every ABI",
}

COLLECTOR = Collector(
    id="audit",
    facts=(
        FactSpec("audit.rules", "table", "Audit rules that the files load, in the kernel's order.", fields=_TABLE),
        FactSpec(
            "audit.settings",
            "object",
            "Control lines of the audit rules in force at the end of the load.",
            fields={
                "enabled": "number: -e: 0 off, 1 on, 2 locked until reboot; null: not set",
                "failure": "number: -f: 0 silent, 1 print, 2 panic; null: not set",
                "backlog": "number: -b, buffers; null: not set",
                "backlog_wait": "number: --backlog_wait_time; null: not set",
                "rate": "number: -r, messages a second; null: not set",
                "continue_loading": "flag: -c",
                "ignore_errors": "flag: -i (or -c)",
                "loginuid_immutable": "flag: --loginuid-immutable",
                "refused": "list: lines that auditctl does not take, with the reason",
                "source": "text: file of the -e line",
                "line": "number: line of the -e line",
            },
        ),
        FactSpec(
            "audit.rules_file",
            "object",
            "/etc/audit/audit.rules, which augenrules generates.",
            fields={
                "path": "text: path",
                "matches_rules_d": "flag: same lines as the merge of rules.d; null: there is no rules.d",
                "rules": "number: lines that are no comments",
            },
        ),
        FactSpec(
            "audit.watches",
            "table",
            "Persistent rules that record access to a path by any system call.",
            fields=_SEEN,
            argument="path; a trailing slash asks for everything below it",
        ),
        FactSpec(
            "audit.calls",
            "table",
            "Persistent rules that record a system call on whatever object.",
            fields=_SEEN,
            argument="name of a system call",
        ),
        FactSpec(
            "audit.privileged_programs",
            "table",
            "Every set-uid or set-gid program, twice (b32, b64), and whether its use is recorded.",
            fields={
                "path": "text: program",
                "mode": "text: permission bits",
                "arch": "text: b32 or b64",
                "recorded": "flag: a rule with perm x and no narrowing filter sees it",
                "auid_from": "number: lowest login uid recorded; null: not recorded",
                "refused": "number: lines of the rules' files that are refused",
                "source": "text: file of that rule",
                "line": "number: its line",
            },
        ),
        FactSpec("audit.loaded", "table", "Audit rules in the kernel.", facet="runtime", fields=_TABLE),
        FactSpec(
            "audit.loaded_watches",
            "table",
            "Rules in the kernel that record access to a path by any system call.",
            facet="runtime",
            fields=_SEEN,
            argument="path; a trailing slash asks for everything below it",
        ),
        FactSpec(
            "audit.loaded_calls",
            "table",
            "Rules in the kernel that record a system call on whatever object.",
            facet="runtime",
            fields=_SEEN,
            argument="name of a system call",
        ),
        FactSpec(
            "audit.status",
            "object",
            "State of the kernel's audit system.",
            facet="runtime",
            fields={
                "enabled": "number: 0 off, 1 on, 2 locked until reboot",
                "failure": "number: 0 silent, 1 print, 2 panic",
                "backlog": "number: buffers",
                "rate": "number: messages a second, 0 without limit",
                "loginuid_immutable": "flag: login uids cannot be changed once set",
                "daemon": "flag: a daemon has registered for the records",
            },
        ),
    ),
    collect=collect,
)
