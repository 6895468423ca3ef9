"""Build configuration, sysctl.d, modprobe.d, module signatures, and what /proc and /sys tell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import kernel_config, kernel_state, modprobe_conf, module_signature, sysctl_conf
from scanner.parsers.sysctl_conf import Assignment


def test_kernel_options() -> None:
    text = (
        "#\n# Automatically generated file\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\r\n"
        'CONFIG_LSM="lockdown,yama"\nCONFIG_N=0x10\nCONFIG_A=n\n#CONFIG_X=y\n CONFIG_Y=y\n'
    )
    found = {name: option.value for name, option in kernel_config.parse(text).items()}
    assert found == {"A": "n", "B": "n", "C": "m", "LSM": "lockdown,yama", "N": "0x10"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "\0" * 100, "CONFIG"])
def test_a_file_without_options_is_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        kernel_config.parse(text)


def test_sysctl_lines() -> None:
    text = (
        "# a = 1\n; b = 2\nkernel.a = 1 # not a comment\r\n-net/ipv4/x = 0\n-net.ipv4.conf.all.rp_filter\n"
        "not an assignment\nnet.ipv4.conf.eth0/100.x=1\nkernel.c =\nnet.ipv4.tcp_rmem = 1\t2   3\n = 5\n"
        "kernel.d = 1 \\\n"
    )
    assert sysctl_conf.parse(text) == [
        Assignment("kernel/a", "1 # not a comment", 3, False),
        Assignment("net/ipv4/x", "0", 4, True),
        Assignment("net/ipv4/conf/all/rp_filter", None, 5, True),
        Assignment("net/ipv4/conf/eth0.100/x", "1", 7, False),
        Assignment("kernel/c", "", 8, False),
        Assignment("net/ipv4/tcp_rmem", "1 2 3", 9, False),
        Assignment("kernel/d", "1 \\", 11, False),
    ]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("/net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.x", "net/ipv4/conf/eth0.1/x"),
        ("net/ipv4/conf/eth0.1/x", "net/ipv4/conf/eth0.1/x"),
        ("kernel", "kernel"),
    ],
)
def test_sysctl_keys(key: str, path: str) -> None:
    assert sysctl_conf.path_of(key) == path
    assert sysctl_conf.path_of(sysctl_conf.dotted(path)) == path


def test_sysctl_globs_stay_in_their_component() -> None:
    assert sysctl_conf.matches("net/ipv4/conf/all/x", "net/ipv4/conf/*/x")
    assert not sysctl_conf.matches("net/ipv4/conf/all/x", "net/*/x")
    assert not sysctl_conf.matches("net/ipv4/conf/all/x", "net/ipv4/conf/a?/x")


def test_modprobe_lines() -> None:
    text = (
        "# blacklist no\nblacklist usb-storage\r\ninstall cramfs \\\n  /bin/true\nblacklist\n#c \\\nblacklist hidden\n"
        "options a b=1\ninstall empty\nsoftdep a pre: b\nuse_blacklist x\ninstall usb[-_]* /bin/false"
    )
    assert [(one.kind, one.module, one.value, one.line) for one in modprobe_conf.parse(text)] == [
        ("blacklist", "usb_storage", None, 2),
        ("install", "cramfs", "/bin/true", 3),
        ("options", "a", "b=1", 8),
        ("softdep", "a", "pre: b", 10),
        ("install", "usb[-_]*", "/bin/false", 12),
    ]


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("/bin/true", True),
        ("/bin/false", True),
        ("/usr/bin/false", True),
        ("false", True),
        (":", True),
        ("exit 1", True),
        ("/bin/true; modprobe --ignore-install x", False),
        ("/sbin/modprobe --ignore-install x", False),
        ("/tmp/bin/true", False),
        ("/bin/truee", False),
        ("", False),
    ],
)
def test_install_commands_that_do_nothing(command: str, wanted: bool) -> None:
    assert modprobe_conf.does_nothing(command) is wanted


def signed(body: bytes, signature: bytes, *, kind: int = 2, length: int | None = None, first: int = 0) -> bytes:
    size = len(signature) if length is None else length
    record = bytes([first, 0, kind, 0, 0, 0, 0, 0]) + size.to_bytes(4, "big")
    return body + signature + record + module_signature.MARKER


def test_module_signature() -> None:
    data = signed(b"\x7fELF" * 10, b"\x30" * 100)
    found = module_signature.trailer(data[-module_signature.TAIL_LENGTH :], len(data))
    assert found == module_signature.Trailer(100)
    assert module_signature.trailer(b"\x7fELF" * 20, 80) is None
    assert module_signature.trailer(b"", 0) is None


@pytest.mark.parametrize(
    "data",
    [
        signed(b"", b"", length=0),
        signed(b"x", b"y" * 10, length=12),
        signed(b"x", b"y" * 10, kind=0),
        signed(b"x", b"y" * 10, first=1),
        module_signature.MARKER,
    ],
)
def test_a_broken_module_signature(data: bytes) -> None:
    with pytest.raises(ParseError):
        module_signature.trailer(data[-module_signature.TAIL_LENGTH :], len(data))


def test_a_signature_that_openssl_made(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: make test installs it")
    key, module, out = tmp_path / "key.pem", tmp_path / "m.ko", tmp_path / "m.p7s"
    module.write_bytes(b"\x7fELF" + bytes(500))
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=t", "-keyout", key, "-out", f"{key}.crt"]
    sign = ["cms", "-sign", "-binary", "-outform", "DER", "-nosmimecap", "-noattr", "-nocerts", "-in", module]
    for arguments in (make, [*sign, "-signer", f"{key}.crt", "-inkey", key, "-out", out]):
        subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True)
    data = signed(module.read_bytes(), out.read_bytes())
    found = module_signature.trailer(data[-40:], len(data))
    assert found is not None
    assert found.signature_length == out.stat().st_size


def test_words_of_the_running_kernel() -> None:
    assert kernel_state.chosen("none integrity [confidentiality]\n") == "confidentiality"
    assert kernel_state.flag("Y\n") and not kernel_state.flag("N\n")
    assert kernel_state.number(" 12\n") == 12
    assert kernel_state.taints(0) == []
    assert kernel_state.taints(4096 | 8192) == ["out-of-tree module", "unsigned module"]
    assert kernel_state.taints(1 << 40) == ["bit 40"]


def test_broken_words_of_the_running_kernel() -> None:
    for call, text in (
        (kernel_state.chosen, "none integrity confidentiality"),
        (kernel_state.chosen, "[none] [integrity]"),
        (kernel_state.flag, "yes"),
        (kernel_state.number, "9" * 30),
        (kernel_state.number, ""),
        (kernel_state.loaded_modules, "a 1\n"),
        (kernel_state.ima_rules, "allow all\n"),
        (kernel_state.cpu_flags, "model : x\n"),
    ):
        with pytest.raises(ParseError):
            call(text)
    with pytest.raises(ParseError):
        kernel_state.taints(-1)


def test_loaded_modules() -> None:
    text = "b 16384 2 a,c, Live 0x0000000000000000 (OE)\na 1 0 - Live 0x0\n"
    assert kernel_state.loaded_modules(text) == [
        kernel_state.LoadedModule("b", ("a", "c"), "Live", "OE"),
        kernel_state.LoadedModule("a", (), "Live", ""),
    ]


def test_ima_rules() -> None:
    text = "# c\ndont_measure fsmagic=0x9fa0\nmeasure func=BPRM_CHECK mask=MAY_EXEC\n"
    rules = kernel_state.ima_rules(text)
    assert [(rule.action, rule.conditions.get("func"), rule.line) for rule in rules] == [
        ("dont_measure", None, 2),
        ("measure", "BPRM_CHECK", 3),
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Not affected", "not affected"),
        ("Mitigation: PTI", "mitigated"),
        ("Vulnerable", "vulnerable"),
        ("Vulnerable: Clear CPU buffers attempted, no microcode", "vulnerable"),
        ("Mitigation: Clear CPU buffers; SMT vulnerable", "vulnerable"),
        ("Mitigation: Retpolines; IBPB: conditional; BHI: Vulnerable", "vulnerable"),
        ("KVM: Mitigation: VMX disabled", "mitigated"),
        ("Unknown: Dependent on hypervisor status", "unknown"),
        ("", "unknown"),
    ],
)
def test_vulnerabilities(text: str, wanted: str) -> None:
    assert kernel_state.vulnerability(text) == wanted


def test_the_vsyscall_page() -> None:
    heap = "55d0-55d1 rw-p 00000000 00:00 0 [heap]\n"
    assert kernel_state.vsyscall(heap) == "none"
    assert kernel_state.vsyscall(heap + "ffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n") == "xonly"
    assert kernel_state.vsyscall(heap + "ffffffffff600000-ffffffffff601000 r-xp 0 00:00 0 [vsyscall]\n") == "emulate"


def test_flags_that_every_processor_has() -> None:
    assert kernel_state.cpu_flags("flags\t\t: nx fpu\n\nflags\t\t: fpu nx la57\n") == ["fpu", "nx"]
