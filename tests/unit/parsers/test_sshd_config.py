"""The grammar of sshd_config, what its values mean, and sshd itself as the oracle of both."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.sshd_config import Line, parse, split_arguments
from scanner.parsers.sshd_effective import Setting, conjunction, effective
from scanner.parsers.sshd_values import DEFAULTS, GLOBAL_ONLY, normal, parts, refused


def held(text: str) -> dict[tuple[str, str | None], tuple[str, ...]]:
    """What a single file without includes makes hold."""
    settings: list[Setting] = []
    match: str | None = None
    for item in parse(text):
        if item.keyword == "match":
            match = conjunction(None, item.arguments)
        else:
            settings.append(Setting(item, "/etc/ssh/sshd_config", match))
    return {(item.keyword, item.match): item.values for item in effective(settings)}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("PermitRootLogin no", "no"),
        ("permitrootlogin\tno", "no"),
        ("PermitRootLogin=no", "no"),
        ("PermitRootLogin = no", "no"),
        ('PermitRootLogin="no"', "no"),
        ('"PermitRootLogin" no', "no"),
        ("PermitRootLogin 'no'", "no"),
        ("  PermitRootLogin no # yes", "no"),
        ("PermitRootLogin no\r", "no"),
        ("PermitRootLogin no\f", "no"),
        ("= PermitRootLogin yes", "yes"),
        ("PermitRootLogin NO", "no"),
        ("PermitRootLogin without-password", "prohibit-password"),
        ("#PermitRootLogin yes", "prohibit-password"),
        ("PermitRootLogin no\nPermitRootLogin yes", "no"),
    ],
)
def test_ways_to_write_one_setting(line: str, value: str) -> None:
    assert held(line)["permitrootlogin", None] == (value,)


@pytest.mark.parametrize(
    "text",
    [
        "PermitRootLogin",
        "PermitRootLogin #no",
        'PermitRootLogin "no',
        'PermitRootLogin"no"',
        "PermitRootLogin no yes",
        "LoginGraceTime soon",
        "MaxAuthTries 0x3",
        "MaxStartups 10:30",
        "MaxStartups 10:30:5",
        "RekeyLimit lots",
        "Match User root\nUsePAM yes",
        "Banner a b",
        "a\0b c",
    ],
)
def test_what_sshd_refuses_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        held(text)


def test_a_form_feed_before_the_keyword_is_part_of_it() -> None:
    assert ("permitrootlogin", None) in held("\fPermitRootLogin yes")
    assert held("\fPermitRootLogin yes")["permitrootlogin", None] == ("prohibit-password",)


def test_words_are_split_as_sshd_splits_them() -> None:
    assert split_arguments(r"""a "b c" 'd "e' f\ g h\"i j#k "" #l m""", 1) == [
        "a",
        "b c",
        'd "e',
        "f g",
        'h"i',
        "j#k",
        "",
    ]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("LoginGraceTime 1h30m", ("5400",)),
        ("ClientAliveInterval 5M", ("300",)),
        ("MaxAuthTries 04", ("4",)),
        ("LogLevel verbose", ("VERBOSE",)),
        ("MaxStartups 10", ("10:30:10",)),
        ("MaxStartups 010:30:60", ("10:30:60",)),
        ("RekeyLimit 1G 1h", ("1073741824", "3600")),
        ("RekeyLimit 1.5G", ("1610612736", "0")),
        ("RekeyLimit default none", ("0", "0")),
        ("Compression delayed", ("yes",)),
        ("Banner None", ("none",)),
        ("Ciphers -aes128*,chacha*", ("aes192-ctr", "aes256-ctr", "aes256-gcm@openssh.com")),
    ],
)
def test_values_in_the_terms_of_sshd(line: str, values: tuple[str, ...]) -> None:
    assert normal(parse(line)[0]) == values


def test_algorithms_relative_to_the_default() -> None:
    added = normal(parse("MACs +hmac-md5")[0])
    first = normal(parse("MACs ^hmac-sha1")[0])
    assert added == (*DEFAULTS["macs"], "hmac-md5")
    assert first[0] == "hmac-sha1"
    assert sorted(first) == sorted(DEFAULTS["macs"])


