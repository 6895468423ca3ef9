"""Account, PAM, sudo and shell parsers: any input gives a result or ParseError, and mutations never crash them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import key_value, login_defs, pam, passwd, shell_profile, sudoers
from scanner.parsers.pam_flow import Step, always_after, always_before

PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "passwd": (passwd.parse_passwd, "root:x:0:0:root:/root:/bin/bash\n+::::::\nalice::1000:1::/home/a:\n"),
    "group": (passwd.parse_group, "root:x:0:\nwheel:x:10:alice,bob\n"),
    "shadow": (passwd.parse_shadow, "root:$6$salt$hash:19000:0:99999:7:::\nbin:*:1:::::5:\n"),
    "gshadow": (passwd.parse_gshadow, "wheel:!:root:alice,bob\n"),
    "login.defs": (login_defs.parse_login_defs, 'PASS_MAX_DAYS\t365\nMAIL_DIR "/var/mail" # x\n'),
    "useradd": (login_defs.parse_useradd, "INACTIVE=35\nSHELL=/bin/sh\n"),
    "key_value": (key_value.parse, "minlen = 14 # x\nenforce_for_root\n"),
    "pam": (pam.parse, "auth [success=2 default=ignore] pam_unix.so [a\\]b] \\\n c # d\n@include x\n"),
    "sudoers": (
        sudoers.parse,
        'Defaults:a env_keep += "A B", !b\nUser_Alias A = b, !%c : D = e\n@include "x"\n'
        "A ALL = (x:y) NOPASSWD: TYPE=t sha256:ab== /bin/ls a\\,b, !ALL : h = ALL # c\n",
    ),
    "shell": (
        lambda text: shell_profile.parse(text, ("TMOUT",)),
        'if [ a ]; then umask 022; fi\nf() { TMOUT=$(x "y" `z`); }\ncat <<-\'E\'\nx\nE\ndeclare -xr TMOUT="9${a:-b}"\n',
    ),
}
ALPHABET = st.text(
    st.one_of(st.sampled_from("\\\"'`$(){}[]<>#:=,!;&|\n\t\r\0 auth+-"), st.characters(codec="utf-8")), max_size=400
)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200, deadline=None)
@given(text=ALPHABET)
def test_any_text(name: str, text: str) -> None:
    parse, _ = PARSERS[name]
    try:
        result = parse(text)
    except ParseError:
        return
    assert result is not None


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_mutated_valid_input(name: str, data: st.DataObject) -> None:
    parse, valid = PARSERS[name]
    start = data.draw(st.integers(0, len(valid)))
    end = data.draw(st.integers(start, len(valid)))
    text = valid[:start] + data.draw(ALPHABET) + valid[end:]
    try:
        result = parse(text)
    except ParseError:
        return
    assert result is not None


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=400))
def test_any_bytes_as_they_are_read(name: str, raw: bytes) -> None:
    parse, _ = PARSERS[name]
    try:
        result = parse(raw.decode("utf-8", "surrogateescape"))
    except ParseError:
        return
    assert result is not None


@settings(max_examples=200, deadline=None)
@given(field=st.text(max_size=200))
def test_no_password_field_leaks(field: str) -> None:
    state, method = passwd.password_state(field)
    assert state in ("empty", "locked", "no_login", "set")
    assert (state == "empty") is (field == "")
    assert method is None or len(method) < 20


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["unix", "guard", "other"]),
        st.just(()),
        st.dictionaries(
            st.sampled_from(["success", "default", "auth_err", "ignore"]),
            st.sampled_from(["ok", "bad", "die", "done", "ignore", "reset", "1", "2", "9"]),
            min_size=1,
        ),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_ways_through_any_stack(steps: list[Step]) -> None:
    def unix(step: Step) -> bool:
        return step.module == "unix"

    def guard(step: Step) -> bool:
        return step.module == "guard"

    there = any(unix(step) for step in steps if not step.head)
    before = always_before(steps, guard, unix)
    loose = always_before(steps, guard, unix, denying=False)
    after = always_after(steps, unix, guard)
    assert there or not (before or loose or after)
    # A guard whose refusal counts is a guard.
    assert loose or not before


@settings(max_examples=200, deadline=None)
@given(mask=st.integers(0, 0o777))
def test_octal_masks(mask: int) -> None:
    assert shell_profile.umask_bits(f"{mask:03o}") == mask
    left = shell_profile.permits(mask)
    assert left is not None and int(left, 8) & mask == 0 and int(left, 8) | mask == 0o777


@pytest.mark.parametrize("name", PARSERS)
def test_long_input_takes_linear_time(name: str) -> None:
    """Doubling the input far from doubles the work only if something is quadratic: then this takes minutes."""
    parse, valid = PARSERS[name]
    for text in (valid * 2000, "\\" * 200_000, '"' * 200_000, "$(" * 100_000, "(" * 900, "[" * 200_000, "a," * 100_000):
        try:
            result = parse(text)
        except ParseError:
            continue
        assert result is not None
