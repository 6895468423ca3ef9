"""From the YAML of a rule to a `Rule`, with every mistake named by file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanner.engine.form import FormError, Path, check_clause
from scanner.engine.params import TODAY, TYPE_CHECKS, is_reference, substitute, used
from scanner.model.result import STATUSES
from scanner.model.rule import PARAM_TYPES, SEVERITIES, Param, Remediation, Rule, RuleCase

__all__ = ["RULE_SCHEMA", "build_rule", "check_rule"]

RULE_SCHEMA = "rule/v1"

_REQUIRED = ("schema", "id", "title", "severity", "rationale", "check", "remediation", "tests")
_KEYS = {*_REQUIRED, "applies_to", "params", "mappings", "upstream", "references", "claim_notes"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PARAM_KEYS = {"type", "default", "about", "alias", "public"}
_TEST_KEYS = {"name", "expect", "facts", "target", "params", "facets", "says"}
_DISRUPTIONS = ("none", "restart", "reboot", "reinstall")


def check_rule(raw: Any, name: str) -> None:
    """Raise FormError unless `raw` (the document of `name`.yaml) is a rule."""
    if not isinstance(raw, dict):
        raise FormError("a rule is a mapping", ())
    if raw.get("schema") != RULE_SCHEMA:
        raise FormError(f"`schema` must be {RULE_SCHEMA}", ("schema",))
    for key in _REQUIRED:
        if key not in raw:
            raise FormError(f"`{key}` is missing", ())
    for key in raw:
        if key not in _KEYS:
            raise FormError(f"`{key}` is no part of a rule", (key,))
    if raw["id"] != name or not _ID.fullmatch(str(raw["id"])):
        raise FormError(f"`id` must be the file name ({name}), lower-case words joined by -", ("id",))
    if raw["severity"] not in SEVERITIES:
        raise FormError(f"`severity` is one of {', '.join(SEVERITIES)}", ("severity",))
    for key in ("title", "rationale"):
        if not isinstance(raw[key], str) or not raw[key].strip():
            raise FormError(f"`{key}` is a sentence", (key,))
    _check_applies(raw.get("applies_to", {}))
    _check_params(raw.get("params", {}), raw.get("upstream"))
    _check_check(raw["check"])
    _check_mappings(raw)
    _check_remediation(raw["remediation"])
    known = set(raw.get("params", {}))
    if TODAY in known:
        raise FormError(f"`{TODAY}` is a parameter that every rule has", ("params", TODAY))
    unknown = (used(raw["check"]) | used(raw.get("applies_to", {}))) - known - {TODAY}
    if unknown:
        raise FormError(f"the parameter {sorted(unknown)[0]} is not declared under `params`", ("check",))
    idle = known - used(raw["check"]) - used(raw.get("applies_to", {}))
    if idle:
        raise FormError(f"the parameter {sorted(idle)[0]} is used nowhere", ("params", sorted(idle)[0]))
    if known:
        # With its defaults put in, the check must still be one: a regular expression, a number, a mode.
        defaults = {name: param["default"] for name, param in raw["params"].items()}
        _check_applies(substitute(raw.get("applies_to", {}), defaults))
        _check_check(substitute(raw["check"], defaults))
    _check_tests(raw["tests"])


def _check_applies(applies: Any) -> None:
    if not isinstance(applies, dict) or set(applies) - {"platforms", "targets", "when"}:
        raise FormError("`applies_to` knows platforms, targets and when", ("applies_to",))
    for key in ("platforms", "targets"):
        if key in applies and not _texts(applies[key]):
            raise FormError(f"`{key}` is a list of words", ("applies_to", key))
    if "when" in applies:
        check_clause(applies["when"], ("applies_to", "when"))


def _check_params(params: Any, upstream: Any) -> None:
    if not isinstance(params, dict):
        raise FormError("`params` is a mapping", ("params",))
    for name, param in params.items():
        path: Path = ("params", name)
        if not isinstance(param, dict) or not {"type", "default", "about"} <= set(param) <= _PARAM_KEYS:
            raise FormError("a parameter has type, default, about and maybe alias, public", path)
        if param["type"] not in PARAM_TYPES:
            raise FormError(f"`type` is one of {', '.join(PARAM_TYPES)}", (*path, "type"))
        if not TYPE_CHECKS[param["type"]](param["default"]) or is_reference(param["default"]):
            raise FormError(f"`default` is no {param['type']}", (*path, "default"))
        if "alias" in param and not _texts(param["alias"]):
            raise FormError("`alias` is a list of names", (*path, "alias"))
        _check_public(param, upstream, path)


def _check_public(param: dict[str, Any], upstream: Any, path: Path) -> None:
    public = param.get("public", {})
    if not isinstance(public, dict) or not all(TYPE_CHECKS[param["type"]](value) for value in public.values()):
        raise FormError(f"`public` maps public rules to a {param['type']}", (*path, "public"))
    if not set(public) <= set(upstream if _texts(upstream) else ()):
        raise FormError("`public` names rules of `upstream`", (*path, "public"))


def _check_check(check: Any) -> None:
    if isinstance(check, dict) and check and set(check) <= {"persistent", "runtime"}:
        for half, clause in check.items():
            check_clause(clause, ("check", half))
        return
    if isinstance(check, dict) and set(check) == {"manual"}:
        if not isinstance(check["manual"], dict) or set(check["manual"]) != {"question", "evidence"}:
            raise FormError("`manual` has a question and the evidence wanted", ("check", "manual"))
        return
    check_clause(check, ("check",))


def _check_mappings(raw: Mapping[str, Any]) -> None:
    mappings = raw.get("mappings", {})
    if not isinstance(mappings, dict):
        raise FormError("`mappings` is framework: [control ids]", ("mappings",))
    for framework, controls in mappings.items():
        if not _texts(controls) or len(set(controls)) != len(controls):
            raise FormError("control ids are a list of texts (quote them), each once", ("mappings", framework))
    for key in ("upstream", "references"):
        if key in raw and not _texts(raw[key]):
            raise FormError(f"`{key}` is a list of texts", (key,))
    notes = raw.get("claim_notes", {})
    if not isinstance(notes, dict) or set(notes) - {"overclaim", "partial"} or not _texts(list(notes.values())):
        raise FormError("`claim_notes` knows overclaim and partial, each a sentence", ("claim_notes",))


def _check_remediation(remediation: Any) -> None:
    if not isinstance(remediation, dict) or "summary" not in remediation:
        raise FormError("`remediation` has a summary", ("remediation",))
    if set(remediation) - {"summary", "commands", "disruption"}:
        raise FormError("`remediation` knows summary, commands and disruption", ("remediation",))
    if "commands" in remediation and not _texts(remediation["commands"]):
        raise FormError("`commands` is a list of texts", ("remediation", "commands"))
    if remediation.get("disruption", "none") not in _DISRUPTIONS:
        raise FormError(f"`disruption` is one of {', '.join(_DISRUPTIONS)}", ("remediation", "disruption"))


def _check_tests(tests: Any) -> None:
    if not isinstance(tests, list) or not tests:
        raise FormError("`tests` is a list of cases", ("tests",))
    names: set[str] = set()
    for index, case in enumerate(tests):
        path: Path = ("tests", index)
        if not isinstance(case, dict) or not {"name", "expect", "facts"} <= set(case) <= _TEST_KEYS:
            raise FormError("a case has name, expect, facts and maybe target, params, facets, says", path)
        if case["expect"] not in STATUSES:
            raise FormError(f"`expect` is one of {', '.join(STATUSES)}", (*path, "expect"))
        if not isinstance(case["facts"], dict):
            raise FormError("`facts` is fact: value", (*path, "facts"))
        for key in ("params", "facets"):
            if not isinstance(case.get(key, {}), dict):
                raise FormError(f"`{key}` is a mapping", (*path, key))
        for fact, given in case["facts"].items():
            if isinstance(given, dict) and "state" in given and not _texts(given.get("gaps", [])):
                raise FormError("`gaps` is a list of texts", (*path, "facts", fact))
        if str(case["name"]) in names:
            raise FormError(f"two cases are called {case['name']!r}", path)
        names.add(str(case["name"]))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def build_rule(raw: Mapping[str, Any], area: str, source: str) -> Rule:
    """The rule of a checked document."""
    applies = raw.get("applies_to", {})
    remediation = raw["remediation"]
    return Rule(
        id=raw["id"],
        title=" ".join(raw["title"].split()),
        severity=raw["severity"],
        rationale=" ".join(raw["rationale"].split()),
        check=raw["check"],
        when=applies.get("when"),
        platforms=tuple(applies.get("platforms", ("linux",))),
        targets=tuple(applies.get("targets", ())),
        params={
            name: Param(
                name, one["type"], one["default"], one["about"], tuple(one.get("alias", ())), one.get("public", {})
            )
            for name, one in raw.get("params", {}).items()
        },
        mappings={framework: tuple(ids) for framework, ids in raw.get("mappings", {}).items()},
        upstream=tuple(raw.get("upstream", ())),
        remediation=Remediation(
            " ".join(str(remediation["summary"]).split()),
            tuple(remediation.get("commands", ())),
            remediation.get("disruption", "none"),
        ),
        references=tuple(raw.get("references", ())),
        claim_notes=dict(raw.get("claim_notes", {})),
        tests=tuple(
            RuleCase(
                str(case["name"]),
                case["expect"],
                case["facts"],
                case.get("target", "live"),
                case.get("params", {}),
                case.get("facets", {}),
                str(case.get("says", "")),
            )
            for case in raw.get("tests", ())
        ),
        area=area,
        source=source,
    )
