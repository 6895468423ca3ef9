"""Follows every path of a shell script through an imagined world, without running anything.

A `World` answers what files hold and what programs say. What it does not know is open: a program may then succeed or
fail and print anything, and both paths are followed. The result is the set of exit statuses that the script can end
with. What cannot be followed soundly (eval, sourced files, too many paths) is `UndecidedError`, never a guess.
Source of the meaning: POSIX shell command language (XCU 2), bash(1) on `set -e`, pipelines and assignments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_syntax import parse
from scanner.parsers.shell_values import Text, UndecidedError, arithmetic, compare, glob_match, operator

__all__ = ["Answer", "World", "endings"]

Answer: TypeAlias = tuple[int | None, Text]
"""Exit status and output of a program; None where that is open."""

_MAX_STEPS = 30_000
_MAX_PATHS = 160
_MAX_ROUNDS = 150
_MAX_CALLS = 12
_MAX_OUTPUT = 8192
_ARRAY = "\x1f"
_PREFIXES = frozenset({"command", "builtin", "sudo", "env", "nice", "timeout", "exec", "systemd-cat", "nohup"})
_QUIET = frozenset({":", "true", "sleep", "logger", "cd", "umask", "shopt", "unset", "alias", "wait", "sync", "shift"})


class World(Protocol):
    """What a script can find out. Both answers may be open."""

    def file(self, path: str) -> tuple[bool, str | None]:
        """Whether it is known what lies at `path`, and the text (None: nothing lies there)."""

    def program(self, name: str, arguments: Sequence[Text], stdin: Text) -> Answer | None:
        """What a program answers; None when all is open."""

    def installed(self, name: str) -> bool | None:
        """Whether the program exists; None when that is open."""


@dataclass(frozen=True, slots=True)
class _State:
    names: tuple[tuple[str, Text], ...] = ()
    functions: tuple[tuple[str, tree.Command], ...] = ()
    errexit: bool = False
    pipefail: bool = False
    open: bool = False
    status: int = 0

    def get(self, name: str) -> Text:
        for known, value in self.names:
            if known == name:
                return value
        # Lower-case names are the script's own: unset is empty. Others may come from the environment.
        if self.open or not name or name in "$!" or (name.upper() == name and not name.isdigit()):
            return "0" if name in ("UID", "EUID", "#") else None
        return ""

    def put(self, name: str, value: Text) -> _State:
        rest = tuple(pair for pair in self.names if pair[0] != name)
        return replace(self, names=tuple(sorted((*rest, (name, value)), key=lambda pair: pair[0])))

    def ended(self, status: int) -> _State:
        return self if self.status == status else replace(self, status=status)


@dataclass(frozen=True, slots=True)
class _Path:
    """One way that a command can end. `flow` is exit, return, break, continue or empty; `exempt`: `set -e` ignores it."""

    state: _State
    out: Text = ""
    flow: str = ""
    exempt: bool = False


def endings(script: tree.Sequence, world: World, *, errexit: bool = False) -> set[int]:
    """The exit statuses that the script can end with. Raises UndecidedError."""
    runner = _Runner(world)
    return {path.state.status & 0xFF for path in runner.run(script, _State(errexit=errexit), None, False)}


class _Runner:
    def __init__(self, world: World) -> None:
        self.world = world
        self.steps = 0
        self.calls = 0

    # ---- structure -------------------------------------------------------------------------------------------------

    def run(self, node: tree.Command, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        """Every way the command can end. `tested`: its status is looked at, so `set -e` does not count."""
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise UndecidedError("the script takes too many steps")
        match node:
            case tree.Sequence():
                return self._sequence(node, state, stdin, tested)
            case tree.AndOr():
                return self._and_or(node, state, stdin, tested)
            case tree.Pipe():
                return self._pipe(node, state, stdin, tested)
            case tree.Simple():
                return self._simple(node, state, stdin)
            case tree.If():
                return self._if(node, state, stdin, tested)
            case tree.Loop():
                return self._loop(node, state, stdin, tested)
            case tree.For():
                return self._for(node, state, stdin, tested)
            case tree.Case():
                return self._case(node, state, stdin, tested)
            case tree.Group():
                return self._group(node, state, stdin, tested)
            case tree.Function():
                rest = tuple(pair for pair in state.functions if pair[0] != node.name)
                return [_Path(replace(state, functions=(*rest, (node.name, node.body)), status=0))]
            case tree.Compare():
                return self._compare(node, state)
            case tree.Arithmetic():
                return self._arithmetic(node.text, state)

    def _sequence(self, node: tree.Sequence, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        paths = [_Path(state)]
        for command, background in node.items:
            found: list[_Path] = []
            for path in paths:
                if path.flow:
                    found.append(path)
                    continue
                if background:
                    found.append(replace(path, state=path.state.ended(0)))
                    continue
                for then in self.run(command, path.state, stdin, tested):
                    fails = then.state.errexit and then.state.status != 0 and not (tested or then.exempt or then.flow)
                    flow = "exit" if fails else then.flow
                    found.append(_Path(then.state, _joined(path.out, then.out), flow, then.exempt))
            paths = _merged(found)
        return paths

    def _and_or(self, node: tree.AndOr, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        paths = self.run(node.first, state, stdin, True)
        paths = [replace(path, exempt=True) for path in paths]
        for index, (sign, command) in enumerate(node.rest):
            last = index == len(node.rest) - 1
            found: list[_Path] = []
            for path in paths:
                if path.flow or (path.state.status == 0) != (sign == "&&"):
                    found.append(path)
                    continue
                for then in self.run(command, path.state, stdin, tested or not last):
                    found.append(_Path(then.state, _joined(path.out, then.out), then.flow, then.exempt or not last))
            paths = _merged(found)
        return paths

    def _pipe(self, node: tree.Pipe, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        flows: list[tuple[Text, int]] = [(stdin, 0)]
        alone = len(node.commands) == 1
        done: list[_Path] = []
        for command in node.commands:
            found: list[tuple[Text, int]] = []
            for text, worst in flows:
                for path in self.run(command, state, text, tested or node.negated):
                    if alone:
                        done.append(path)
                    else:
                        found.append((path.out, path.state.status or (worst if state.pipefail else 0)))
            flows = list(dict.fromkeys(found))
            _within(flows)
        if alone:
            return [_negated(path) if node.negated and not path.flow else path for path in done]
        ends = [_Path(state.ended(status), out) for out, status in flows]
        return _merged([_negated(path) for path in ends] if node.negated else ends)

    def _if(self, node: tree.If, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        done: list[_Path] = []
        waiting = [_Path(state)]
        for condition, body in node.branches:
            other: list[_Path] = []
            for path in waiting:
                for asked in self.run(condition, path.state, stdin, True):
                    asked = replace(asked, out=_joined(path.out, asked.out))
                    if asked.flow:
                        done.append(asked)
                    elif asked.state.status == 0:
                        done.extend(self._after(asked, body, stdin, tested))
                    else:
                        other.append(asked)
            waiting = _merged(other)
        for path in waiting:
            if node.otherwise is None:
                done.append(_Path(path.state.ended(0), path.out))
            else:
                done.extend(self._after(path, node.otherwise, stdin, tested))
        return _merged(done)

    def _after(self, path: _Path, body: tree.Command, stdin: Text, tested: bool) -> Iterator[_Path]:
        for then in self.run(body, path.state.ended(0), stdin, tested):
            yield replace(then, out=_joined(path.out, then.out))

    def _loop(self, node: tree.Loop, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        done: list[_Path] = []
        heads = [state]
        seen: set[_State] = set()
        for _ in range(_MAX_ROUNDS):
            following: list[_Path] = []
            for head in heads:
                seen.add(head)
                for asked in self.run(node.condition, head, stdin, True):
                    if asked.flow:
                        done.append(asked)
                    elif (asked.state.status == 0) == node.until:
                        done.append(_Path(asked.state.ended(0), None))
                    else:
                        following.extend(self.run(node.body, asked.state, stdin, tested))
            heads = self._next_round(following, seen, done)
            if not heads:
                return _merged(done)
        raise UndecidedError("a loop that goes round too often")

    def _next_round(self, paths: list[_Path], seen: set[_State], done: list[_Path]) -> list[_State]:
        """States in which a loop begins again, states seen before left out: from there nothing new can come."""
        heads: dict[_State, None] = {}
        for path in paths:
            flow, _, levels = path.flow.partition(" ")
            if flow in ("break", "continue") and levels not in ("", "1"):
                done.append(replace(path, flow=f"{flow} {int(levels) - 1}", out=None))
            elif flow == "break":
                done.append(_Path(path.state.ended(0), None))
            elif flow in ("", "continue"):
                if path.state not in seen:
                    heads[path.state] = None
            else:
                done.append(path)
        _within(heads)
        return list(heads)

    def _for(self, node: tree.For, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        done: list[_Path] = []
        for fields, _ in self._fields(node.words, state, stdin) if node.words is not None else [((None,), 0)]:
            if None in fields or len(fields) > _MAX_ROUNDS:
                done.extend(self._for_any(node, state, stdin, tested))
                continue
            heads = [state.ended(0)]
            for field in fields:
                following: list[_Path] = []
                for head in heads:
                    following.extend(self.run(node.body, head.put(node.name, field), stdin, tested))
                heads = self._next_round(following, set(), done)
            done.extend(_Path(head, None) for head in heads)
        return _merged(done)

    def _for_any(self, node: tree.For, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        """A loop over things that are not known: none, or any number of them."""
        done: list[_Path] = []
        heads = [state.ended(0)]
        seen: set[_State] = set()
        for _ in range(_MAX_ROUNDS):
            following: list[_Path] = []
            for head in heads:
                seen.add(head)
                done.append(_Path(head, None))
                body_state = head.put(node.name, None) if node.name else replace(head, open=True)
                following.extend(self.run(node.body, body_state, stdin, tested))
            heads = self._next_round(following, seen, done)
            if not heads:
                return _merged(done)
        raise UndecidedError("a loop that goes round too often")

    def _case(self, node: tree.Case, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        if node.falls:
            raise UndecidedError("a case that falls through")
        done: list[_Path] = []
        for value, _ in self._texts(node.word, state, stdin):
            for patterns, body in node.branches:
                answers = [self._matches(value, pattern, state, stdin) for pattern in patterns]
                if True in answers or None in answers:
                    done.extend(self.run(body, state.ended(0), stdin, tested))
                if True in answers:
                    break
            else:
                done.append(_Path(state.ended(0)))
        return _merged(done)

    def _matches(self, value: Text, pattern: tree.Word, state: _State, stdin: Text) -> bool | None:
        answers = {glob_match(value, text) for text in self._patterns(pattern, state, stdin)}
        return answers.pop() if len(answers) == 1 else None

    def _group(self, node: tree.Group, state: _State, stdin: Text, tested: bool) -> list[_Path]:
        done: list[_Path] = []
        for text, silent, missing in self._redirected(node.redirects, state, stdin):
            if missing:
                done.append(_Path(state.ended(1)))
                continue
            for path in self.run(node.body, state, text, tested):
                out = "" if silent else path.out
                if node.subshell:
                    done.append(_Path(state.ended(path.state.status), out, exempt=path.exempt))
                else:
                    done.append(replace(path, out=out))
        return _merged(done)

    # ---- words -----------------------------------------------------------------------------------------------------

    def _texts(self, word: tree.Word, state: _State, stdin: Text) -> list[tuple[Text, int | None]]:
        """The texts a word can become, each with the status of the last `$(…)` in it."""
        found: list[tuple[Text, int | None]] = [("", None)]
        for part in word:
            values = list(self._part(part, state, stdin))
            found = list(
                dict.fromkeys(
                    (_joined(text, value), status if new is None else new)
                    for text, status in found
                    for value, new in values
                )
            )
            _within(found)
        return found

    def _part(self, part: tree.Part, state: _State, stdin: Text) -> Iterator[tuple[Text, int | None]]:
        match part:
            case tree.Literal():
                yield part.text, None
            case tree.Variable():
                yield operator(state.get, part.name, part.rest, state.status), None
            case tree.Sum():
                value = arithmetic(part.text, state.get)
                yield (None if value is None else str(value)), None
            case tree.Run():
                # bash switches `set -e` off inside.
                for path in self.run(part.body, replace(state, errexit=False), stdin, False):
                    out = path.out
                    yield (out.rstrip("\n") if out is not None else None), path.state.status

    def _patterns(self, word: tree.Word, state: _State, stdin: Text) -> list[Text]:
        """The patterns a word can become, quoted characters made literal."""
        found: list[Text] = [""]
        for part in word:
            for value in {value for value, _ in self._part(part, state, stdin)} if part is not None else ():
                text = value
                if text is not None and part.quoted:
                    text = "".join(f"[{char}]" if char in "*?[" else char for char in text)
                found = [_joined(known, text) for known in found]
        return found

    def _fields(
        self, words: Iterable[tree.Word], state: _State, stdin: Text
    ) -> list[tuple[tuple[Text, ...], int | None]]:
        """The arguments that words can become, after splitting."""
        found: list[tuple[tuple[Text, ...], int | None]] = [((), None)]
        for word in words:
            splits = any(not part.quoted and not isinstance(part, tree.Literal) for part in word)
            options = [(_split(text, splits, word), status) for text, status in self._texts(word, state, stdin)]
            found = list(
                dict.fromkeys(
                    ((*fields, *more), status if new is None else new)
                    for fields, status in found
                    for more, new in options
                )
            )
            _within(found)
        return found

    def _redirected(
        self, redirects: Sequence[tree.Redirect], state: _State, stdin: Text
    ) -> list[tuple[Text, bool, bool]]:
        """Standard input, whether the output goes elsewhere, and whether an input file is missing."""
        found: list[tuple[Text, bool, bool]] = [(stdin, False, False)]
        for redirect in redirects:
            if redirect.sign in (">", ">>", ">|", "&>", "&>>", ">&"):
                to_output = redirect.sign == ">&" and redirect.descriptor not in ("", "1")
                silent = redirect.descriptor in ("", "1") and not to_output
                found = [(text, quiet or silent, missing) for text, quiet, missing in found]
                continue
            if redirect.sign not in ("<", "<<<", "<<"):
                raise UndecidedError("an unusual redirection")
            texts = [text for text, _ in self._texts(redirect.word, state, stdin)]
            found = [
                new for _, quiet, missing in found for text in texts for new in self._input(redirect, text, quiet, missing)
            ]
            _within(found)
        return found

    def _input(
        self, redirect: tree.Redirect, text: Text, quiet: bool, missing: bool
    ) -> Iterator[tuple[Text, bool, bool]]:
        if redirect.sign != "<":
            yield (_joined(text, "\n") if redirect.sign == "<<<" else None), quiet, missing
            return
        known, content = self.world.file(text) if text is not None else (False, None)
        if not known or content is not None:
            yield content, quiet, missing
        if not known or content is None:
            yield "", quiet, True

    # ---- simple commands -------------------------------------------------------------------------------------------

    def _simple(self, node: tree.Simple, state: _State, stdin: Text) -> list[_Path]:
        done: list[_Path] = []
        for after, status in self._assigned(node.assigns, state, stdin):
            if not node.words:
                done.append(_Path(after.ended(status or 0)))
                continue
            for fields, _ in self._fields(node.words, state, stdin):
                for text, silent, missing in self._redirected(node.redirects, state, stdin):
                    if missing:
                        done.append(_Path(state.ended(1)))
                        continue
                    # Assignments before a command hold for that command only; those of a declaration stay.
                    keeps = bool(fields) and fields[0] in ("local", "declare", "export", "readonly", "typeset")
                    for path in self._call(fields, after if keeps else state, text):
                        done.append(replace(path, out="") if silent else path)
        return _merged(done)

    def _assigned(
        self, assigns: Sequence[tree.Assign], state: _State, stdin: Text
    ) -> list[tuple[_State, int | None]]:
        found: list[tuple[_State, int | None]] = [(state, None)]
        for assign in assigns:
            following: list[tuple[_State, int | None]] = []
            for known, status in found:
                if assign.items is not None:
                    options = [
                        (None if None in fields else _ARRAY.join(str(field) for field in fields), new)
                        for fields, new in self._fields(assign.items, known, stdin)
                    ]
                else:
                    options = self._texts(assign.value, known, stdin)
                for value, new in options:
                    if assign.adds:
                        between = _ARRAY if assign.items is not None and known.get(assign.name) else ""
                        value = _joined(_joined(known.get(assign.name), between), value)
                    following.append((known.put(assign.name, value), status if new is None else new))
            found = list(dict.fromkeys(following))
            _within(found)
        return found

    def _call(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterable[_Path]:
        if not fields:
            return [_Path(state.ended(0))]
        name = fields[0]
        if name is None:
            return [_Path(state.ended(0), None), _Path(state.ended(1), None)]
        for known, body in state.functions:
            if known == name:
                return self._function(body, fields[1:], state, stdin)
        handler = getattr(self, f"_do_{_BUILTINS.get(name, '')}", None)
        if handler is not None:
            found: Iterable[_Path] = handler(fields, state, stdin)
            return found
        return self._program(fields, state, stdin)

    def _function(self, body: tree.Command, args: tuple[Text, ...], state: _State, stdin: Text) -> list[_Path]:
        self.calls += 1
        if self.calls > _MAX_CALLS:
            raise UndecidedError("functions call each other too deeply")
        inner = state
        for index in range(1, max(len(args), 3) + 1):
            inner = inner.put(str(index), args[index - 1] if index <= len(args) else "")
        joined = None if None in args else _ARRAY.join(str(arg) for arg in args)
        inner = inner.put("@", joined).put("*", joined).put("#", str(len(args)))
        outer = {name: value for name, value in state.names if name in "@*#" or name.isdigit()}
        done = []
        for path in self.run(body, inner, stdin, False if state.errexit else True):
            names = tuple(pair for pair in path.state.names if pair[0] not in "@*#" and not pair[0].isdigit())
            back = replace(path.state, names=tuple(sorted((*names, *outer.items()), key=lambda pair: pair[0])))
            done.append(_Path(back, path.out, "" if path.flow == "return" else path.flow))
        self.calls -= 1
        return done

    def _program(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> list[_Path]:
        name = (fields[0] or "").rpartition("/")[2]
        answer = (0, "") if name in _QUIET else self.world.program(name, fields[1:], stdin)
        status, out = answer if answer is not None else (None, None)
        return [_Path(state.ended(end), out) for end in ((0, 1) if status is None else (status,))]

    def _do_exit(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        flow = "return" if fields[0] == "return" else "exit"
        text = fields[1] if len(fields) > 1 else str(state.status)
        if text is None:
            yield from (_Path(state.ended(end), flow=flow) for end in (0, 1))
        else:
            number = arithmetic(text, lambda name: None) if text.lstrip("-").isdigit() else 2
            yield _Path(state.ended((number or 0) & 0xFF), flow=flow)

    def _do_break(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        levels = fields[1] if len(fields) > 1 else "1"
        if levels is None or levels not in ("1", "2", "3", "4", "5"):
            raise UndecidedError("leaves an unknown number of loops")
        yield _Path(state.ended(0), flow=f"{fields[0]} {levels}")

    def _do_set(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
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
        yield _Path(state.ended(0))

    def _do_test(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        words = list(fields[1:])
        if fields[0] == "[":
            if not words or words.pop() != "]":
                yield _Path(state.ended(2))
                return
        yield from _either(state, compare(words, self.world.file, self.world.installed))

    def _do_echo(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        words = list(fields[1:])
        if fields[0] == "printf":
            text = words[1] if len(words) == 2 and words[0] in ("%s", "%s\\n") else None
            text = words[0] if len(words) == 1 and words[0] and not set(words[0]) & set("%\\") else text
            yield _Path(state.ended(0), text)
            return
        end = "\n"
        while words and words[0] in ("-n", "-e", "-E"):
            if words[0] == "-n":
                end = ""
            words.pop(0)
        known = [word for word in words if word is not None]
        text = " ".join(known) + end if len(known) == len(words) and not any("\\" in word for word in known) else None
        yield _Path(state.ended(0), text)

    def _do_declare(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        for field in fields[1:]:
            if field is None:
                raise UndecidedError("declares an unknown name")
            name, equals, value = field.partition("=")
            if equals and not name.startswith("-"):
                state = state.put(name.rstrip("+"), value)
        # The status is that of the declaration, whatever a $(…) in it said.
        yield _Path(state.ended(0))

    def _do_read(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        names = [field for field in fields[1:] if field and not field.startswith("-")] or ["REPLY"]
        if stdin is not None and len(names) == 1 and "\n" in stdin:
            yield _Path(state.put(names[0], stdin.partition("\n")[0].strip()).ended(0))
            if stdin.count("\n") > 1:
                yield _Path(state.put(names[0], None).ended(1))
            return
        for name in names:
            state = state.put(name, None)
        yield from (_Path(state.ended(end)) for end in (0, 1))

    def _do_trap(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        if len(fields) > 1 and (fields[1] is None or any(word in fields[1] for word in ("exit", "return", "set"))):
            raise UndecidedError("a trap that may change the exit status")
        yield _Path(state.ended(0))

    def _do_eval(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterator[_Path]:
        raise UndecidedError(f"{fields[0]} of something unknown")

    def _do_source(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterable[_Path]:
        path = fields[1] if len(fields) > 1 else None
        known, content = self.world.file(path) if path is not None else (False, None)
        if not known or path is None:
            raise UndecidedError("reads another script")
        if content is None:
            return [_Path(state.ended(1))]
        try:
            return self.run(parse(content), state, stdin, False)
        except ParseError:
            return [_Path(state.ended(1))]

    def _do_prefix(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterable[_Path]:
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
            return [_Path(state.ended(0))]
        paths = self._call(tuple(rest), state, stdin)
        if fields[0] == "exec":
            return [replace(path, flow="exit") for path in paths]
        if fields[0] == "timeout":
            return [*paths, _Path(state.ended(124), None)]
        return paths

    def _do_which(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterable[_Path]:
        name = fields[-1]
        if name is not None and any(known == name for known, _ in state.functions):
            return _either(state, True)
        return _either(state, self.world.installed(name.rpartition("/")[2]) if name is not None else None, None)

    def _do_let(self, fields: tuple[Text, ...], state: _State, stdin: Text) -> Iterable[_Path]:
        return self._arithmetic(fields[-1], state) if len(fields) > 1 else [_Path(state.ended(1))]

    def _arithmetic(self, text: Text, state: _State) -> list[_Path]:
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
            return list(_either(after, None if value is None else value != 0))
        value = arithmetic(written, state.get)
        return list(_either(state, None if value is None else value != 0))

    def _compare(self, node: tree.Compare, state: _State) -> list[_Path]:
        found: list[list[Text]] = [[]]
        for word in node.words:
            texts: list[Text]
            previous = found[0][-1] if found[0] else None
            if previous in ("==", "=", "!=") and len(word) > 0:
                texts = self._patterns(word, state, None)
            else:
                texts = [text for text, _ in self._texts(word, state, None)]
            found = [[*words, text] for words in found for text in dict.fromkeys(texts)]
            _within(found)
        done: list[_Path] = []
        for words in found:
            done.extend(_either(state, compare(words, self.world.file, self.world.installed, extended=True)))
        return _merged(done)


_BUILTINS = {
    **dict.fromkeys(("exit", "return"), "exit"),
    **dict.fromkeys(("break", "continue"), "break"),
    **dict.fromkeys(("[", "test"), "test"),
    **dict.fromkeys(("echo", "printf"), "echo"),
    **dict.fromkeys(("local", "declare", "export", "readonly", "typeset"), "declare"),
    **dict.fromkeys(("source", "."), "source"),
    **dict.fromkeys(("which", "type", "hash"), "which"),
    **dict.fromkeys(_PREFIXES, "prefix"),
    "set": "set",
    "read": "read",
    "trap": "trap",
    "eval": "eval",
    "let": "let",
}


def _with_option(state: _State, option: str, value: bool) -> _State:
    if option == "errexit":
        return replace(state, errexit=value)
    return replace(state, pipefail=value) if option == "pipefail" else state


def _either(state: _State, answer: bool | None, out: Text = "") -> Iterator[_Path]:
    if answer is not False:
        yield _Path(state.ended(0), out)
    if answer is not True:
        yield _Path(state.ended(1), out)


def _negated(path: _Path) -> _Path:
    return _Path(path.state.ended(0 if path.state.status else 1), path.out, path.flow, True)


def _joined(first: Text, second: Text) -> Text:
    if first is None or second is None or len(first) + len(second) > _MAX_OUTPUT:
        return None
    return first + second


def _split(text: Text, splits: bool, word: tree.Word) -> tuple[Text, ...]:
    if text is None:
        return (None,)
    if _ARRAY in text:
        return tuple(text.split(_ARRAY))
    if splits:
        return tuple(text.split())
    if not text and not any(part.quoted for part in word):
        return ()
    plain = "".join(part.text for part in word if isinstance(part, tree.Literal) and not part.quoted)
    if "/" in plain and any(char in plain for char in "*?"):
        return (None,)
    return tuple(_counted(text)) if text.startswith("{") and len(word) == 1 else (text,)


def _counted(text: str) -> list[str]:
    """`{1..5}` as its numbers; any other text as it is."""
    first, dots, last = text.strip("{}").partition("..")
    if not dots or not (first.isdecimal() and last.isdecimal()) or len(first + last) > 8:
        return [text]
    low, high = int(first), int(last)
    return [str(number) for number in range(low, high + 1)] if 0 <= high - low < _MAX_ROUNDS else [text]


def _merged(paths: list[_Path]) -> list[_Path]:
    found = list(dict.fromkeys(paths))
    _within(found)
    return found


def _within(found: Iterable[object]) -> None:
    if len(list(found)) > _MAX_PATHS:
        raise UndecidedError("the script has too many paths")
