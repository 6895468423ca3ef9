"""Every value of every document of a user replaced by what does not belong there: only our errors come out."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from scanner.engine import yaml_text
from scanner.engine.content import Content, from_files, load
from scanner.engine.judge import Instance
from scanner.engine.params import resolve
from scanner.engine.waivers import load_waivers
from scanner.frameworks.answers import load_answers
from scanner.frameworks.catalog import frameworks
from scanner.frameworks.profiles import from_file, profiles
from scanner.frameworks.select import select
from scanner.gate.policy import load_policy, template
from scanner.model.errors import AssayError

WRONG: tuple[Any, ...] = (
    *(None, [], {}, [["a"]], {"a": ["b"]}, [{}], [None], [1, "a"], {"id": [1]}, {"any": {}}, {"matches": "(a|a)+$"}),
    *(0, -1, 10**25, True, "", "x" * 5000, "a\0b", "\N{RIGHT-TO-LEFT OVERRIDE}", "${x}", "*", "(", "~[", "9" * 4500),
    *("2026-99-99", "9999-99-99T99:99:99Z", {"count": {"x": 1}}, {"fact": ["a"]}, {"all": [{}]}),
)


@cache
def _content() -> Content:
    return load()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _paths(value[key], (*path, key))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return changed


def _waivers() -> Any:
    one = {"id": "a", "reason": "r", "owner": "o", "expires": "2027-01-01", "rule": "x", "target": "*"}
    more = {"approver": "x", "created": "2026-01-01", "ticket": "t", "compensating": "c"}
    other = {"id": "b", "reason": "r", "owner": "o", "expires": "2027-01-01", "control": "a:b"}
    return {"schema": "waivers/v1", "waivers": [{**one, **more}, other]}


def _answers() -> Any:
    known = frameworks(_content())
    name = sorted(known)[0]
    one = {"framework": name, "control": sorted(known[name].controls)[0], "verdict": "met", "by": "b", "target": "*"}
    days = {"date": "2026-01-01", "valid_until": "2027-01-01", "statement": "s"}
    return {"schema": "answers/v1", "answers": [{**one, **days, "evidence": [{"name": "n", "sha256": "0" * 64}]}]}


def _profile() -> Any:
    known = frameworks(_content())
    name = sorted(known)[0]
    return {
        "schema": "profile/v1",
        **{"id": "mine", "title": "t", "about": "a", "extends": [sorted(profiles(_content()))[0]]},
        "frameworks": [{"id": name, "levels": [], "controls": [sorted(known[name].controls)[0]]}],
        **{"only": ["banner*"], "rules_in": ["banner-issue-neutral"], "rules_out": ["x*"], "values": {}},
        **{"params": {"banner-issue-neutral": {"names": "a"}}, "require": {"*": "both"}, "min_coverage": 5},
        **{"fit": [{"os_id": "a", "fit": "exact", "major": "1"}], "default_for": ["x"]},
    }


def _policy() -> Any:
    limits = {"severity": {"high": 1}, "status": {"fail": 2}, "class": {}, "framework": {"a": {"fail": 1}}}
    return {**yaml_text.load(template().encode(), "t"), "limits": limits, "profiles": ["a"], "max_age_days": 3}


def _rule() -> Any:
    return yaml_text.load(_content().paths["rules/auth/banner-issue-neutral.yaml"].read_bytes(), "r")


def _read_profile(data: bytes) -> object:
    return select(_content(), frameworks(_content()), [from_file(_content(), data, "p")])


def _read_rule(data: bytes) -> object:
    rules = from_files({"rules/auth/banner-issue-neutral.yaml": data}).rules
    return [Instance(rule, *resolve(rule, [])) for rule in rules.values()]


READERS: dict[str, tuple[Callable[[], Any], Callable[[bytes], object]]] = {
    "waivers": (_waivers, lambda data: load_waivers(data, "w")),
    "answers": (_answers, lambda data: load_answers(data, "a", frameworks(_content()))),
    "profile": (_profile, _read_profile),
    "policy": (_policy, lambda data: load_policy(data, "p")),
    "rule": (_rule, _read_rule),
}


@pytest.mark.parametrize("name", READERS)
def test_only_our_errors_come_out(name: str) -> None:
    make, read = READERS[name]
    document = make()
    read(yaml.safe_dump(document).encode())  # as it is, it is one
    refused = 0
    for path in _paths(document):
        for value in WRONG:
            data = yaml.safe_dump(_with(document, path, value)).encode()
            try:
                read(data)
            except AssayError as error:
                refused += 1
                assert error.exit_code == 2, (path, value)

    assert refused > 100
