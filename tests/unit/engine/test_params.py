"""Values of parameters: by our names and by public ones."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.engine import content
from scanner.engine.form import FormError
from scanner.engine.params import built_in, parse_value, resolve
from scanner.engine.rule_form import check_rule
from scanner.model.errors import UsageError
from scanner.model.rule import Param, Rule

LIST = Param("allowed", "list", ["a"], "x", ("var_x",))
NUMBER = Param("bytes", "number", 1, "x", ("var_y",))


def rule(name: str) -> Rule:
    """One of the rules that ship."""
    return content.load().rules[name]


@pytest.mark.parametrize(
    ("param", "text", "ours", "public"),
    [
        (LIST, "a,b", ["a", "b"], ["a", "b"]),
        (LIST, "a|b|c", ["a|b|c"], ["a", "b", "c"]),
        (LIST, "a, b", ["a", "b"], ["a", "b"]),
        (NUMBER, "12", 12, 12),
        (NUMBER, "900M", None, 900 * 1024**2),
        (NUMBER, "3h", None, 10800),
        (NUMBER, "5m", None, 300),
        (NUMBER, "5x", None, None),
        (NUMBER, "-1M", None, None),
    ],
)
def test_forms_of_public_variables(param: Param, text: str, ours: Any, public: Any) -> None:
    """Lists with bars and numbers with units belong to public variables alone; None: refused."""
    for wanted, flag in ((ours, False), (public, True)):
        if wanted is None:
            with pytest.raises(UsageError):
                parse_value(param, text, public=flag)
        else:
            assert parse_value(param, text, public=flag) == wanted


def test_an_alias_is_read_as_a_public_variable() -> None:
    """The same text under our own name is not."""
    limited = rule("sshd-rekeying-limited")
    assert resolve(limited, [("x", {"var_rekey_limit_size": "1G"})])[0]["bytes"] == 1024**3
    with pytest.raises(UsageError):
        resolve(limited, [("x", {"bytes": "1G"})])


def test_what_a_public_rule_has_built_in() -> None:
    """Two public rules are one of ours with two values; what is given on the command line is stronger."""
    banner = rule("sshd-banner-shown")
    fixed = built_in(banner, "sshd_enable_warning_banner")
    assert fixed == {"banner": "/etc/issue", "contradictions": 0}
    assert built_in(banner, "sshd_enable_warning_banner_net") == {"contradictions": 0}
    assert resolve(banner, [("x", {}), ("public rule", fixed)])[0]["banner"] == "/etc/issue"
    assert resolve(banner, [("x", {"banner": "/y"}), ("public rule", fixed)])[0]["banner"] == "/y"


@pytest.mark.parametrize("public", [{"sshd_nobody": "/x"}, {"sshd_enable_warning_banner": 3}, "sshd_x", ["a"]])
def test_built_in_values_have_the_right_form(public: Any) -> None:
    """They are for rules that stand under `upstream`, and of the parameter's type."""
    document = content.load().rules.document("sshd-banner-shown")
    parameter = {**document["params"]["banner"], "public": public}
    check_rule(document, "sshd-banner-shown")
    with pytest.raises(FormError, match="public"):
        check_rule({**document, "params": {"banner": parameter}}, "sshd-banner-shown")


@pytest.mark.parametrize("value", ["${names}", "(a|aa|a)+$", "a{99999999999}", "(" * 3000])
def test_a_value_that_the_check_cannot_bear_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="banner-issue-neutral"):
        resolve(rule("banner-issue-neutral"), [("a profile", {"names": value})])
