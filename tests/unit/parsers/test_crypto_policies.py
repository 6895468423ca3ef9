"""Names of policies, modules, and the algorithm lists of the OpenSSH back-ends."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.crypto_policies import module, policy, ssh_directives


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DEFAULT\n", ("DEFAULT", ())),
        ("# comment\n\nfips:no-sha1 : X # more\n", ("FIPS", ("NO-SHA1", "X"))),
    ],
)
def test_the_name_of_a_policy(text: str, expected: tuple[str, tuple[str, ...]]) -> None:
    found = policy(text)
    assert found is not None
    assert (found.name, found.modules) == expected
    assert found.text == ":".join((expected[0], *expected[1]))


@pytest.mark.parametrize("text", ["", "# DEFAULT\n"])
def test_a_file_that_names_no_policy(text: str) -> None:
    assert policy(text) is None


@pytest.mark.parametrize("text", ["DEFAULT\nLEGACY\n", "DEFAULT LEGACY\n", "DEFAULT:\n", "../x\n"])
def test_what_is_no_name_of_a_policy(text: str) -> None:
    with pytest.raises(ParseError):
        policy(text)


def test_the_settings_of_a_module() -> None:
    found = module(
        "# x\nmac = -*-128* # y\ncipher@SSH = -*-CBC \\\n  -3DES*\nhash@{a, b} =+ SHA1\nmin_rsa_size = 3072\n"
    )
    assert [(item.key, item.scope, item.operator, item.words, item.line) for item in found] == [
        ("mac", None, "=", ("-*-128*",), 2),
        ("cipher", "SSH", "=", ("-*-CBC", "-3DES*"), 3),
        ("hash", "{A, B}", "=+", ("SHA1",), 5),
        ("min_rsa_size", None, "=", ("3072",), 6),
    ]


def test_a_module_that_is_none() -> None:
    with pytest.raises(ParseError):
        module("this is no setting\n")


def test_the_lists_of_a_back_end() -> None:
    found = ssh_directives("Ciphers a,b\nMACs c\nCiphers d\nRequiredRSASize 2048\n")
    assert [(item.keyword, item.values) for item in found] == [
        ("ciphers", ("a", "b")),
        ("macs", ("c",)),
        ("requiredrsasize", ("2048",)),
    ]


def test_the_older_form_of_the_server() -> None:
    found = ssh_directives("CRYPTO_POLICY='-oCiphers=a,b -oMACs=c'\n")
    assert [(item.keyword, item.values) for item in found] == [("ciphers", ("a", "b")), ("macs", ("c",))]
