"""Regular expressions of users: compiled, refused, or given as much text as they can bear."""

import re

import pytest

from scanner.engine.conditions import test as judged
from scanner.engine.form import FormError, check_condition
from scanner.engine.patterns import (
    ALWAYS_SEARCHED,
    MAX_PATTERN,
    MAX_SEARCHED,
    PatternError,
    compiled,
    longest,
    safe,
)

NO_PATTERN = [
    "(",
    "a{99999999999}",
    "[" * 3000,
    "(" * 3000 + ")" * 3000,
    "*",
    "(?P<a",
    "(?<=a*)b",
    "a" * (MAX_PATTERN + 1),
]

ENDLESS = [
    *(
        "(a|aa|a)+$",
        "(a+)+$",
        "(a*)*$",
        "(a+)*b",
        "(a|a)*b",
        "([a-z]+\\d?)+!",
        "(\\w+\\s?)*$",
        "(.*a){20}",
        "(a?){40}a{40}",
    ),
    *("(x(|))+$", "(x|x(?:|))*y", "(?:a{1,9}){1,9}b", "(?:a|a){40}$", "(?:a{1000}){1000}", "a?" * 40 + "a" * 40),
    *(
        "(?:a|a)" * 60,
        "(?:a*(?:a(?:a(?:a)?)?)?b)" * 9,
        "(?=(a+)+$)b",
        "(?!(a|aa)+$)b",
        "(?>(?:a|aa)+$)",
        "(?:(?:a|aa)+)+?b",
    ),
    *(
        "(?i)(ka|Ka)+$",
        "(?i)(ka|\N{KELVIN SIGN}a)+$",
        "([^a]|b)+$",
        "(\\sa|\N{NO-BREAK SPACE}a)+$",
        "(\\Wa|\N{SNOWMAN}a)+$",
    ),
    *(
        "(a+)\\1",
        "(a)?(?(1)b|c)+",
        "(?:\\da|[0-9]a)+$",
        "(?:.|\\n|x)+$",
        "(?s)(?:.|\\n)+$",
        "(?:(?:(?:){8}){8}){8}" * 99,
    ),
]

HARMLESS = [
    *("^[a-z]+\\d+$", "^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$", "^\\s*(?:[^#\\s]+\\s+)*x", "^(?:\\S+\\s+)*audit=1(?:\\s|$)"),
    *("(?i)^(unauthorized|authori[sz]ed) .* (prohibited|monitored)", "^https?://[\\w.-]+(:\\d+)?(/.*)?$", "(?:a|b)+$"),
    *(
        "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}",
        "[0-9a-f]{64}",
        ".*foo.*",
        "(?:.|\\n)+x",
    ),
    *(
        "(?:(?!x).)*x",
        "(?<=a)b+",
        "\\bword\\b",
        "",
        "^$",
        "(?a:\\w)+\\W",
        "(?:\\s|\\S)+x",
        "[[a]",
        "(?:a{3}){2}",
    ),
]


@pytest.mark.parametrize("text", NO_PATTERN, ids=lambda text: text[:20])
def test_what_is_no_pattern_says_so(text: str) -> None:
    with pytest.raises(PatternError, match="regular expression"):
        compiled(text)


@pytest.mark.parametrize("text", ENDLESS, ids=lambda text: text[:30])
def test_what_can_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match=r"can take for ever|too large|slow"):
        safe(text)


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:30])
def test_what_people_write_is_taken(text: str) -> None:
    safe(text)
    assert ALWAYS_SEARCHED <= longest(text) <= MAX_SEARCHED


def test_the_slower_a_pattern_the_less_text_it_is_asked_about() -> None:
    assert longest("foo") == longest("^a+b") == longest("^[^,]*,[^,]*,x") == MAX_SEARCHED
    assert MAX_SEARCHED > longest("a+$") >= longest("foo.*bar") > longest(".*a.*b") >= ALWAYS_SEARCHED
    with pytest.raises(PatternError, match="slow"):
        safe(".*a.*b.*c.*d")


def test_what_stands_at_the_end_costs_nothing() -> None:
    assert longest("foo.*") == longest("foo")
    assert longest("foo.*$") < longest("foo")


def test_a_longer_text_is_an_error_and_not_a_no() -> None:
    condition = {"matches": "a+$"}
    limit = longest("a+$")

    assert judged(condition, "b" * (limit - 1) + "a") == "pass"
    assert judged(condition, "b" * limit) == "fail"
    assert judged(condition, "b" * (limit + 1)) == "error"
    assert judged({"not": condition}, "b" * (limit + 1)) == "error"


@pytest.mark.parametrize("text", ["(", "a{99999999999}", "(a|aa)+$", "(" * 3000])
def test_a_rule_with_such_a_pattern_is_none(text: str) -> None:
    with pytest.raises(FormError) as caught:
        check_condition({"matches": text}, ("check",))

    assert caught.value.path == ("check", "matches")


def test_a_harmless_pattern_finds_what_re_finds() -> None:
    for text in HARMLESS:
        assert compiled(text).pattern == re.compile(text).pattern if text != "[[a]" else compiled(text).search("[")
