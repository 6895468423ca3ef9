"""Formats of services: chrony, ini files, Postfix, exports, tmpfiles.d, private key heads, PATH, GRUB's users."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import (
    chrony_conf,
    grub_users,
    ini_lines,
    nfs_exports,
    postfix_conf,
    search_path,
    ssh_private_key,
    tmpfiles_conf,
)

# ---- chrony


def test_chrony_comments_stand_at_the_start_only() -> None:
    found = chrony_conf.parse("! a\n; b\n# c\n% d\n  Server x MaxPoll 9 # e\r\n\nport 0\n")
    assert [(item.name, item.words, item.line) for item in found] == [
        ("server", ("x", "MaxPoll", "9", "#", "e"), 5),
        ("port", ("0",), 7),
    ]


def test_chrony_options() -> None:
    assert chrony_conf.options(("iburst", "MAXPOLL", "16", "key", "5", "nts")) == {
        "iburst": None,
        "maxpoll": "16",
        "key": "5",
        "nts": None,
    }
    assert chrony_conf.options(("maxpoll",)) == {"maxpoll": None}


def test_chrony_refuses() -> None:
    for text in ("a\0b", "x" * 3000):
        with pytest.raises(ParseError):
            chrony_conf.parse(text)


# ---- ini


def test_ini_continuation_is_a_choice() -> None:
    text = "[a]\nk = 1,\n   2\n; no\n[b]\nk=x;y\r\n"
    assert [(item.section, item.key, item.value) for item in ini_lines.parse(text, continued=True)] == [
        ("a", "", ""),
        ("a", "k", "1, 2"),
        ("b", "", ""),
        ("b", "k", "x;y"),
    ]
    with pytest.raises(ParseError):
        ini_lines.parse(text)


@pytest.mark.parametrize("text", ["k=1\n", "[a\nk=1\n", "[a]\nk\n", "[]\n", "[a]\n=1\n", "[a]\nk=\0\n"])
def test_ini_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        ini_lines.parse(text, continued=True)


# ---- Postfix


def test_main_cf_lines() -> None:
    text = "# c\ninet_interfaces = all\nx = a,\n# between\n   b\n\n   c\ninet_interfaces=loopback-only\n"
    found = postfix_conf.main_cf(text)
    assert (found["inet_interfaces"].value, found["inet_interfaces"].line) == ("loopback-only", 8)
    assert found["x"].value == "a, b c"


def test_main_cf_references() -> None:
    values = {"a": "$b", "b": "${c}", "c": "x", "loop": "$loop", "d": "$$1"}
    assert postfix_conf.expand("$a $(b)", values) == "x x"
    assert postfix_conf.expand("$$5", values) == "$5"
    for text in ("$loop", "$unknown", "${a?b}", "${a:b}", "${{x} == {y} ? {a} : {b}}"):
        assert postfix_conf.expand(text, values) is None


def test_references_cannot_explode() -> None:
    values = {f"v{number}": f"$v{number + 1}" * 10 for number in range(15)} | {"v15": "x" * 100}
    assert postfix_conf.expand("$v0", values) is None


def test_master_cf() -> None:
    text = "smtp inet n - n - - smtpd\n  -o smtpd_client_restrictions=permit\n  -o { a = b }\n#x\npickup unix n - n 60 1 pickup\n"
    found = postfix_conf.master_cf(text)
    assert [(item.name, item.type, item.command, item.line) for item in found] == [
        ("smtp", "inet", "smtpd", 1),
        ("pickup", "unix", "pickup", 5),
    ]
    assert dict(found[0].overrides) == {"smtpd_client_restrictions": "permit", "a": "b"}


def test_aliases() -> None:
    found = postfix_conf.aliases('# c\nRoot: a@b.c,\n  "|prog, x"\n"odd name": bob\n')
    assert [(item.name, item.targets, item.line) for item in found] == [
        ("root", ("a@b.c", "|prog, x"), 2),
        ("odd name", ("bob",), 4),
    ]


@pytest.mark.parametrize("read", [postfix_conf.main_cf, postfix_conf.master_cf, postfix_conf.aliases])
def test_postfix_files_that_are_none(read: object) -> None:
    for text in ("word\n", " first line continues\n", "a\0b\n"):
        with pytest.raises(ParseError):
            read(text)  # type: ignore[operator]  # each takes the text


# ---- exports


def test_exports() -> None:
    text = (
        '/a host(rw,sec=krb5p) other\n"/with space" -sec=krb5 *(ro) # end\n'
        "/b host \\\n (rw)\n# /c *(rw)\n/d\n/e h(sec=krb5,rw,sec=sys,ro)\n"
    )
    assert [(item.path, item.client, item.security, item.line) for item in nfs_exports.parse(text)] == [
        ("/a", "host", ("krb5p",), 1),
        ("/a", "other", ("sys",), 1),
        ("/with space", "*", ("krb5",), 2),
        ("/b", "host", ("sys",), 3),
        ("/b", "*", ("sys",), 3),
        ("/d", "*", ("sys",), 6),
        ("/e", "h", ("krb5", "sys"), 7),
    ]


@pytest.mark.parametrize("text", ['/a "open', "/a h(rw", "/a\0"])
def test_exports_refused(text: str) -> None:
    with pytest.raises(ParseError):
        nfs_exports.parse(text)


# ---- tmpfiles.d


def test_tmpfiles() -> None:
    (first, second) = tmpfiles_conf.parse('# c\nC /a 600 root - - /src\nf+! "/b c" - - - - some text here\n')
    assert (first.type, first.path, first.mode, first.user, first.group, first.argument) == (
        "C",
        "/a",
        "600",
        "root",
        None,
        "/src",
    )
    assert (second.type, second.modifiers, second.path, second.argument) == ("f", "+!", "/b c", "some text here")
    for text in ("C\n", "'open\n", "a\0\n"):
        with pytest.raises(ParseError):
            tmpfiles_conf.parse(text)


# ---- private keys


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
@pytest.mark.parametrize("passphrase", ["", "secret phrase"])
def test_keys_of_ssh_keygen(tmp_path: Path, form: str, passphrase: str) -> None:
    program = shutil.which("ssh-keygen")
    if program is None:
        pytest.skip("ssh-keygen is not installed: make test installs it (Debian package openssh-client)")
    path = tmp_path / "key"
    command = [program, "-q", "-t", "rsa", "-b", "2048", "-N", passphrase, "-f", str(path)]
    subprocess.run(command if form == "RFC4716" else [*command, "-m", form], check=True)
    key = ssh_private_key.parse(path.read_bytes()[: ssh_private_key.HEAD_BYTES])
    assert key is not None
    assert key.encrypted is bool(passphrase)
    assert key.format == {"RFC4716": "openssh", "PEM": "pem", "PKCS8": "pkcs8"}[form]
    assert ssh_private_key.parse((tmp_path / "key.pub").read_bytes()) is None


def test_key_heads() -> None:
    assert ssh_private_key.parse(b"ssh-ed25519 AAAA x\n") is None
    assert ssh_private_key.parse(b"") is None
    crlf = ssh_private_key.parse(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\r\nAAAA\r\n")
    assert crlf is not None and crlf.encrypted
    for body in (b"AAAA", b"!!!!", b"b3BlbnNzaC1rZXktdjEA"):
        with pytest.raises(ParseError):
            ssh_private_key.parse(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"\n")


# ---- search path


def test_path_elements() -> None:
    text = (
        'pathmunge () {\n  case ":${PATH}:" in *:"$1":*) ;; *) PATH=$PATH:$1 ;; esac\n}\n'
        'if [ "$EUID" = 0 ]; then pathmunge /usr/sbin; fi\n'
        'export PATH="$HOME/bin:${PATH}:~/x:/opt/y"\nPATH+=:/z\nPATH=$OTHER/bin:\n(PATH=/never)\nsetenv PATH /csh\nNOPATH=/n\n'
    )
    assert [(item.text, item.kind, item.line) for item in search_path.elements(text)] == [
        ("/usr/sbin", "absolute", 4),
        ("$HOME/bin", "home", 5),
        ("~/x", "home", 5),
        ("/opt/y", "absolute", 5),
        ("/z", "absolute", 6),
        ("$OTHER/bin", "undecided", 7),
        ("", "relative", 7),
        ("/csh", "absolute", 9),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (".", "relative"),
        ("bin", "relative"),
        ("", "relative"),
        ("~", "home"),
        ("~bob/bin", "undecided"),
        ("/a/$b", "undecided"),
        ("$HOMEX/bin", "undecided"),
        ("$PATH", "inherited"),
    ],
)
def test_kinds_of_elements(text: str, kind: str) -> None:
    assert search_path.classify(text) == kind


def test_mentions() -> None:
    found = search_path.mentions("# /no\n. ~/lib/a.sh\nsource ${HOME}/b; /usr/bin/c -x /usr/bin/c\nX=$Y/d\n")
    assert [(item.path, item.line) for item in found if item.path != "/d"] == [
        ("~/lib/a.sh", 2),
        ("~/b", 3),
        ("/usr/bin/c", 3),
    ]


# ---- GRUB's users

HASH = "grub.pbkdf2.sha512.10000." + "AB" * 32 + "." + "CD" * 32


def test_grub_users() -> None:
    text = (
        'if [ -n "${GRUB2_PASSWORD}" ]; then\n  set superusers="root"\n  export superusers\n'
        "  password_pbkdf2 root ${GRUB2_PASSWORD}\nfi\n# set superusers=x\n"
    )
    found = grub_users.parse(text)
    assert (found.superusers, found.exported) == ((("root", 2),), True)
    assert [(item.user, item.kind, item.line) for item in found.passwords] == [("root", "variable", 4)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if [ -f x ]; then\n  set superusers=a\nfi\nset superusers=b\n", ["b"]),
        ("set superusers=a\nsuperusers=b\n", ["b"]),
        ("set superusers=a\nif [ -f x ]; then\n  set superusers=b\nfi\n", ["a", "b"]),
        ("set superusers=a\nif [ -f x ]; then set superusers=b; fi\n", ["a", "b"]),
        ("set superusers=a\nmenuentry 'x' {\n  set superusers=b\n}\n", ["a", "b"]),
        ("set superusers=a\nif [ -f x ]; then\n  echo 'a; fi'\n  set superusers=b\nfi\n", ["a", "b"]),
        ("set superusers=a\nfi\nset superusers=b\n", ["a", "b"]),
        ("set superusers=a\nif [ -f x ]; then\n  return\nfi\nset superusers=b\n", ["a", "b"]),
    ],
)
def test_a_list_outside_of_every_block_replaces_those_before_it(text: str, expected: list[str]) -> None:
    """Whether a block is run is not known; nor is what stands behind a way out of the file."""
    assert [name for name, _ in grub_users.parse(text).superusers] == expected


def test_grub_passwords() -> None:
    text = f"superusers='a,b'; password_pbkdf2 a {HASH}\npassword b text\npassword_pbkdf2 c nohash\n"
    found = grub_users.parse(text)
    assert found.superusers == (("a,b", 1),) and not found.exported
    assert [item.kind for item in found.passwords] == ["pbkdf2", "plain", "broken"]
    assert HASH not in repr(found)


def test_user_cfg() -> None:
    assert grub_users.has_hash(f"GRUB2_PASSWORD={HASH}\n")
    assert not grub_users.has_hash(f"#GRUB2_PASSWORD={HASH}\n")
    assert not grub_users.has_hash(f"GRUB2_PASSWORD={HASH}\nGRUB2_PASSWORD=\n")
    assert not grub_users.has_hash("GRUB2_PASSWORD=text\n")
    with pytest.raises(ParseError):
        grub_users.parse("\0")
