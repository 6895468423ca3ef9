"""SELinux formats: the configuration beside libselinux itself, policies made by secilc, CIL, file_contexts."""

from __future__ import annotations

import bz2
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import cil, file_contexts, selinux_config, selinux_policy
from scanner.parsers.path_regex import Pattern, literal_start

POLICY = """
(handleunknown {unknown})
(class file (read write open)) (class process (transition)) (classorder (file process))
(sid kernel) (sidorder (kernel))
(user system_u) (role system_r) (role object_r)
(type kernel_t) (type agent_t) (type b_t) (typealias old_t) (typealiasactual old_t b_t)
(typeattribute domain) (typeattributeset domain (agent_t kernel_t))
(boolean allow_x true) (boolean allow_y false)
(booleanif allow_x (true (allow agent_t b_t (file (write)))))
(booleanif allow_y (true (allow agent_t b_t (file (open)))))
(block vela (type shell_t) (roletype system_r shell_t))
(roletype system_r kernel_t) (roletype system_r agent_t) (userrole system_u system_r)
(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(level low (s0)) (level high (s0 (c0))) (levelrange lh (low high)) (userlevel system_u low) (userrange system_u lh)
(sidcontext kernel (system_u system_r kernel_t lh))
(constrain (file (read)) (eq t1 agent_t))
(mlsconstrain (file (write)) (dom l1 l2))
(allow agent_t b_t (file (read)))
"""


def compiled(folder: Path, extra: str = "", version: int = 33, unknown: str = "deny", mls: str = "true") -> bytes:
    """A binary policy made by the real compiler."""
    if shutil.which("secilc") is None:
        pytest.skip("secilc is not installed: make test installs it")
    source = folder / "p.cil"
    source.write_text(POLICY.replace("{unknown}", unknown) + extra, encoding="utf-8")
    made = folder / "policy"
    subprocess.run(
        ["secilc", "-M", mls, "-c", str(version), "-o", str(made), "-f", str(folder / "fc"), str(source)], check=True
    )
    return made.read_bytes()


@pytest.mark.parametrize("version", range(24, 34))
def test_policies_of_every_version(tmp_path: Path, version: int) -> None:
    policy = selinux_policy.parse(compiled(tmp_path, "(typepermissive agent_t)", version))
    assert (policy.version, policy.permissive, policy.mls) == (version, ("agent_t",), True)
    assert policy.types == {"kernel_t", "agent_t", "b_t", "vela.shell_t"}
    assert policy.booleans == {"allow_x": True, "allow_y": False}


@pytest.mark.parametrize("unknown", ["deny", "reject", "allow"])
def test_unknown_classes(tmp_path: Path, unknown: str) -> None:
    policy = selinux_policy.parse(compiled(tmp_path, unknown=unknown, mls="false"))
    assert (policy.handle_unknown, policy.mls, policy.permissive) == (unknown, False, ())


def test_a_damaged_policy_is_refused(tmp_path: Path) -> None:
    good = compiled(tmp_path, "(typepermissive agent_t) (typepermissive vela.shell_t)")
    assert selinux_policy.parse(good).permissive == ("agent_t", "vela.shell_t")
    types_end = good.index(b"shell_t") + 7
    for cut in range(0, types_end, 7):
        with pytest.raises(ParseError):
            selinux_policy.parse(good[:cut])
    for wrong in (b"\0" + good[1:], good[:16] + b"\xff\0\0\0" + good[20:], good[:24] + b"\x07" + good[25:]):
        with pytest.raises(ParseError):
            selinux_policy.parse(wrong)


