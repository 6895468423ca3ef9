"""grubby --update-kernel=ALL on boot entries, grubenv and /etc/default/grub; and what it says of them."""

import glob
import re
import shlex
import sys

ENTRIES, ENV, DEFAULT = "/boot/loader/entries/*.conf", "/boot/grub2/grubenv", "/etc/default/grub"


def change(options: str, add: list[str], remove: list[str]) -> str:
    """Kernel options with some removed (by name, or by name and value) and some added."""
    kept = [one for one in options.split() if one not in remove and one.partition("=")[0] not in remove]
    names = {one.partition("=")[0] for one in add}
    return " ".join([*(one for one in kept if one.partition("=")[0] not in names), *add])


def edit(path: str, pattern: str, add: list[str], remove: list[str]) -> None:
    """Change the options in the lines that the pattern finds (groups: before, options, after)."""
    try:
        with open(path) as stream:
            text = stream.read()
    except OSError:
        return
    text = re.sub(pattern, lambda m: m[1] + change(m[2], add, remove) + m[3], text, flags=re.MULTILINE)
    with open(path, "w") as stream:
        stream.write(text)


def main(words: list[str]) -> int:
    """Options as `--name=value` or `--name value`."""
    given: dict[str, str] = {}
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word
            given.setdefault(name, "")
        elif name:
            given[name] = word
    add, remove = shlex.split(given.get("--args", "")), shlex.split(given.get("--remove-args", ""))
    if "--update-kernel" in given:
        for path in sorted(glob.glob(ENTRIES)):
            edit(path, r"^(options[ \t]+)(.*)()$", add, remove)
        edit(ENV, r"^(kernelopts=)(.*)()$", add, remove)
        edit(DEFAULT, r"^(GRUB_CMDLINE_LINUX=\")([^\"]*)(\".*)$", add, remove)
    elif "--info" in given:
        for number, path in enumerate(sorted(glob.glob(ENTRIES))):
            with open(path) as stream:
                found = dict(
                    line.split(None, 1) for line in stream.read().splitlines() if len(line.split(None, 1)) == 2
                )
            print(f'index={number}\nkernel="{found.get("linux")}"\nargs="{found.get("options")}"')
    elif "--default-kernel" in given:
        print("/boot/vmlinuz-6.12.0-55.9.1.el10_0.x86_64")
    return 0


sys.exit(main(sys.argv[1:]))
