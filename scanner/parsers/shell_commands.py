"""Simple commands of a shell script: assignments, functions, what is built into the shell, and programs.

Source: POSIX shell command language (XCU 2.9.1, 2.14), bash(1), "Shell builtin commands".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_effort import spend
from scanner.parsers.shell_expand import Expander
from scanner.parsers.shell_paths import ARRAY, Answer, Path, State, either, joined, merged, within
from scanner.parsers.shell_syntax import parse
from scanner.parsers.shell_values import Text, UndecidedError, arithmetic, compare, malformed

__all__ = ["Commands"]

_MAX_CALLS = 12
_CHARACTERS_PER_UNIT = 5
"""Of a script that is read in, and of what a tool is given: what taking them apart costs."""

_PREFIXES = frozenset({"command", "builtin", "sudo", "env", "nice", "timeout", "exec", "systemd-cat", "nohup"})
_QUIET = frozenset({":", "true", "sleep", "logger", "cd", "umask", "shopt", "alias", "sync"})
_SYSTEM = ("", "/bin", "/sbin", "/usr/bin", "/usr/sbin")


class Commands(Expander):
    """Simple commands in one world."""

    calls = 0
    tested = False

    def __init__(self) -> None:
        self.bodies: list[tree.Command] = []

    def number(self, body: tree.Command) -> int:
        """The number of a function's body; a definition that is run again keeps its number."""
        for index, known in enumerate(self.bodies):
            if known is body:
                return index
        self.bodies.append(body)
        return len(self.bodies) - 1

    def _simple(self, node: tree.Simple, state: State, stdin: Text, tested: bool) -> list[Path]:
        done: list[Path] = []
        for after, status in self._assigned(node.assigns, state, stdin):
            if not node.words:
                done.extend(self._wordless(node, after, status or 0, stdin))
                continue
            for fields, _ in self._fields(node.words, state, stdin):
                for text, silent, missing in self._redirected(node.redirects, state, stdin):
                    if missing:
                        done.append(Path(state.ended(1)))
                        continue
                    # Assignments before a command hold for that command only; those of a declaration stay.
                    keeps = bool(fields) and fields[0] in ("local", "declare", "export", "readonly", "typeset")
                    for path in self._call(fields, after if keeps else state, text, tested):
                        done.append(replace(path, out="") if silent else path)
        return merged(done)

    def _wordless(self, node: tree.Simple, state: State, status: int, stdin: Text) -> Iterator[Path]:
        """Assignments alone, or `$(< file)`, which prints the file."""
        prints = not node.assigns and any(redirect.sign == "<" for redirect in node.redirects)
        for text, _, missing in self._redirected(node.redirects, state, stdin):
            yield Path(state.ended(1 if missing else status), text if prints and not missing else "")

    def _assigned(self, assigns: Sequence[tree.Assign], state: State, stdin: Text) -> list[tuple[State, int | None]]:
        found: list[tuple[State, int | None]] = [(state, None)]
        for assign in assigns:
            following: list[tuple[State, int | None]] = []
            for known, status in found:
                if assign.items is not None:
                    options = [
                        (None if None in fields else ARRAY.join(str(field) for field in fields), new)
                        for fields, new in self._fields(assign.items, known, stdin)
                    ]
                else:
                    options = self._texts(assign.value, known, stdin)
                for value, new in options:
                    if assign.adds:
                        between = ARRAY if assign.items is not None and known.get(assign.name) else ""
                        value = joined(joined(known.get(assign.name), between), value)
                    following.append((known.put(assign.name, value), status if new is None else new))
            found = list(dict.fromkeys(following))
            within(found)
        return found

    def _call(self, fields: tuple[Text, ...], state: State, stdin: Text, tested: bool) -> Iterable[Path]:
        if not fields:
            return [Path(state.ended(0))]
        name = fields[0]
        if name is None:
            return [Path(state.ended(0), None), Path(state.ended(1), None)]
        for known, number in state.functions:
            if known == name:
                return self._function(self.bodies[number], fields[1:], state, stdin, tested)
        if name in _PREFIXES:
            return self._prefixed(fields, state, stdin, tested)
        handler = getattr(self, f"_do_{_BUILTINS.get(name, '')}", None)
        if handler is not None:
            self.tested = tested
            found: Iterable[Path] = handler(fields, state, stdin)
            return found
        return self._program(fields, state, stdin)

    def _function(
        self, body: tree.Command, args: tuple[Text, ...], state: State, stdin: Text, tested: bool
    ) -> list[Path]:
        self.calls += 1
        if self.calls > _MAX_CALLS:
            raise UndecidedError("functions call each other too deeply")
        inner = state
        for index in range(1, max(len(args), 3) + 1):
            inner = inner.put(str(index), args[index - 1] if index <= len(args) else "")
        joined = None if None in args else ARRAY.join(str(arg) for arg in args)
        inner = inner.put("@", joined).put("*", joined).put("#", str(len(args)))
        outer = {name: value for name, value in state.names if name in "@*#" or name.isdigit()}
        done = []
        loops, self.loops = self.loops, 0
        paths = self.run(body, inner, stdin, tested)
        self.loops = loops
        for path in paths:
            names = tuple(pair for pair in path.state.names if pair[0] not in "@*#" and not pair[0].isdigit())
            back = replace(path.state, names=tuple(sorted((*names, *outer.items()), key=lambda pair: pair[0])))
            done.append(Path(back, path.out, "" if path.flow == "return" else path.flow))
        self.calls -= 1
        return done

    def _program(self, fields: tuple[Text, ...], state: State, stdin: Text) -> list[Path]:
        folder, _, name = (fields[0] or "").rpartition("/")
        answer: Answer | None = None
        if name in _QUIET:
            answer = (0, "")
        elif name == "false":
            answer = (1, "")
        elif folder in _SYSTEM:
            spend(sum(len(text or "") for text in (stdin, *fields)) // _CHARACTERS_PER_UNIT)
            answer = self.world.program(name, fields[1:], stdin)
        status, out = answer if answer is not None else (None, None)
        return [Path(state.ended(end), out) for end in ((0, 1) if status is None else (status,))]

    def _do_exit(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        flow = "return" if fields[0] == "return" else "exit"
        if flow == "return" and not self.calls:
            yield Path(state.ended(2))
            return
        text = fields[1] if len(fields) > 1 else str(state.status)
        if text is None:
            yield from (Path(state.ended(end), flow=flow) for end in (0, 1))
        else:
            number = arithmetic(text, lambda name: None) if text.lstrip("-").isdigit() else 2
            yield Path(state.ended((number or 0) & 0xFF), flow=flow)

    def _do_break(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        if not self.loops:
            yield Path(state.ended(0))
            return
        levels = fields[1] if len(fields) > 1 else "1"
        if levels is None or levels not in ("1", "2", "3", "4", "5"):
            raise UndecidedError("leaves an unknown number of loops")
        yield Path(state.ended(0), flow=f"{fields[0]} {levels}")

    def _do_set(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        following = ""
        for field in fields[1:]:
            if field is None or field == "--":
                break
            if following:
                state = _with_option(state, field, following == "-")
                following = ""
            elif field[:1] in ("-", "+"):
                if "e" in field[1:].replace("o", ""):
                    state = replace(state, errexit=field[0] == "-")
                following = field[0] if field.endswith("o") else ""
        yield Path(state.ended(0))

    def _do_test(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        words = list(fields[1:])
        if (fields[0] == "[" and (not words or words.pop() != "]")) or malformed(words):
            yield Path(state.ended(2))
            return
        yield from either(state, compare(words, self.world.file, self.world.installed))

    def _do_echo(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        words = list(fields[1:])
        if fields[0] == "printf":
            text = words[1] if len(words) == 2 and words[0] in ("%s", "%s\\n") else None
            text = words[0] if len(words) == 1 and words[0] and not set(words[0]) & set("%\\") else text
            yield Path(state.ended(0), text)
            return
        end = "\n"
        while words and words[0] in ("-n", "-e", "-E"):
            if words[0] == "-n":
                end = ""
            words.pop(0)
        known = [word for word in words if word is not None]
        text = " ".join(known) + end if len(known) == len(words) and not any("\\" in word for word in known) else None
        yield Path(state.ended(0), text)

    def _do_declare(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        if fields[0] == "local" and not self.calls:
            yield Path(state.ended(1))
            return
        for field in fields[1:]:
            if field is None:
                raise UndecidedError("declares an unknown name")
            name, equals, value = field.partition("=")
            if equals and not name.startswith("-"):
                state = state.put(name.rstrip("+"), value)
        # The status is that of the declaration, whatever a $(…) in it said.
        yield Path(state.ended(0))

    def _do_read(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        names = [field for field in fields[1:] if field and not field.startswith("-")] or ["REPLY"]
        if stdin is not None and len(names) == 1 and "\n" in stdin:
            yield Path(state.put(names[0], stdin.partition("\n")[0].strip()).ended(0))
            if stdin.count("\n") > 1:
                yield Path(state.put(names[0], None).ended(1))
            return
        for name in names:
            state = state.put(name, None)
        yield from (Path(state.ended(end)) for end in (0, 1))

    def _do_trap(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        if len(fields) > 1 and (fields[1] is None or any(word in fields[1] for word in ("exit", "return", "set"))):
            raise UndecidedError("a trap that may change the exit status")
        yield Path(state.ended(0))

    def _do_eval(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        raise UndecidedError(f"{fields[0]} of something unknown")

    def _do_source(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterable[Path]:
        path = fields[1] if len(fields) > 1 else None
        known, content = self.world.file(path) if path is not None else (False, None)
        if not known and path is not None:
            known, content = self.world.script(path)
        if not known:
            raise UndecidedError("reads another script, which is not known")
        if content is None:
            return [Path(state.ended(1))]
        self.calls += 1
        if self.calls > _MAX_CALLS:
            raise UndecidedError("scripts read each other too deeply")
        spend(len(content) // _CHARACTERS_PER_UNIT)
        try:
            paths = self.run(parse(content), state, stdin, self.tested)
        except ParseError as error:
            raise UndecidedError(f"reads another script: {error.message}") from error
        self.calls -= 1
        return [replace(path, flow="") if path.flow == "return" else path for path in paths]

    def _prefixed(self, fields: tuple[Text, ...], state: State, stdin: Text, tested: bool) -> Iterable[Path]:
        """Words that run the command behind them, and `command -v`."""
        rest = list(fields[1:])
        if fields[0] == "command" and rest and rest[0] in ("-v", "-V"):
            return self._do_which(("which", *rest[1:]), state, stdin)
        takes_time = fields[0] == "timeout"
        while rest:
            word = rest[0]
            if word is not None and (word.startswith("-") or (fields[0] == "env" and "=" in word)):
                has_value = word in ("-t", "-p", "-k", "-s", "-n", "-u", "-g")
                del rest[: 2 if has_value else 1]
            elif takes_time:
                takes_time = False
                rest.pop(0)
            else:
                break
        if not rest:
            return [Path(state.ended(0))]
        paths = self._call(tuple(rest), state, stdin, tested)
        if fields[0] == "exec":
            return [replace(path, flow="exit") for path in paths]
        if fields[0] == "timeout":
            return [*paths, Path(state.ended(124), None)]
        return paths

    def _do_which(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterable[Path]:
        name = fields[-1]
        if name is not None and any(known == name for known, _ in state.functions):
            return either(state, True)
        return either(state, self.world.installed(name.rpartition("/")[2]) if name is not None else None, None)

    def _do_shift(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        for name in ("1", "2", "3", "@", "*", "#"):
            state = state.put(name, None)
        yield Path(state.ended(0))

    def _do_unset(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterator[Path]:
        for field in fields[1:]:
            state = state.put(field or "", "")
        yield Path(state.ended(0))

    def _do_let(self, fields: tuple[Text, ...], state: State, stdin: Text) -> Iterable[Path]:
        return self._arithmetic(fields[-1], state) if len(fields) > 1 else [Path(state.ended(1))]

    def _arithmetic(self, text: Text, state: State) -> list[Path]:
        if text is None:
            raise UndecidedError("an unknown sum")
        written = text.strip()
        if written.endswith(("++", "--")):
            written = f"{written[:-2]}{written[-1]}=1"
        name, equals, rest = written.partition("=")
        sign = name[-1:] if name[-1:] in "+-*/%" else ""
        target = name.removesuffix(sign).strip()
        if equals and target.isidentifier() and not rest.startswith("="):
            value = arithmetic(f"({target}) {sign} ({rest})" if sign else rest, state.get)
            after = state.put(target, None if value is None else str(value))
            return list(either(after, None if value is None else value != 0))
        value = arithmetic(written, state.get)
        return list(either(state, None if value is None else value != 0))


_BUILTINS = {
    **dict.fromkeys(("exit", "return"), "exit"),
    **dict.fromkeys(("break", "continue"), "break"),
    **dict.fromkeys(("[", "test"), "test"),
    **dict.fromkeys(("echo", "printf"), "echo"),
    **dict.fromkeys(("local", "declare", "export", "readonly", "typeset"), "declare"),
    **dict.fromkeys(("source", "."), "source"),
    **dict.fromkeys(("which", "type", "hash"), "which"),
    "shift": "shift",
    "unset": "unset",
    "set": "set",
    "read": "read",
    "trap": "trap",
    "eval": "eval",
    "let": "let",
}


def _with_option(state: State, option: str, value: bool) -> State:
    if option == "errexit":
        return replace(state, errexit=value)
    return replace(state, pipefail=value) if option == "pipefail" else state