@pytest.mark.parametrize(
    ("text", "mode", "kind"),
    [
        ("SELINUX=enforcing\nSELINUXTYPE=targeted\n", "enforcing", "targeted"),
        ("#SELINUX=enforcing\nSELINUX=permissive\n", "permissive", "targeted"),
        ("SELINUX=permissive\nSELINUX=enforcing\n", "permissive", "targeted"),
        ("SELINUX=bogus\nSELINUX=enforcing\n", "enforcing", "targeted"),
        (" SELINUX=enforcing\n", None, "targeted"),
        ("SELINUX = enforcing\n", None, "targeted"),
        ("selinux=enforcing\n", None, "targeted"),
        ("SELINUX= Enforcing # really\n", "enforcing", "targeted"),
        ("SELINUX=enforcing\r\nSELINUXTYPE=mls\r\n", "enforcing", "mls"),
        ("SELINUX=enforcingly\n", "enforcing", "targeted"),
        ("SELINUXTYPE=mls\n  selinuxtype=targeted  \n", None, "targeted"),
        ("SELINUX=\nSELINUX=disabled\n", "disabled", "targeted"),
        ("", None, "targeted"),
    ],
)
def test_config_beside_libselinux(tmp_path: Path, text: str, mode: str | None, kind: str) -> None:
    config = selinux_config.parse(text)
    assert (config.mode, config.type) == (mode, kind)
    real = real_config(tmp_path, text)
    if real is not None:
        assert real == (mode, kind)


