"""Whatever the bytes: files of rsyslog, dconf, chrony, SSSD, Postfix, NFS, tmpfiles.d, GRUB and rpm give an answer or a
ParseError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.collectors.rsyslog_actions import Placed, actions
from scanner.model.errors import ParseError
from scanner.parsers import (
    chrony_conf,
    dconf_files,
    grub_users,
    gvariant,
    gvdb,
    ini_lines,
    nfs_exports,
    postfix_conf,
    rpm_files,
    rsyslog_conf,
    rsyslog_selector,
    search_path,
    ssh_private_key,
    tmpfiles_conf,
)
from tests import rpm_support

RSYSLOG = (
    'global(a="b")\n$FileCreateMode 0640\n*.info;mail.none /x\nauthpriv.* { action(type="omfile" file="/s") stop }\n'
    ':msg, contains, "x" ~\n& @@h:1\nif $m == "then" then {\n/f\n} else stop\nruleset(name="rr") { stop }\ncall rr\n'
    'template(name="t" type="list") { constant(value="}") }\n*.* @@(z9)[::1]:514;T\n/* c */\nset $.a = "b;";\n'
)
MASTER = "smtp inet n - n - - smtpd\n  -o a=b\n127.0.0.1:25 inet n - n - - smtpd\n"
PATHS = 'pathmunge /a after\nexport PATH="$HOME/b:${PATH}:"\nPATH+=:/c\n. ~/x; /usr/bin/y\n'
GRUB = 'set superusers="a"\nexport superusers\npassword_pbkdf2 a ${GRUB2_PASSWORD}\nGRUB2_PASSWORD=x\n'


def _rsyslog(text: str) -> None:
    actions([Placed("/x", statement) for statement in rsyslog_conf.parse(text)])


def _chrony(text: str) -> None:
    for directive in chrony_conf.parse(text):
        chrony_conf.options(directive.words)


def _paths(text: str) -> None:
    search_path.elements(text)
    search_path.mentions(text)


def _grub(text: str) -> None:
    grub_users.parse(text)
    grub_users.has_hash(text)


def _main(text: str) -> None:
    values = {name: setting.value for name, setting in postfix_conf.main_cf(text).items()}
    for value in values.values():
        postfix_conf.expand(value, values)


TEXTS: list[tuple[str, Callable[[str], object]]] = [
    (RSYSLOG, _rsyslog),
    ("*.info;auth,authpriv.!=err;cron.none", rsyslog_selector.decode),
    ("[a/b]\nk=uint32 5\nl=[('a', <@as []>)]\n", dconf_files.keyfile),
    ("user-db:user\nsystem-db:local # c\n", dconf_files.profile),
    ("/a/b\n#c\n", dconf_files.locks),
    ("{'a': <(1, @ms nothing, [true])>}", gvariant.from_text),
    ("server a maxpoll 5 iburst\n! c\nport 0\n", _chrony),
    ("[a]\nk = v,\n  w\n;c\n", lambda text: ini_lines.parse(text, continued=True)),
    ("a = $b, ${c}\n  d\nb = $a\nc = $$\n", _main),
    (MASTER, postfix_conf.master_cf),
    ('root: a, "|b, c"\n d\n', postfix_conf.aliases),
    ('/a -ro h(sec=krb5) "*"(rw) \\\n x # c\n', nfs_exports.parse),
    ('C+ /a 600 root - 1d "b c"\n', tmpfiles_conf.parse),
    (PATHS, _paths),
    (GRUB, _grub),
]


@pytest.mark.parametrize(("valid", "parser"), TEXTS)
def test_only_parse_errors(valid: str, parser: Callable[[str], object]) -> None:
    parser(valid)

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(st.text(), _mutated(valid)))
    def check(text: str) -> None:
        try:
            parser(text)
        except ParseError as error:
            assert str(error)

    check()


@st.composite
def _mutated(draw: st.DrawFn, valid: str) -> str:
    """The valid text with a piece taken out and another one put in."""
    start = draw(st.integers(0, len(valid)))
    end = draw(st.integers(start, min(len(valid), start + 12)))
    piece = draw(
        st.one_of(st.text(max_size=8), st.sampled_from(['"', "{", "}", "(", ")", "\\", "\n", "#", "$", "=", "'", ";"]))
    )
    return valid[:start] + piece + valid[end:]


DATABASE = bytes.fromhex("4756617269616e740000000000000000") + bytes.fromhex(
    "1800000050000000000000000000000000000000ffffffff5000000002007600580000005a00000000000000ffffffff"
    "5a0000000600480060000000880000002f610000000000000162000000000000"
)
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\n-----END OPENSSH PRIVATE KEY-----\n"
FILES = {
    **{1000: "a", 1001: "1", 1002: "1"},
    **{
        1117: ["f"],
        1118: ["/d/"],
        1116: 0,
        1030: 0o644,
        1037: 0,
        1035: ["0" * 64],
        1039: ["root"],
        1040: ["root"],
        5011: 8,
    },
}


def _rpm(data: bytes) -> None:
    for header in rpm_files.headers(data):
        list(rpm_files.files(header))


BYTES: list[tuple[bytes, Callable[[bytes], object]]] = [
    (DATABASE, gvdb.parse),
    (b"\5\0\0\0ab\0\3a(is)", gvariant.from_bytes),
    (KEY, ssh_private_key.parse),
    (rpm_support.ndb([rpm_support.header(FILES)]), _rpm),
]


@pytest.mark.parametrize(("valid", "parser"), BYTES)
def test_only_parse_errors_for_bytes(valid: bytes, parser: Callable[[bytes], object]) -> None:
    @settings(max_examples=200, deadline=None)
    @given(st.binary(), st.integers(0, len(valid)), st.binary(max_size=6))
    def check(noise: bytes, place: int, piece: bytes) -> None:
        for data in (noise, valid[:place] + piece + valid[place + len(piece) :], valid[:place]):
            try:
                parser(data)
            except ParseError as error:
                assert str(error)

    check()


@pytest.mark.parametrize(
    "text",
    [
        "if " + "'\\" * 200_000,
        "if " + "/*" * 200_000,
        "& " * 200_000,
        "a.b;" * 100_000 + " /x\n",
        'action(type="' + "\\" * 300_001,
        "((((" * 100_000,
        "set " + '"' * 200_001,
    ],
)
def test_hostile_rsyslog_texts_are_read_in_linear_time(text: str) -> None:
    try:
        assert isinstance(rsyslog_conf.parse(text), list)
    except ParseError as error:
        assert str(error)


def test_a_long_value_is_read_in_linear_time(tmp_path: Path) -> None:
    assert gvariant.from_text("[" + "1," * 200_000 + "1]")[1][-1] == 1
    assert len(nfs_exports.parse("/a " + "h " * 100_000)) == 100_000
