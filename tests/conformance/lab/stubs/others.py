"""Small commands whose effect on files is small: update-crypto-policies, aide, authconfig, ip; and those without any."""

import os
import subprocess
import sys

POLICY = "/etc/crypto-policies"


def crypto_policies(words: list[str]) -> int:
    """`--set NAME`, `--show`, `--check`; back ends are linked to those of the base policy."""
    if "--set" in words:
        name = words[words.index("--set") + 1]
        base = name.partition(":")[0]
        source = f"/usr/share/crypto-policies/{base}"
        if not os.path.isdir(source):
            print(f"Unknown policy `{base}`", file=sys.stderr)
            return 1
        for module in name.split(":")[1:]:
            places = (
                f"{POLICY}/policies/modules/{module}.pmod",
                f"/usr/share/crypto-policies/policies/modules/{module}.pmod",
            )
            if not any(os.path.exists(place) for place in places):
                print(f"Unknown policy `{module}`", file=sys.stderr)
                return 1
        for place in (f"{POLICY}/config", f"{POLICY}/state/current"):
            with open(place, "w") as stream:
                stream.write(name + "\n")
        for one in os.listdir(source):
            target = f"{POLICY}/back-ends/{one.removesuffix('.txt')}.config"
            if os.path.lexists(target):
                os.unlink(target)
            os.symlink(f"{source}/{one}", target)
        return 0
    with open(f"{POLICY}/state/current") as stream:
        print(stream.read().strip())
    return 0


def aide(words: list[str]) -> int:
    """`--init` writes a new data base, `--check` finds nothing."""
    if "--init" in words:
        os.makedirs("/var/lib/aide", exist_ok=True)
        with open("/var/lib/aide/aide.db.new.gz", "wb") as stream:
            stream.write(b"\x1f\x8b")
    return 0


def dd(words: list[str]) -> int:
    """A file of zeros without writing them."""
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if given.get("if") == "/dev/zero" and "of" in given:
        with open(given["of"], "wb") as stream:
            stream.truncate(int(given.get("count", "1")) << 20)
        return 0
    return subprocess.run(["/usr/libexec/lab/dd", *words], check=False).returncode


def ip(words: list[str]) -> int:
    """One card, never promiscuous."""
    if "show" in words:
        print("1: lo: <LOOPBACK,UP> mtu 65536\n2: eth0: <BROADCAST,UP> mtu 1500")
    return 0


def main(name: str, words: list[str]) -> int:
    """The command by its name; one that is not known here does nothing, well."""
    verbs = {"update-crypto-policies": crypto_policies, "aide": aide, "dd": dd, "ip": ip}
    return verbs[name](words) if name in verbs else 0


sys.exit(main(os.environ["LAB_NAME"], sys.argv[1:]))
