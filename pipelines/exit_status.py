"""Exit statuses of commands, for scripts and CronJobs."""

EXIT_BUG = 1
EXIT_NOT_STARTED = 2
"""Job or machine wrong, before any work."""
EXIT_INCOMPLETE = 3
"""Some items are quarantined or failed."""
EXIT_DELETED = 4
"""Somebody deleted the run that was waited for."""
EXIT_TRY_AGAIN = 75
"""A store did not answer for longer than the run waits (EX_TEMPFAIL of sysexits.h): the same command, later."""
EXIT_INTERRUPTED = 130
"""Running the same command again resumes."""


def as_shell_says(code: int) -> int:
    """Python tells of a process that signal 9 killed with -9, a shell with 137."""
    return 128 - code if code < 0 else code
