"""Parsers of network, sshd and crypto policy files: whatever they are given, only ParseError comes out, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import crypto_policies, firewalld_xml, iptables_save, nft_rules, nm_keyfile, sshd_config
from scanner.parsers.sshd_effective import Setting, conjunction, effective


def sshd(text: str) -> object:
    match = None
    rows = []
    for item in sshd_config.parse(text):
        match = conjunction(None, item.arguments) if item.keyword == "match" else match
        rows.append(Setting(item, "/etc/ssh/sshd_config", match))
    return effective(rows)


PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "sshd": (sshd, 'Port 22\nCiphers -aes*\nMaxStartups 1:30:60\nMatch User a\nBanner "x"\nRekeyLimit 1G 1h\n'),
    "zone": (
        lambda text: firewalld_xml.opening(text, "zone"),
        '<zone target="DROP"><rule family="ipv4"><source address="::1" invert="yes"/><port port="1" '
        'protocol="tcp"/><accept/></rule><forward-port port="1" protocol="tcp"/></zone>',
    ),
    "policy": (
        lambda text: firewalld_xml.opening(text, "policy"),
        '<policy priority="-1"><ingress-zone name="ANY"/></policy>',
    ),
    "service": (firewalld_xml.service, '<service><port port="1" protocol="tcp"/><include service="x"/></service>'),
    "direct": (lambda text: list(firewalld_xml.direct(text)), '<direct><rule ipv="ipv4">-j x</rule></direct>'),
    "conf": (firewalld_xml.conf, "DefaultZone=drop\n#x\nLockdown = yes\n"),
    "nft": (
        lambda text: nft_rules.apply(("x", command) for command in nft_rules.parse(text)),
        "flush ruleset\ntable inet f { chain i { type filter hook input priority 0; policy drop; tcp dport { 1 } accept "
        'comment "x" } }\nadd rule ip f c a\n',
    ),
    "nft json": (
        nft_rules.ruleset,
        '{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "prio": 0}}, '
        '{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"accept": null}]}}]}',
    ),
    "iptables": (iptables_save.parse, "*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"),
    "keyfile": (lambda text: nm_keyfile.items(text, operators=True), "[a]\nb=c\\sd\ne+=f;g\n"),
    "policy name": (crypto_policies.policy, "DEFAULT:NO-SHA1 # x\n"),
    "module": (crypto_policies.module, "mac = -*-128*\ncipher@SSH = -x \\\n -y\n"),
    "back-end": (crypto_policies.ssh_directives, "Ciphers a,b\nCRYPTO_POLICY='-oMACs=c'\n"),
}
NAMES = sorted(PARSERS)


def taken_or_refused(name: str, text: str) -> None:
    started = time.process_time()
    try:
        PARSERS[name][0](text)
    except ParseError as error:
        assert str(error)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400))
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    taken_or_refused(name, data.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), st.text(max_size=6)), max_size=5))
def test_mutated_valid_input(name: str, edits: list[tuple[int, int, str]]) -> None:
    text = PARSERS[name][1]
    for place, length, new in edits:
        at = place % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    taken_or_refused(name, text)


@pytest.mark.parametrize("name", NAMES)
def test_the_valid_input_is_taken(name: str) -> None:
    assert PARSERS[name][0](PARSERS[name][1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "unit", ["a", "{", "<a>", "[", '"', "\\", "a b\n", "-", "=", ";", "*a", "1h", "/*", "Port 1\n"]
)
def test_long_input_takes_linear_time(name: str, unit: str) -> None:
    taken_or_refused(name, unit * (60_000 // len(unit)))
    taken_or_refused(name, PARSERS[name][1] + unit * (60_000 // len(unit)))
