"""What can go wrong, said so that the user knows what to do next.

Every error carries the exit code of the command line and, where there is one, a remedy.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `manuscribe` command."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    OUTPUT = 5
    SOME_FAILED = 6
    INTERRUPTED = 130


class ManuscribeError(Exception):
    """Base of all errors that are meant for the user.

    Args:
        problem: What is wrong, with the file that it concerns, in one line.
        remedy: What to do about it, as an imperative sentence; empty where there is nothing to advise.
    """

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


class UsageError(ManuscribeError):
    """An option, a recipe or an argument makes no sense."""

    exit_code = ExitCode.USAGE


class InputError(ManuscribeError):
    """An image, a folder or another input cannot be read."""

    exit_code = ExitCode.INPUT


class ModelError(ManuscribeError):
    """A model is missing, damaged or does not fit what is asked of it."""

    exit_code = ExitCode.MODEL


class OutputError(ManuscribeError):
    """A result cannot be written."""

    exit_code = ExitCode.OUTPUT