def test_too_many_wildcards_are_an_error_and_fast() -> None:
    with pytest.raises(ParseError):
        normal(parse("Ciphers -" + "*a" * 40)[0])


def test_numbers_inside_compound_values() -> None:
    assert parts("maxstartups", ("10:30:60",)) == {
        "maxstartups.start": "10",
        "maxstartups.rate": "30",
        "maxstartups.full": "60",
    }
    assert parts("rekeylimit", ("5", "6")) == {"rekeylimit.bytes": "5", "rekeylimit.seconds": "6"}
    assert parts("banner", ("x",)) == {}


def test_a_match_block_leaves_the_global_value_alone_and_overrides_it() -> None:
    found = held("Match User a\nPermitRootLogin yes\nMatch Address ::1\nPermitRootLogin no\n")
    assert found["permitrootlogin", None] == ("prohibit-password",)
    assert found["permitrootlogin", "User a"] == ("yes",)
    assert found["permitrootlogin", "Address ::1"] == ("no",)


def test_match_all_counts_for_everybody_and_as_an_override() -> None:
    found = held("PermitRootLogin no\nMatch User a\nX11Forwarding yes\nMatch all\nPermitRootLogin yes\nUsePAM yes\n")
    assert found["permitrootlogin", None] == ("no",)
    assert found["permitrootlogin", "all"] == ("yes",)
    assert found["usepam", None] == ("yes",)


def test_keywords_that_add_up() -> None:
    found = held("AllowUsers a b\nAllowUsers c\nPort 1\nPort 2\nSubsystem a x\nSubsystem b y\n")
    assert found["allowusers", None] == ("a", "b", "c")
    assert found["port", None] == ("1", "2")
    assert found["subsystem", None] in {("a", "x"), ("b", "y")}


def test_old_names_are_the_new_ones() -> None:
    assert parse("ChallengeResponseAuthentication no") == [Line(1, "kbdinteractiveauthentication", ("no",))]


def test_criteria_of_an_include_inside_a_match() -> None:
    assert conjunction(None, ("all",)) == "all"
    assert conjunction("User a", ("all",)) == "User a"
    assert conjunction("User a", ("Address", "::1")) == "User a && Address ::1"
    assert conjunction("all", ("User", "a")) == "User a"


# ---- the oracle ------------------------------------------------------------------------------------------------------

_PRINTED_OTHERWISE = {"rhostsrsaauthentication", "useprivilegeseparation", "kexalgorithms", "gssapikeyexchange"}

