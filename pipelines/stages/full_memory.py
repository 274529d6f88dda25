"""Snapshots of GPU memory that ran out during a task, kept among the run's own files."""

import logging
import sys
import time

from reelmend.pipelines.errors import ReelmendError
from reelmend.pipelines.stages.run_context import RunContext
from reelmend.pipelines.stages.torch_trace import task_name
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.run_layout import MEMORY_FOLDER
from reelmend.pipelines.tasks import Task
from reelmend.pipelines.utils.logs import LogLine

MOST_KEPT = 8
"""Snapshots in the folder of a run, the newest: each is of megabytes."""
VIEWER = "https://pytorch.org/memory_viz"

log = logging.getLogger(__name__)


def keep_snapshots(task: Task, context: RunContext, files: Files) -> None:
    """Write what memory was like when it ran out during the task, and say where; nothing where it did not.

    A snapshot that cannot be kept is a warning.
    """
    if "reelmend.core_model.device.memory_snapshot" not in sys.modules:  # nothing has computed on a GPU yet
        return
    from reelmend.core_model.device.memory_snapshot import SNAPSHOTS

    folder, stamp = context.work / MEMORY_FOLDER, time.strftime("%Y%m%d-%H%M%S")
    for number, content in enumerate(SNAPSHOTS.take()):
        place = folder / f"{stamp}-{task_name(task)}-{number}.pickle"
        try:
            files.write(place, content)
            older = sorted(entry.place.name for entry in files.walk(folder))[:-MOST_KEPT]
            for name in older:
                files.delete(folder / name)
        except (ReelmendError, OSError) as exc:
            log.warning(LogLine(f"GPU memory ran out; the snapshot of it could not be kept: {exc}", task=task.id))
        else:
            log.warning(LogLine(f"GPU memory ran out; {VIEWER} shows its snapshot: {place}", task=task.id))
