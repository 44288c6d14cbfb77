"""Functions that touch the machine: programs, files, named templates, address templates."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import subprocess

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import ExecError, FunctionError
from pyconsul.lang.gotemplate.values import Value
from pyconsul.lang.strconv import from_bytes, quote, to_bytes
from pyconsul.primitives.system_errors import system_text
from pyconsul_template.execution import Execution
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.text import GO_SPACE

PLUGIN_SECONDS = 30.0

_NUMBER = re.compile(r"[+-]?[0-9]+")

MAX_NESTING = 1_000
"""How deep executeTemplate may call itself; each level takes C stack, of which there are 8 MB."""


@function("executeTemplate", "string, ...any", context=True)
def execute_template(run: Execution, name: str, *data: Value) -> str:
    """The text of a template that is defined in the same source."""
    if len(data) > 1:
        wrong = f"executeTemplate: wrong number of arguments, expected 1 or 2, but got {len(data) + 1}"
        raise FunctionError(wrong)
    if run.execute_named is None:
        raise FunctionError("executeTemplate: not available here")
    if run.nesting >= MAX_NESTING:
        raise FunctionError(f"executeTemplate: exceeded maximum template depth ({MAX_NESTING})")
    run.nesting += 1
    try:
        return run.execute_named(name, data[0] if data else None, run)
    except ExecError as error:
        raise FunctionError(str(error)) from error
    finally:
        run.nesting -= 1


def _plugin_failure(name: str, reason: str, out: bytes = b"", err: bytes = b"") -> FunctionError:
    text = f"exec {quote(name)}: {reason}\n\nstdout:\n\n{from_bytes(out)}\n\nstderr:\n\n{from_bytes(err)}"
    return FunctionError(text)


@function("plugin", "string, ...string", changing=True)
def plugin(name: str, *args: str) -> str:
    """The standard output of a program, trimmed."""
    if not name:
        return ""
    words = [name, *(stripped for arg in args if (stripped := arg.strip(GO_SPACE)))]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PLUGIN_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FunctionError(f"exec {quote(name)}: did not finish in 30s") from None
    except FileNotFoundError:
        if "/" not in name:
            missing = f"exec: {quote(name)}: executable file not found in $PATH"
            raise _plugin_failure(name, missing) from None
        raise _plugin_failure(name, f"fork/exec {name}: no such file or directory") from None
    except OSError as error:
        raise _plugin_failure(name, f"fork/exec {name}: {(error.strerror or '').lower()}") from None
    if done.returncode:
        code = done.returncode
        reason = f"exit status {code}" if code > 0 else f"signal: {_signal_words(-code)}"
        raise _plugin_failure(name, reason, done.stdout, done.stderr)
    return from_bytes(done.stdout).strip(GO_SPACE)


def _signal_words(number: int) -> str:
    import signal

    return (signal.strsignal(number) or str(number)).lower()


def user_id(name: str) -> int:
    """The number of a user by name or number, -1 for none. Raises FunctionError."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        if _NUMBER.fullmatch(name):
            return int(name)
        raise FunctionError(f"user: unknown user {name}") from None


def group_id(name: str) -> int:
    """The number of a group by name or number, -1 for none. Raises FunctionError."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if _NUMBER.fullmatch(name):
            return int(name)
        raise FunctionError(f"group: unknown group {name}") from None


@function("writeToFile", "string, string, string, string, ...string", changing=True)
def write_to_file(path: str, user: str, group: str, permissions: str, *rest: str) -> str:
    """Write the last argument to a file; never through a link. Prints nothing."""
    if not rest:
        raise FunctionError("runtime error: index out of range [-1]")
    flags = rest[0] if len(rest) == 2 else ""
    try:
        # Go keeps set-user-ID and its kin elsewhere in a mode, so that 4755 means 0755 here.
        mode = strconv.parse_uint(permissions, 8, 32) & 0o777
    except strconv.NumberSyntaxError as error:
        raise FunctionError(str(error)) from None
    try:
        _write(path, to_bytes(rest[-1] + ("\n" if "newline" in flags else "")), mode, user, group, "append" in flags)
    except OSError as error:
        raise FunctionError(f"open {os.path.normpath(path)}: {system_text(error)}") from None
    return ""


def _write(path: str, data: bytes, mode: int, user: str, group: str, append: bool) -> None:
    clean = os.path.normpath(path)
    folder = os.path.dirname(clean) or "."
    _make(folder)
    if os.path.islink(folder):
        raise FunctionError(f"writeToFile: refusing to write through symlinked directory in path {quote(path)}")
    if _is_link(clean):
        raise FunctionError(f"writeToFile: refusing to write to symlink {quote(path)}")
    how = os.O_APPEND | os.O_WRONLY if append else os.O_RDWR | os.O_TRUNC
    target = os.open(clean, how | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(target, "wb") as out:
        out.write(data)
        if user or group:
            os.fchown(target, user_id(user) if user else os.getuid(), group_id(group) if group else os.getgid())
        os.fchmod(target, mode)


def _make(folder: str) -> None:
    """See that the folder is there."""
    try:
        os.stat(folder)
    except FileNotFoundError:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise FunctionError(f"mkdir {error.filename or folder}: {system_text(error)}") from None
    except OSError as error:
        raise FunctionError(f"stat {folder}: {system_text(error)}") from None


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        reason = f"lstat {path}: {system_text(error)}"
        raise FunctionError(f"writeToFile: failed to stat {quote(path)}: {reason}") from None


@function("sockaddr", "...string", changing=True)
def sockaddr(*words: str) -> str:
    """The result of an address template."""
    from pyconsul.config.sockaddrfunctions import expand

    try:
        return expand("{{ " + " ".join(words) + " }}")
    except ValueError as error:
        raise FunctionError(str(error)) from None
