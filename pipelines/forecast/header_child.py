"""The process that looks at strangers' files for the driver: one question after the other, until its input ends.

Its memory is limited, and it is ended from outside when a question takes too long.
"""

import os
import pickle
import struct
import sys
from pathlib import Path
from typing import IO, Any

HEAD = struct.Struct(">Q")
"""Before each message: how many bytes it has."""
_KB = 1024


def serve(memory_bytes: int) -> None:
    """Answer questions from standard input on standard output; `memory_bytes` may be taken for them."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # whatever a library prints must not come between the answers
        os.dup2(nowhere, stream)
    import cv2

    cv2.setNumThreads(1)
    from reelmend.pipelines.forecast.header_reader import HeaderReader

    _limit_memory(memory_bytes)
    glances: tuple[Any, HeaderReader] | None = None
    while (question := receive(questions)) is not None:
        folder, environment, config, what, arguments = question
        if glances is None or glances[0] != (environment, config):
            os.environ.clear()
            os.environ.update(environment)
            glances = ((environment, config), HeaderReader(config))
        answer: tuple[Any, Exception | None]
        try:
            os.chdir(folder)
            answer = (getattr(glances[1], what)(*arguments), None)
        except Exception as exc:  # whatever a stranger's file does
            answer = (None, exc)
        send(answers, _picklable(answer))


def send(stream: IO[bytes], message: Any) -> None:
    content = message if isinstance(message, bytes) else pickle.dumps(message)
    stream.write(HEAD.pack(len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the next message, None at the end."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    content = stream.read(HEAD.unpack(head)[0])
    return pickle.loads(content)


def _picklable(answer: tuple[Any, Exception | None]) -> bytes:
    try:
        content = pickle.dumps(answer)
        pickle.loads(content)  # some exceptions are written and not read
        return content
    except Exception:
        return pickle.dumps((None, RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))


def _limit_memory(more_bytes: int) -> None:
    """Let this process take so much more than it has now; what is beyond fails as a lack of memory."""
    status = Path("/proc/self/status")
    if not status.exists():  # no Linux: the time limit alone holds
        return
    import resource

    taken_kb = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmData"))
    limit = taken_kb * _KB + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
