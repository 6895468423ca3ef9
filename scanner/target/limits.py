"""Every budget of a scan, in one place. Reaching one makes the facts behind it `error: limit`, never ends the scan."""

from __future__ import annotations

MAX_LINKS = 40
"""Symbolic links followed in one look-up (as the kernel)."""

MAX_DEPTH = 128
"""Directory depth of one path."""

MAX_FILE = 32 * 1024 * 1024
"""Bytes read of one file, unless the reader asks for less."""

MAX_TEXT = 8 * 1024 * 1024
"""Bytes of one text file that is parsed line by line."""

MAX_TEXTS = 64 * 1024 * 1024
"""Bytes of all text files that one collector parses."""

MAX_TOTAL = 2 * 1024 * 1024 * 1024
"""Bytes read of one target."""

MAX_NAMES = 200_000
"""Entries of one directory."""

MAX_WALK = 2_000_000
"""Entries of one walk over the whole tree."""

MAX_REMEMBERED = 100_000
"""Directories and links whose entries are kept for the next look-up."""

MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes that one compressed file may grow to."""

MAX_DEVICES = 256
"""Block devices looked at."""

MAX_DEVICE_READ = 32 * 1024 * 1024
"""Bytes of one read from a block device."""

COMMAND_SECONDS = 10
"""Deadline of one read-only command on a live target."""

COMMAND_OUTPUT = 16 * 1024 * 1024
"""Bytes kept of one command's output."""

MAX_IMAGE = 64 * 1024 * 1024 * 1024
"""Bytes that a compressed image may unpack to (holes count, but take no space)."""

MAX_RATIO = 5_000
"""Unpacked bytes to packed bytes of an image larger than 1 GiB."""

MAX_RECORDS = 50_000
"""Records of one table fact."""

BUDGETS: dict[str, int] = {
    name.lower(): value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}
"""Name to value of every budget above, as the snapshot states them."""