def real_config(folder: Path, text: str) -> tuple[str | None, str] | None:
    """What libselinux says, in a mount namespace of its own; None where that is not possible."""
    if os.getuid() != 0 or not Path("/etc/selinux").is_dir() or shutil.which("unshare") is None:
        return None
    (folder / "config").write_text(text, encoding="utf-8")
    script = (
        f"mount --bind {folder} /etc/selinux && /usr/bin/python3 -c 'import selinux;"
        " print(selinux.selinux_getenforcemode(), selinux.selinux_getpolicytype())'"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
    if done.returncode != 0:
        return None
    answer = eval(done.stdout.replace("] [", "], ["))  # two lists that Python printed
    (mode_found, mode), (_, kind) = answer
    return {1: "enforcing", 0: "permissive", -1: "disabled"}[mode] if mode_found == 0 else None, kind


def test_config_lines_and_bad_input() -> None:
    config = selinux_config.parse("# x\nSELINUX=enforcing\n\nSELINUXTYPE=mls\n")
    assert (config.mode_line, config.type_line) == (2, 4)
    for bad in ("a\0b", "x" * 5000):
        with pytest.raises(ParseError):
            selinux_config.parse(bad)


def test_cil_finds_statements_and_nothing_else() -> None:
    text = """; (typepermissive commented_t)
(typepermissive one_t)
(block b (typepermissive two_t) (block c (typepermissive .three_t)))
(filecon "/x(typepermissive no_t)" file (u r t l))
(optional o (typepermissive
    four_t))
"""
    assert [(one.type, one.line) for one in cil.permissive_types(text)] == [
        ("one_t", 2),
        ("b.two_t", 3),
        ("three_t", 3),
        ("four_t", 6),
    ]


@pytest.mark.parametrize("text", ["(", ")", '(a "b)', "(" * 20_000])
def test_cil_that_does_not_balance(text: str) -> None:
    with pytest.raises(ParseError):
        cil.permissive_types(text)


def test_compressed_modules() -> None:
    text = "(typepermissive x_t)"
    packed = bz2.compress(text.encode()) + bz2.compress(b"\n")
    assert cil.unpacked(packed, 1000) == text + "\n"
    assert cil.unpacked(text.encode(), 1000) == text
    bomb = bz2.compress(b"\0" * 5_000_000)
    for bad in (bomb, packed[:20], b"BZhgarbage", b"x" * 2000):
        with pytest.raises(ParseError):
            cil.unpacked(bad, 1000)


CONTEXTS = """# comment
/.*                             system_u:object_r:default_t:s0
/usr/bin/.*          --         system_u:object_r:bin_t:s0
/usr/bin/(su|sudo)   --         system_u:object_r:su_exec_t:s0
/usr/bin/agent       --         system_u:object_r:agent_exec_t:s0
/usr/bin/agent.*     --         system_u:object_r:later_t:s0
/usr/lib(64)?/ld-[^/]*\\.so(\\.[^/]*)*  --  system_u:object_r:ld_so_t:s0
/dev/[0-9].*         -c         system_u:object_r:usb_device_t:s0
/etc/passwd[-\\+]?    --         system_u:object_r:passwd_file_t:s0
/proc/.*                        <<none>>
/opt/([^/]*/){1,2}bin(/.*)?     system_u:object_r:opt_t:s0
"""
PATHS = [
    "/usr/bin/su",
    "/usr/bin/agent",
    "/usr/bin/agents",
    "/usr/lib64/ld-2.so.1.2",
    "/usr/lib/ld-x.so",
    "/etc/passwd-",
    "/etc/passwd",
    "/etc/passwdx",
    "/proc/1",
    "/opt/a/bin/x",
    "/opt/a/b/bin",
    "/opt/a/b/c/bin",
    "/dev/1-2",
    "/",
]


def test_labels_beside_libselinux(tmp_path: Path) -> None:
    specs = file_contexts.parse(CONTEXTS, "fc")
    labels = {}
    for path in PATHS:
        found = file_contexts.expected(specs, path, "file")
        labels[path] = None if found is None or found.label is None else found.label.split(":")[2]
    assert labels["/usr/bin/su"] == "su_exec_t"
    assert labels["/usr/bin/agent"] == "agent_exec_t"
    assert labels["/usr/bin/agents"] == "later_t"
    assert labels["/proc/1"] is None
    assert labels["/opt/a/b/c/bin"] == "default_t"
    if shutil.which("selabel_lookup") is None:
        pytest.skip("selabel_lookup is not installed: make test installs it (package selinux-utils)")
    (tmp_path / "fc").write_text(CONTEXTS, encoding="utf-8")
    for path, label in labels.items():
        command = ["selabel_lookup", "-r", "-b", "file", "-f", str(tmp_path / "fc"), "-k", path, "-t", "0100000"]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        assert (f":{label}:" in said) if label is not None else (":object_r:" not in said), path


def test_kinds_and_substitutions() -> None:
    specs = file_contexts.parse(CONTEXTS, "fc")
    assert (file_contexts.expected(specs, "/dev/1-2", "char") or specs[0]).label == "system_u:object_r:usb_device_t:s0"
    rewrites = file_contexts.parse_substitutions("/run /var/run\n# x\nbroken\n/usr/local/lib64 /usr/lib\n")
    assert file_contexts.rewritten("/run/x", rewrites) == "/var/run/x"
    assert file_contexts.rewritten("/running", rewrites) == "/running"
    assert file_contexts.rewritten("/usr/local/lib64", rewrites) == "/usr/lib"


@pytest.mark.parametrize("text", ["/x", "/x -- a b", "/x -z label", "a\0b"])
def test_bad_file_contexts(text: str) -> None:
    with pytest.raises(ParseError):
        file_contexts.parse(text, "fc")


def test_expressions_agree_with_re() -> None:
    import re

    chance = random.Random(7)
    texts = ["/ab", "/a", "/aab.x", "/b1", "/", "/ab/ab", "/a-b", "/abab"]
    pieces = ["a", "b", "/", ".", "[ab]", "[^/]", "(a|b)", "(?:ab)", r"\.", r"\d", "[0-9-]", "x"]
    signs = ["", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"]
    for _ in range(400):
        text = "/" + "".join(chance.choice(pieces) + chance.choice(signs) for _ in range(chance.randint(0, 4)))
        ours, theirs = Pattern(text), re.compile(text)
        for subject in texts:
            assert ours.matches(subject) == (theirs.fullmatch(subject) is not None), (text, subject)
            if theirs.fullmatch(subject):
                assert subject.startswith(literal_start(text)), text


@pytest.mark.parametrize(
    "text", ["(", ")", "[a", "a{2", "a{200}", "*a", "(?=a)", "a\\", "(a{90}){90}", "(" * 60, "\\b"]
)
def test_expressions_outside_the_language(text: str) -> None:
    with pytest.raises(ParseError):
        Pattern(text)


def test_a_nasty_expression_takes_no_time() -> None:
    assert not Pattern("/(a*)*(a|aa)*(a+)+b").matches("/" + "a" * 2000)
