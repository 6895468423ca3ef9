"""The command line splits as in lib/cmdline.c, and each parameter follows its own law."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.kernel_cmdline import MAX_LENGTH, parse
from scanner.parsers.kernel_effective import EFFECTIVE_KEYS, effective, kernel_bool


def value(line: str, key: str) -> object:
    return effective(parse(line).parameters)[key]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("quiet ro", [("quiet", None), ("ro", None)]),
        ("a-b=c-d", [("a_b", "c-d")]),
        ("a=", [("a", "")]),
        ("=a", [("=a", None)]),
        ('a="x y" b', [("a", "x y"), ("b", None)]),
        ('"a=x y" b', [("a", "x y"), ("b", None)]),
        ('a=x"y z"', [("a", 'x"y z"')]),
        ('a="open to the end', [("a", "open to the end")]),
        ('"a b', [("a b", None)]),
        ("a\u00a0b", [("a\udcc2", None), ("b", None)]),
        ("  a \t\n b  ", [("a", None), ("b", None)]),
        ("a\0b", [("a", None)]),
        ("", []),
    ],
)
def test_words(line: str, wanted: list[tuple[str, str | None]]) -> None:
    assert [(one.name, one.value) for one in parse(line).parameters] == wanted


def test_what_follows_two_dashes_goes_to_init() -> None:
    line = parse("a --x -- lockdown=confidentiality quiet")
    assert [one.name for one in line.parameters] == ["a", "__x"]
    assert line.init_arguments == ("lockdown=confidentiality", "quiet")


def test_quoted_dashes_end_the_line_too() -> None:
    assert [one.name for one in parse('a "--" b').parameters] == ["a"]


def test_too_long_a_line_is_refused() -> None:
    with pytest.raises(ParseError):
        parse("a" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    ("line", "key", "wanted"),
    [
        # the vectors of the format notes
        ("lockdown=confidentiality lockdown=integrity", "lockdown", "confidentiality"),
        ("module.sig_enforce=1 module.sig_enforce=0", "module_sig_enforce", True),
        ("vsyscall=none vsyscall=xonly", "vsyscall", "xonly"),
        ('a="x y" -- lockdown=confidentiality', "lockdown", None),
        # only raised, only switched on
        ("lockdown=none", "lockdown", None),
        ("lockdown", "lockdown", None),
        ("lockdown=Confidentiality", "lockdown", None),
        ("lockdown=integrity lockdown=confidentiality", "lockdown", "confidentiality"),
        ("module.sig_enforce", "module_sig_enforce", True),
        ("module.sig-enforce=Y", "module_sig_enforce", True),
        ("module.sig_enforce=0", "module_sig_enforce", None),
        ("sig_enforce=1", "module_sig_enforce", None),
        # last valid one wins; a bare flag is no truth value for early parameters
        ("init_on_alloc=1 init_on_alloc=0", "init_on_alloc", False),
        ("init_on_alloc=0 init-on-alloc=on", "init_on_alloc", True),
        ("init_on_alloc=1 init_on_alloc=maybe", "init_on_alloc", True),
        ("init_on_alloc", "init_on_alloc", None),
        ("init_on_free=yes", "init_on_free", True),
        ("randomize_kstack_offset=on", "randomize_kstack_offset", True),
        ("randomize_kstack_offset=off", "randomize_kstack_offset", False),
        ("page_alloc.shuffle=1", "page_alloc_shuffle", True),
        ("page_alloc.shuffle=0 page_alloc.shuffle=1", "page_alloc_shuffle", False),
        ("page_alloc.shuffle", "page_alloc_shuffle", None),
        ("slab_nomerge", "slab_nomerge", True),
        ("slab_nomerge slub_merge", "slab_nomerge", False),
        ("slub_merge slub_nomerge", "slab_nomerge", True),
        ("vsyscall=none vsyscall=bogus", "vsyscall", "none"),
        # processors
        ("mitigations=auto,nosmt", "mitigations", "auto,nosmt"),
        ("mitigations=auto,nosmt mitigations=auto", "mitigations", "auto"),
        ("mitigations=nosmt", "mitigations", None),
        ("mitigations=auto,nosmt nopti mds=off tsx=on", "mitigation_opt_outs", ["mds=off", "nopti", "tsx=on"]),
        ("mds=full,nosmt", "mitigation_opt_outs", []),
        ("spectre_v2=off,x", "mitigation_opt_outs", ["spectre_v2=off,x"]),
        ("pti=on", "pti", "on"),
        ("pti=on nopti", "pti", "off"),
        ("nopti pti=on", "pti", "on"),
        ("pti=on mitigations=off", "pti", "off"),
        # audit: anything but off switches it on
        ("audit=1", "audit", True),
        ("audit=1 audit=OFF", "audit", False),
        ("audit=nonsense", "audit", True),
        ("audit", "audit", None),
        ("audit_backlog_limit=8192", "audit_backlog_limit", 8192),
        ("audit_backlog_limit=0x2000", "audit_backlog_limit", 8192),
        ("audit_backlog_limit=8192 audit_backlog_limit=64", "audit_backlog_limit", 64),
        ("audit_backlog_limit=8k", "audit_backlog_limit", None),
        # integrity
        ("ima_policy=tcb|appraise_tcb ima_policy=secure_boot", "ima_policy", ["appraise_tcb", "secure_boot", "tcb"]),
        ("ima_tcb", "ima_policy", ["tcb"]),
        ("ima_appraise=enforce ima_appraise=fix", "ima_appraise", "fix"),
        ("evm=fix", "evm", "fix"),
        ("lsm=lockdown,yama,selinux", "lsm", ["lockdown", "yama", "selinux"]),
        ("selinux=0", "selinux", False),
        ("enforcing=0", "enforcing", False),
        ("fips=1", "fips", True),
        ("ipv6.disable=1", "ipv6_disable", True),
        ("page_poison=1", "heap_init_overridden", True),
        ("page_poison=0", "heap_init_overridden", False),
        # shells
        ("systemd.debug-shell", "shells", ["systemd.debug_shell"]),
        ("systemd.debug_shell=0", "shells", []),
        ("rd.break=pre-mount", "shells", ["rd.break=pre-mount"]),
        ("init=/bin/bash", "shells", ["init=/bin/bash"]),
        ("init=/usr/lib/systemd/systemd rdinit=/init", "shells", []),
        ("single", "shells", ["single"]),
        ("systemd.unit=emergency.target", "shells", ["systemd.unit=emergency.target"]),
        ("systemd.setenv=SYSTEMD_SULOGIN_FORCE=1", "shells", ["systemd.setenv=SYSTEMD_SULOGIN_FORCE=1"]),
        ("systemd.confirm_spawn=yes", "confirm_spawn", True),
        ("systemd.confirm_spawn=no", "confirm_spawn", False),
        ("systemd.confirm-spawn", "confirm_spawn", True),
    ],
)
def test_effective(line: str, key: str, wanted: object) -> None:
    assert value(line, key) == wanted


def test_every_key_is_always_there() -> None:
    assert tuple(effective(())) == EFFECTIVE_KEYS == tuple(sorted(EFFECTIVE_KEYS))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1", True), ("on", True), ("true", True), ("y!", True), ("0", False), ("OFF", False), ("n", False)]
    + [(text, None) for text in ("", "o", "enable", "2", " 1", None)],
)
def test_kernel_bool(text: str | None, wanted: bool | None) -> None:
    assert kernel_bool(text) is wanted
