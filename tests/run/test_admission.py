"""Is a new item begun only while what the items in work still need fits into the store?"""

from reelmend.pipelines.tasks import ProbeTask, Stage
from tests.run.story import Story, begin, plan, receipt, take


def probe(story: Story, flow_bytes: int) -> str:
    """Begin an item and let its probe say how much flow it needs; return its name."""
    task = story.state.take((Stage.PROBE,))
    assert task is not None
    story.state.handle(receipt(task, plan(segments=0, chunks=2, flow_bytes=flow_bytes)))
    return task.item.id


def do_a_chunk(story: Story, name: str) -> None:
    task = story.state.take((Stage.INPAINT,), item=name)
    assert task is not None
    story.state.handle(receipt(task))


def test_no_item_is_begun_while_those_in_work_need_all_the_room() -> None:
    story = begin("a", "b", "c", active_bytes=100)
    probe(story, 60)
    probe(story, 60)
    assert story.state.ready(Stage.PROBE) == 0
    assert story.state.take((Stage.PROBE,)) is None


def test_room_comes_with_every_chunk_that_is_done() -> None:
    story = begin("a", "b", "c", active_bytes=100)
    names = [probe(story, 60), probe(story, 60)]
    do_a_chunk(story, names[0])
    assert story.state.ready(Stage.PROBE) == 1
    assert probe(story, 60) == "c"


def test_an_item_that_is_being_probed_counts_as_the_last_one_did() -> None:
    story = begin("a", "b", "c", "d", active_bytes=100)
    probe(story, 40)
    assert story.state.ready(Stage.PROBE) == 2
    assert story.state.take((Stage.PROBE,)) is not None
    assert story.state.take((Stage.PROBE,)) is not None
    assert story.state.take((Stage.PROBE,)) is None


def test_an_item_that_is_larger_than_the_room_is_in_work_alone() -> None:
    story = begin("a", "b", active_bytes=100)
    name = probe(story, 10_000)
    assert story.state.ready(Stage.PROBE) == 0
    do_a_chunk(story, name)
    do_a_chunk(story, name)
    assert story.state.ready(Stage.PROBE) == 1  # only the stitch is left


def test_without_a_bound_only_the_number_of_items_counts() -> None:
    story = begin("a", "b", "c", active_items=2)
    probe(story, 10**15)
    assert story.state.ready(Stage.PROBE) == 1


def test_a_task_carries_of_its_plan_what_its_stage_reads() -> None:
    story = begin("a")
    story.state.handle(receipt(take(story.state, Stage.PROBE), plan(segments=3, chunks=2)))
    carried: dict[Stage, tuple[int, int]] = {}
    while task := story.state.take():
        assert not isinstance(task, ProbeTask)
        carried[task.stage] = len(task.plan.segments), len(task.plan.chunks)
        story.state.handle(receipt(task))
    assert carried == {Stage.FLOW: (0, 0), Stage.INPAINT: (3, 0), Stage.STITCH: (3, 2)}