CONFIGS = [
    "",
    "#PermitRootLogin yes\n",
    "PermitRootLogin yes\nPermitRootLogin no\n",
    "PermitRootLogin = 'no'\nMaxAuthTries=3\nLoginGraceTime 1h30m\n",
    "Match all\nPermitRootLogin no\nUsePAM yes\n",
    "PermitRootLogin no\nMatch all\nPermitRootLogin yes\n",
    "Match User nobody\nPermitRootLogin yes\nBanner /x\n",
    "RekeyLimit 1.5G 1h\nCompression DELAYED\nMaxStartups 7\nLogLevel verbose\n",
    "Ciphers -aes128*,chacha*\nMACs ^hmac-sha1\n",
    "MACs hmac-sha2-512,hmac-sha2-256\nCiphers +aes128-cbc\nBanner none\n",
    "ClientAliveInterval 5m\nClientAliveCountMax 0\nMaxSessions 010\nIgnoreRhosts SHOSTS-only\n",
    "X11Forwarding yes\t# no\nGatewayPorts ClientSpecified\nPermitTunnel point-to-point\nSyslogFacility AUTHPRIV\n",
    "AllowTcpForwarding local\nDisableForwarding yes\nStrictModes no\nPrintLastLog no\nPort 2222\n",
    "ChallengeResponseAuthentication no\nPasswordAuthentication no\nKerberosAuthentication no\n",
]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away host key, where sshd can run."""
    if shutil.which("sshd", path="/usr/sbin:/usr/bin") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("openssh-server is not installed: make test installs it")
    if not Path("/run/sshd").is_dir():
        pytest.skip("/run/sshd does not exist: sshd -T needs it (mkdir /run/sshd as root)")
    path = tmp_path_factory.mktemp("sshd") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def said(key: Path, tmp_path: Path, text: str) -> dict[str, str] | None:
    """What sshd makes of a file, or None when it refuses it."""
    path = tmp_path / "sshd_config"
    path.write_text(text)
    done = subprocess.run(["/usr/sbin/sshd", "-T", "-f", path, "-h", key], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@pytest.mark.parametrize("text", CONFIGS)
def test_the_same_as_sshd(key: Path, tmp_path: Path, text: str) -> None:
    expected = said(key, tmp_path, text)
    assert expected is not None
    found = held(text)
    differing = {}
    for keyword in sorted(DEFAULTS.keys() - _PRINTED_OTHERWISE):
        ours = found.get((keyword, "all"), found[keyword, None])
        joined = ("," if keyword in ("ciphers", "macs") else " ").join(ours)
        theirs = expected[keyword].replace("without-password", "prohibit-password")
        if joined != theirs:
            differing[keyword] = (joined, theirs)
    assert differing == {}


def test_sshd_refuses_the_same_keywords_in_a_match_block(key: Path, tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    allowed = set()
    for keyword in GLOBAL_ONLY:
        path.write_text(f"Match User nobody\n{keyword} yes\n")
        done = subprocess.run(
            ["/usr/sbin/sshd", "-t", "-f", path, "-h", key], capture_output=True, text=True, check=False
        )
        if "not allowed within a Match block" not in done.stderr:
            allowed.add(keyword)
    assert allowed == set()


def test_what_we_accept_in_a_match_block_sshd_accepts(key: Path, tmp_path: Path) -> None:
    for line in (
        "PermitRootLogin no",
        "X11Forwarding no",
        "MaxSessions 4",
        "RekeyLimit 1G",
        "Banner /x",
        "LogLevel INFO",
    ):
        assert said(key, tmp_path, f"Match User nobody\n{line}\n") is not None


@pytest.mark.parametrize("text", ["PermitRootLogin no yes\n", "Banner a b\n", 'UsePAM "no\n', "MaxStartups 10:30:5\n"])
def test_sshd_refuses_what_we_refuse(key: Path, tmp_path: Path, text: str) -> None:
    assert said(key, tmp_path, text) is None


def test_a_word_that_sshd_refuses_stands_beside_the_value_in_force() -> None:
    """The first line would count, but sshd does not start with the second one."""
    lines = parse("StrictModes yes\nStrictModes perhaps\nStrictModes no\nMaxSessions 3\nMaxSessions 9\n")
    found = effective(Setting(line, "/etc/ssh/sshd_config", None) for line in lines)
    told = [(item.values, item.line) for item in found if item.keyword == "strictmodes"]
    assert told == [(("yes",), 1), (("perhaps",), 2)]
    assert [item.values for item in found if item.keyword == "maxsessions"] == [("3",)]


_WORDS = ("yes", "no", "local", "without-password", "shosts-only", "clientspecified", "ethernet", "VERBOSE", "perhaps")


def test_the_same_words_are_refused_by_sshd(key: Path, tmp_path: Path) -> None:
    """Also where an earlier line of the keyword has decided already."""
    path = tmp_path / "sshd_config"
    differing = {}
    for keyword, first in (
        ("AllowTcpForwarding", "no"),
        ("GatewayPorts", "no"),
        ("IgnoreRhosts", "yes"),
        ("LogLevel", "INFO"),
        ("PermitRootLogin", "no"),
        ("PermitTunnel", "no"),
        ("PermitUserEnvironment", "no"),
        ("StrictModes", "yes"),
    ):
        for word in _WORDS:
            text = f"{keyword} {first}\n{keyword} {word}\n"
            path.write_text(text)
            done = subprocess.run(["/usr/sbin/sshd", "-t", "-f", path, "-h", key], capture_output=True, check=False)
            item = parse(text)[1]
            if refused(item.keyword, normal(item)) != (done.returncode != 0):
                differing[keyword, word] = done.stderr
    assert differing == {}
