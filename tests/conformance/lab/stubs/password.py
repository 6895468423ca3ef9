"""passwd and chpasswd: the second field of /etc/shadow, without PAM."""

import os
import subprocess
import sys
import time

PATH = "/etc/shadow"


def change(user: str, edit: str | None, *, lock: bool = False, unlock: bool = False) -> int:
    """Set the hash (`edit`), lock it with a mark in front, or take the mark away."""
    with open(PATH) as stream:
        lines = stream.read().splitlines()
    for number, line in enumerate(lines):
        fields = line.split(":")
        if fields[0] != user:
            continue
        if lock:
            fields[1] = "!!" + fields[1].lstrip("!")
        elif unlock:
            fields[1] = fields[1].lstrip("!")
        elif edit is not None:
            fields[1] = edit
            fields[2] = str(int(time.time() // 86400))
        lines[number] = ":".join(fields)
    with open(PATH, "w") as stream:
        stream.write("\n".join(lines) + "\n")
    return 0


def hashed(password: str) -> str:
    """A SHA-512 hash of the password."""
    return subprocess.run(
        ["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True
    ).stdout.strip()


def main(words: list[str]) -> int:
    """Either of the two commands."""
    names = [word for word in words if not word.startswith("-")]
    if os.environ["LAB_NAME"] == "chpasswd":
        for line in sys.stdin:
            user, _, password = line.rstrip("\n").partition(":")
            change(user, password if "-e" in words else hashed(password))
        return 0
    user = names[0] if names else "root"
    if "-l" in words:
        return change(user, None, lock=True)
    if "-u" in words:
        return change(user, None, unlock=True)
    if "-d" in words or "--delete" in words:
        return change(user, "")
    return change(user, hashed(sys.stdin.readline().strip() or "x"))


sys.exit(main(sys.argv[1:]))
