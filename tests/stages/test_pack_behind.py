"""Parts are packed one at a time, in order, while the caller goes on; errors come out where a result is taken."""

import threading

import pytest

from reelmend.pipelines.stages.pack_behind import MOST_BYTES, Packer


def test_work_is_done_behind_one_piece_at_a_time_and_in_order() -> None:
    gate, running, most = threading.Event(), [], []

    def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        gate.wait(10)
        running.remove(number)
        return number

    with Packer[int](behind=True) as packer:
        packer.put(lambda: work(1), 0)
        assert packer.done == []  # the caller goes on while it runs
        gate.set()
        packer.put(lambda: work(2), 0)
        assert packer.done == [1]
        packer.put(lambda: work(3), 0)
    assert packer.done == [1, 2, 3]
    assert most == [1, 1, 1]


def test_of_what_holds_much_memory_the_end_is_awaited() -> None:
    with Packer[int](behind=True) as packer:
        packer.put(lambda: 1, MOST_BYTES + 1)
        assert packer.done == [1]


def test_without_a_thread_it_is_done_at_once_by_the_caller() -> None:
    with Packer[str](behind=False) as packer:
        packer.put(lambda: threading.current_thread().name, 0)
        assert packer.done == [threading.current_thread().name]


def fail() -> int:
    raise OSError("disk full")


def test_an_error_is_raised_by_the_next_piece_which_is_not_done() -> None:
    done: list[int] = []

    def later() -> int:
        done.append(1)
        return 1

    packer = Packer[int](behind=True)
    packer.put(fail, 0)
    with pytest.raises(OSError, match="disk full"):
        packer.put(later, 0)
    assert done == []


def test_an_error_of_the_last_piece_is_raised_at_the_end() -> None:
    with pytest.raises(OSError, match="disk full"), Packer[int](behind=True) as packer:
        packer.put(fail, 0)


def interrupted(gate: threading.Event) -> None:
    with Packer[bool](behind=True) as packer:
        packer.put(lambda: gate.wait(10), 0)
        threading.Timer(0.01, gate.set).start()
        raise KeyError


def test_an_error_of_the_caller_comes_first_and_leaves_no_thread() -> None:
    with pytest.raises(KeyError):
        interrupted(threading.Event())
    assert all(thread.name != "pack-behind" for thread in threading.enumerate())
