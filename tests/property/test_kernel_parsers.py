"""Whatever the bytes, the parsers of kernel and boot files give a value or a ParseError."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.canonical import plain
from scanner.model.errors import ParseError
from scanner.parsers import (
    bls,
    bootc_kargs,
    grub_cfg,
    grubenv,
    kernel_cmdline,
    kernel_config,
    kernel_state,
    modprobe_conf,
    module_signature,
    sysctl_conf,
)
from scanner.parsers.kernel_effective import effective

CMDLINE = 'BOOT_IMAGE=/v root=UUID=1 a="b c" lockdown=integrity module.sig_enforce=1 mitigations=auto,nosmt -- x'
GRUB = (
    'if [ -z "${k}" ]; then\n set k="root=x"\nfi\nmenuentry \'a\' { linux /v ro $k "b c" \\\n d; }\n'
    "submenu b {\nmenuentry c {\n linux /w 'x' # y\n}\n}\n"
)
VALID: dict[str, tuple[Callable[[str], object], str]] = {
    "cmdline": (kernel_cmdline.parse, CMDLINE),
    "effective": (lambda text: effective(kernel_cmdline.parse(text).parameters), CMDLINE),
    "bls": (bls.parse, "title a\nlinux /v\noptions a b\noptions c\n"),
    "grubenv": (grubenv.parse, "# GRUB Environment Block\na=b\\\nc\nd=e\n#####"),
    "grub_cfg": (grub_cfg.parse, GRUB),
    "kargs": (bootc_kargs.parse, 'kargs = ["a=1", "b"]\nmatch-architectures = ["x86_64"]\n'),
    "kargs_install": (bootc_kargs.parse_install, '[install]\nkargs = ["a=1", "b"]\n'),
    "config": (kernel_config.parse, 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x\\"y"\n'),
    "sysctl": (sysctl_conf.parse, "kernel.a = 1\n-net.ipv4.conf.*.x = 2\n-net/ipv4/a\n; c\n"),
    "modprobe": (modprobe_conf.parse, "blacklist a-b\ninstall c[-_]* /bin/true \\\n x\noptions d e=1\n"),
    "modules": (kernel_state.loaded_modules, "a 16384 2 b,c, Live 0x0 (OE)\n"),
    "ima": (kernel_state.ima_rules, "measure func=BPRM_CHECK mask=MAY_EXEC\ndont_measure fsmagic=0x1\n"),
    "lockdown": (kernel_state.chosen, "none [integrity] confidentiality\n"),
    "flag": (kernel_state.flag, "Y\n"),
    "number": (kernel_state.number, "12288\n"),
    "cpuinfo": (kernel_state.cpu_flags, "processor : 0\nflags : nx fpu\n"),
    "maps": (kernel_state.vsyscall, "ffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n"),
    "vulnerability": (kernel_state.vulnerability, "Mitigation: PTI; SMT vulnerable\n"),
}
TEXT = st.binary(max_size=400).map(lambda data: data.decode("utf-8", "surrogateescape"))


def outcome(parse: Callable[[str], object], text: str) -> str:
    """`value` or `refused`; any other exception fails the test."""
    try:
        parse(text)
    except ParseError:
        return "refused"
    return "value"


@pytest.mark.parametrize("name", VALID)
def test_valid_text_is_understood(name: str) -> None:
    parse, text = VALID[name]
    assert parse(text) is not None


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(VALID)), text=TEXT)
def test_any_text(name: str, text: str) -> None:
    assert outcome(VALID[name][0], text) in ("value", "refused")


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(VALID)), at=st.integers(0, 200), cut=st.integers(0, 40), new=TEXT)
def test_mutated_text(name: str, at: int, cut: int, new: str) -> None:
    parse, text = VALID[name]
    at = min(at, len(text))
    assert outcome(parse, text[:at] + new[:60] + text[at + cut :]) in ("value", "refused")


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=60), size=st.integers(0, 1 << 40), marked=st.booleans())
def test_any_module_tail(tail: bytes, size: int, marked: bool) -> None:
    data = tail + (module_signature.MARKER if marked else b"")
    try:
        found = module_signature.trailer(data[-module_signature.TAIL_LENGTH :], size)
    except ParseError:
        return
    assert found is None or 0 < found.signature_length <= size


@settings(max_examples=200, deadline=None)
@given(text=TEXT)
def test_the_command_line_keeps_its_promises(text: str) -> None:
    line = kernel_cmdline.parse(text)
    assert all("-" not in one.name for one in line.parameters)
    assert isinstance(plain(effective(line.parameters)), dict)
    words = kernel_cmdline.parse(f"{text} -- lockdown=confidentiality").parameters
    if text.count('"') % 2 == 0 and "\0" not in text and not line.init_arguments:
        assert effective(words)["lockdown"] == effective(line.parameters)["lockdown"]


@settings(max_examples=200, deadline=None)
@given(key=st.text(alphabet="ab./0_-", max_size=30))
def test_a_sysctl_path_is_stable(key: str) -> None:
    path = sysctl_conf.path_of(key)
    assert not path.startswith("/") and not path.endswith("/")
    assert sysctl_conf.path_of("/" + path) == path


@settings(max_examples=200, deadline=None)
@given(options=st.lists(st.text(alphabet="ab= \"'\\$#;", max_size=12), max_size=6))
def test_grub_words_come_back_as_one_line(options: list[str]) -> None:
    try:
        boots = grub_cfg.parse("linux kernel " + " ".join(options) + "\n").boots
    except ParseError:
        return
    assert all("\n" not in grub_cfg.expand(boot.words, {}) for boot in boots)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("piece", ["a", "a ", '"', "\\", "{", "[", "\n", "a=b\n", "$a", "-", "=", "*", "+1", "if "])
def test_long_input_ends_soon(name: str, piece: str) -> None:
    start = time.monotonic()
    outcome(VALID[name][0], VALID[name][1] + piece * (200_000 // len(piece)))
    assert time.monotonic() - start < 2
