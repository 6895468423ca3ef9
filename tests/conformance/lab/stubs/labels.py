"""chcon, restorecon, semanage fcontext, setsebool, getenforce: labels as attributes, the rest as policy files."""

import os
import re
import sys

LOCAL = "/etc/selinux/targeted/contexts/files/file_contexts.local"
BASE = "/etc/selinux/targeted/contexts/files/file_contexts"
BOOLEANS = "/var/lib/selinux/targeted/active/booleans.local"


def label(path: str, kind: str) -> None:
    """Write the attribute that a kernel with SELinux reads."""
    os.setxattr(path, "security.selinux", f"system_u:object_r:{kind}:s0".encode() + b"\0", follow_symlinks=False)


def wanted(path: str) -> str | None:
    """The type that the policy gives to a path; the last matching line wins, local ones over the rest."""
    found = None
    for source in (BASE, LOCAL):
        if os.path.exists(source):
            with open(source) as lines:
                for line in lines:
                    words = line.split()
                    if len(words) >= 2 and re.fullmatch(words[0], path):
                        found = words[-1].split(":")[2]
    return found


def below(path: str) -> list[str]:
    """The path and everything below it."""
    return [path, *(os.path.join(at, one) for at, folders, files in os.walk(path) for one in [*folders, *files])]


def main(name: str, words: list[str]) -> int:
    """One of the five."""
    plain = [word for word in words if not word.startswith("-")]
    if name == "chcon":
        kind = words[words.index("-t") + 1]
        for path in (one for one in plain if one != kind):
            label(path, kind)
    elif name == "restorecon":
        for path in (one for given in plain if os.path.lexists(given) for one in below(given)):
            right = wanted(path)
            if right is not None:
                label(path, right)
    elif name == "semanage" and plain[0] == "fcontext" and "-a" in words:
        kind = words[words.index("-t") + 1]
        os.makedirs(os.path.dirname(LOCAL), exist_ok=True)
        with open(LOCAL, "a") as stream:
            stream.write(f"{plain[-1]}    system_u:object_r:{kind}:s0\n")
    elif name == "setsebool":
        key, _, value = " ".join(plain).replace(" ", "=", 1).partition("=")
        os.makedirs(os.path.dirname(BOOLEANS), exist_ok=True)
        with open(BOOLEANS, "a") as stream:
            stream.write(f"{key}={'1' if value in ('1', 'on', 'true') else '0'}\n")
    elif name == "getenforce":
        print("Enforcing")
    return 0


sys.exit(main(os.environ["LAB_NAME"], sys.argv[1:]))
