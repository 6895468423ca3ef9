"""sysctl: values are written to the lab's own record of the running kernel, never to the kernel."""

import os
import sys

RECORD = "/run/lab/state/proc/sys"


def main(words: list[str]) -> int:
    """`-w name=value` and `name=value` write; `-n name` and `name` read; loading files is left to the next boot."""
    quiet = "-n" in words
    code = 0
    for word in (word for word in words if not word.startswith("-")):
        name, equals, value = word.partition("=")
        path = f"{RECORD}/{name.strip().replace('.', '/')}"
        if equals:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as stream:
                stream.write(value.strip() + "\n")
        elif os.path.isfile(path):
            with open(path) as stream:
                print(stream.read().strip() if quiet else f"{name} = {stream.read().strip()}")
        elif "/" not in name:
            print(f"sysctl: cannot stat {path}", file=sys.stderr)
            code = 1
    return code


sys.exit(main(sys.argv[1:]))
