"""Worker in another process, for a run inside one process that can no longer use its GPU."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import reelmend
from reelmend.core_model.progress import PROGRESS
from reelmend.pipelines.errors import FailureKind, as_shell_says
from reelmend.pipelines.forecast.header_child import receive, send
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.tasks import Failure, Receipt, Stage, Task
from reelmend.pipelines.utils.logs import log_to_stderr
from reelmend.pipelines.utils.repeating import repeating

_SIGN_S = 1.0
"""Between two messages of how far a task is."""
_CODE = "import sys; sys.path.insert(0, sys.argv[1])\nfrom reelmend.pipelines.run.child_worker import serve; serve()"


class _Sign(NamedTuple):
    """How far the task in progress is."""

    signs: int
    frames: float


class ChildWorker:
    """Performs tasks in a process, and in a new one after each error of CUDA; the first starts with the first task."""

    def __init__(self, context: RunContext, worker_factory: Callable[[RunContext], Any]) -> None:
        """`worker_factory` must be importable in the process, which calls it with the context."""
        self._start_message = (context, worker_factory)
        self._process: subprocess.Popen[bytes] | None = None

    def warm(self, stage: Stage) -> None:
        """Nothing: what tasks need is loaded by the first of them."""

    def perform(self, task: Task) -> Receipt | Failure:
        """Do the task; whatever goes wrong becomes a Failure, the end of the process too."""
        PROGRESS.begin_task()
        answer: Receipt | Failure | None = None
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            send(process.stdin, task)
            signs = 0
            while isinstance(message := receive(process.stdout), _Sign):
                if message.signs > signs:
                    signs = message.signs
                    PROGRESS.show(message.frames)
            answer = message
        except BrokenPipeError:
            pass
        finally:
            if answer is None or (isinstance(answer, Failure) and answer.kind == FailureKind.CONTEXT_LOST):
                status = self.end()
        if answer is None:
            reason = f"{task.item.video}: the process of its {task.stage} ended with status {status}"
            return Failure(task.id, FailureKind.WORKER_LOST, reason, transient=True)
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        self.end()

    def end(self) -> int:
        """End the process and return its exit status; what it has in hand is lost."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()  # one that has ended by itself keeps its status
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        return as_shell_says(process.wait())

    def _start(self) -> subprocess.Popen[bytes]:
        package = str(Path(reelmend.__file__).parents[1])
        self._process = process = subprocess.Popen(
            # -P: the current folder may hold anything, also a folder of the name of one of our packages
            [sys.executable, "-P", "-c", _CODE, package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the run's to answer
        )
        assert process.stdin is not None
        send(process.stdin, self._start_message)
        return process


def serve() -> None:
    """Perform tasks from standard input and answer on standard output, until the input ends."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    context, worker_factory = receive(questions)
    log_to_stderr(context.job.log.format, logging.WARNING)
    worker = worker_factory(context)
    one_at_a_time = threading.Lock()

    def tell() -> None:
        with one_at_a_time:
            send(answers, _Sign(PROGRESS.signs, PROGRESS.frames))

    while (task := receive(questions)) is not None:
        with repeating(tell, _SIGN_S, "signs"):
            answer = worker.perform(task)
        send(answers, answer)
