"""Faults in `cluster`."""

from tests.mutants.fault import Fault

_OVERTIME = (
    "cluster/test_overtime.py::test_a_probe_that_does_not_end_is_killed_and_the_others_go_on "
    "cluster/test_overtime.py::test_a_worker_that_does_not_answer_is_killed_and_replaced "
    "cluster/test_overtime.py::test_without_a_limit_a_task_takes_as_long_as_it_takes"
)

FAULTS = [
    Fault(
        "starts that failed are remembered after a good one",
        "cluster/scheduler.py",
        "self._failed_starts[pool.name] = 0",
        "self._failed_starts[pool.name] += 0",
        "cluster/test_scheduler.py",
    ),
    Fault(
        "a start that failed too often is tried once more",
        "cluster/scheduler.py",
        "elif failed >= allowed:",
        "elif failed > allowed:",
        "cluster/test_scheduler.py",
    ),
    Fault(
        "a machine that went away is its worker's fault",
        "cluster/scheduler.py",
        "kind = kind_of_death(with_machine=event.with_machine,",
        "kind = kind_of_death(with_machine=False,",
        "cluster/test_scheduler.py cluster/test_pool_sizes.py cluster/test_memory.py",
    ),
    Fault(
        "a probe may take as long as any task",
        "cluster/scheduler.py",
        "self._patience.probe_s if task.stage is Stage.PROBE else self._patience.task_s",
        "self._patience.task_s",
        _OVERTIME,
    ),
    Fault(
        "a task is late at its limit, not after it",
        "cluster/scheduler.py",
        "if now_s - self._begun_s.get(task_id, now_s) <= allowed_s:",
        "if now_s - self._begun_s.get(task_id, now_s) < allowed_s:",
        _OVERTIME,
    ),
    Fault(
        "after memory ran out as many workers are started",
        "cluster/scheduler.py",
        "self._allowed[pool.name] = min(left, self._allowed.get(pool.name, left))",
        "self._allowed[pool.name] = min(left + 1, self._allowed.get(pool.name, left + 1))",
        "cluster/test_memory.py",
    ),
    Fault(
        "one worker less than its memory holds shares a GPU",
        "cluster/scheduler.py",
        "return math.ceil(self._size(pool) * min(pool.seats, self._seats.get(pool.name, 1)) / pool.seats)",
        "return math.floor(self._size(pool) * min(pool.seats, self._seats.get(pool.name, 1)) / pool.seats)",
        "cluster/test_scheduler.py cluster/test_pool_sizes.py",
    ),
    Fault(
        "an idle worker ends below its pool's least",
        "cluster/scheduler.py",
        "return count > pool.least and now_s - worker.since_s > self._patience.idle_s",
        "return count >= pool.least and now_s - worker.since_s > self._patience.idle_s",
        "cluster/test_pool_sizes.py",
    ),
    Fault(
        "a worker gets the item that others hold",
        "cluster/scheduler.py",
        "return {other.item for other in self._of(worker.pool) if other is not worker}",
        "return set()",
        "cluster/test_affinity.py cluster/test_scheduler.py",
    ),
    Fault(
        "workers without memory are placed",
        "cluster/resources.py",
        "int(min(node.cpus, node.memory // _WORKER_MEMORY)) for node in nodes",
        "int(node.cpus) for node in nodes",
        "cluster/test_resources.py",
    ),
    Fault(
        "three fifths of the GPUs compute flow",
        "cluster/resources.py",
        "flow_gpus = max(1, round(gpus * _FLOW_GPUS / (_FLOW_GPUS + _INPAINT_GPUS)))",
        "flow_gpus = max(1, round(gpus * _INPAINT_GPUS / (_FLOW_GPUS + _INPAINT_GPUS)))",
        "cluster/test_resources.py",
    ),
    Fault(
        "a GPU without cores beside it gets a worker",
        "cluster/resources.py",
        "return min(node.gpus, int(node.cpus / whole.cpus + 1e-9)) if whole.cpus else node.gpus",
        "return node.gpus",
        "cluster/test_resources.py",
    ),
    Fault(
        "the last core of a range is left out",
        "cluster/placement.py",
        "range(int(ends[0]), int(ends[-1]) + 1)",
        "range(int(ends[0]), int(ends[-1]))",
        "cluster/test_placement.py",
    ),
    Fault(
        "every process that the system ever killed is news",
        "cluster/deaths.py",
        "before, self._seen = self._seen, _kernel_kills()",
        "before, self._seen = 0, _kernel_kills()",
        "cluster/test_memory.py",
    ),
    Fault(
        "a process that exits on purpose ran out of memory",
        "cluster/deaths.py",
        "return said or (kernel_killed and _vanished(text))",
        "return said or kernel_killed",
        "cluster/test_memory.py",
    ),
    Fault(
        "one finished run more than the template keeps is deleted",
        "cluster/kubernetes/launch.py",
        "for run in ended[: max(0, len(ended) - wish.keep)]:",
        "for run in ended[: max(0, len(ended) - wish.keep + 1)]:",
        "launch/test_create_or_attach.py",
    ),
    Fault(
        "a run that was stopped has succeeded",
        "cluster/kubernetes/rayjob.py",
        'return Outcome(EXIT_INTERRUPTED, "was stopped; the next run resumes")',
        'return Outcome(0, "was stopped; the next run resumes")',
        "launch/test_rayjob.py",
    ),
    Fault(
        "a run is named after local time",
        "cluster/kubernetes/rayjob.py",
        "at = datetime.fromtimestamp(int(scheduled[1]) * 60, UTC)",
        "at = datetime.fromtimestamp(int(scheduled[1]), UTC)",
        "launch/test_rayjob.py",
    ),
]
