"""The way in and every way out: exit code 0, or 2 for a wrong input."""

import os
import sys
from collections.abc import Sequence

import typer

import hwsim.cli.gates  # noqa: F401  its commands
from hwsim.cli import INTERRUPTED
from hwsim.cli.app import app
from hwsim.spec.errors import HwsimError

WRONG_INPUT, PIPE_CLOSED = 2, 1
# the class of all usage errors; where it lives differs between the releases of typer
USAGE: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def run(args: Sequence[str] | None = None) -> int:
    """Runs one command; None takes the process's arguments. Errors are one line each on stderr; KeyboardInterrupt passes."""
    try:
        code = app(args=args, prog_name="hwsim", standalone_mode=False)
        sys.stdout.flush()
    except HwsimError as e:
        return _fail(str(e).splitlines())
    except MemoryError as e:
        return _fail([f"memory: {e or 'not enough'}; there is less on this computer, give a smaller input"])
    except USAGE as e:
        return _fail([f"{_where(e)}: {_what(e)}; {_help(e)}"])
    except typer.Exit as e:
        code = e.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:  # the reader of stdout left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _fail(lines: Sequence[str]) -> int:
    for line in lines:
        print(f"hwsim: {line}", file=sys.stderr)
    return WRONG_INPUT


def _command(e: Exception) -> str:
    context = getattr(e, "ctx", None)
    return str(context.command_path) if context else "hwsim"


def _where(e: Exception) -> str:
    return _command(e).removeprefix("hwsim").strip() or "command line"


def _what(e: Exception) -> str:
    said = " ".join(str(e.format_message() if hasattr(e, "format_message") else e).split()).rstrip(
        "."
    )
    return said[:1].lower() + said[1:]


def _help(e: Exception) -> str:
    return f"see {_command(e)} --help"
