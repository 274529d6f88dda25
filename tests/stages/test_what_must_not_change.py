"""Literal values that stored work, dashboards and scripts rely on: a change of one is a break, and is made on purpose.

Caches and ledgers outlive the version that wrote them. A key that comes out otherwise makes every finished part be
computed again; a column, a metric or an exit status of another name breaks what reads it. Where one of these has to
change, the version in its facts is raised too (`PROBE_VERSION` and the like), and the changelog says so.
"""

import pickle
import struct
import zlib
from pathlib import Path

import cv2
import pytest

from reelmend.core_model.propainter.options import RestoreOptions
from reelmend.core_model.regions import Region
from reelmend.pipelines import errors
from reelmend.pipelines.choices import WorkRegion
from reelmend.pipelines.config import InputConfig, JobConfig
from reelmend.pipelines.engines.registry import build_engine, build_flow, speed_digest
from reelmend.pipelines.engines.weights.find import WeightFile
from reelmend.pipelines.observe.metrics import METRICS
from reelmend.pipelines.stages.parts import part_key
from reelmend.pipelines.storage.flow_cache.keys import segment_key
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from reelmend.pipelines.storage.ledger.partition import encode
from reelmend.pipelines.tasks import (
    Block,
    Chunk,
    FlowTask,
    InpaintTask,
    Item,
    ItemPlan,
    ProbeTask,
    Segment,
    Stage,
    StitchTask,
)
from reelmend.pipelines.utils.arrow import read_parquet
from tests.stages.test_keys import Case

WEIGHTS = {name: WeightFile(Path(name), name * 8, "none", name) for name in ("raft", "flow_completion", "generator")}


def test_the_key_of_a_flow_segment() -> None:
    whole = segment_key("video", Segment(0, 0, 20), (640, 360), "dis-1")
    region = segment_key("video", Segment(3, 20, 40, Region(64, 0, 192, 128)), (64, 64), "dis-1")
    assert [whole, region] == [
        "flow/c9/c92e55676391152780c670ba6685b7f3",
        "flow/65/6589d366c135917c5494906732cba369",
    ]


def test_the_key_of_a_part() -> None:
    block = Block(20, 40, 17, 43, 12, 48, 0, 90, (Region(0, 0, 64, 64),))
    assert part_key("video", "mask", block) == "parts/53/5356ece49a024693e606b538082d02bd"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A folder of images whose bytes are written here, so that no encoder's version is in their digest."""
    monkeypatch.setattr("reelmend.core_model.flow.dis.DisFlow.digest", "dis")  # they hold OpenCV's version, see below
    monkeypatch.setattr("reelmend.core_model.propagation.engine.PropagationEngine.digest", "propagation")
    video, mask = tmp_path / "clip", tmp_path / "mask.png"
    video.mkdir()
    for frame in range(6):
        grey = [[(7 * x + 11 * y + 5 * frame) % 256 for x in range(96)] for y in range(64)]
        (video / f"{frame:03}.png").write_bytes(png(grey))
    mask.write_bytes(png([[255 * (8 <= x < 24 and 8 <= y < 20) for x in range(96)] for y in range(64)]))
    job = JobConfig(out=str(tmp_path / "out"), input=InputConfig(image_rate="24"))
    return Case(tmp_path, job, Item("clip", video, mask, tmp_path / "out/clip.mp4"), WEIGHTS)


def png(grey: list[list[int]]) -> bytes:
    """Return an 8-bit grey PNG, stored and not compressed."""
    height, width = len(grey), len(grey[0])
    rows = b"".join(b"\0" + bytes(row) for row in grey)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def test_the_keys_that_a_whole_item_asks_for(case: Case) -> None:
    assert case.keys() == {
        "probe": {"probes/8defcb5e70833ceb1ebf056a22743fbb"},
        "flow": {"flow/b5/b5256a3f97f47fa8013b1276a97cb6bc"},
        "part": {"parts/24/24533fe89ced0d8bb96bba2f04429e48"},
        "output": "dd75eb510328bf21ae26dfc1652ecbe1",
    }


def test_the_keys_of_the_networks_on_whole_frames(case: Case) -> None:
    """As they were before regions."""
    case.job.engine, case.job.process.region = "propainter", WorkRegion.frame
    assert case.keys() == {
        "probe": {"probes/8defcb5e70833ceb1ebf056a22743fbb"},
        "flow": {"flow/35/3579860f503c399ef8d86f249299a54d"},
        "part": {"parts/eb/ebf48f2c7e0ea14995e955bd76957b16"},
        "output": "38d749183ec2158ccea1a55a8be3bcb8",
    }


def test_the_digests_of_the_engines() -> None:
    opencv = cv2.__version__
    own = JobConfig()
    assert build_flow(own, {}).digest == f"dis-quarter-1-opencv{opencv}"
    assert build_engine(own, {}).digest == f"propagation-5-opencv{opencv}"
    networks = JobConfig(engine="propainter")
    assert build_flow(networks, WEIGHTS).digest == "raft-1-raftraftraftraft-20-bf16-tf32"
    assert build_engine(networks, WEIGHTS).digest == "propainter-1-c6aa0a22a6e8aa1e-10-10-80-float-bf16-tf32"
    assert [speed_digest(own), speed_digest(networks)] == ["227ea0824614", "281bb6c40411"]


def test_what_of_the_options_a_digest_holds() -> None:
    assert RestoreOptions().picture == "10-10-80-float-fp32"


def test_the_columns_of_the_ledger() -> None:
    schema = read_parquet(encode([ItemRow("clip", "clip.mp4", "", "out/clip.mp4")])).schema
    assert {column.name: str(column.type) for column in schema} == {
        "id": "string",
        "video": "string",
        "mask": "string",
        "output": "string",
        "state": "string",
        "kind": "string",
        "reason": "string",
        "stage": "string",
        "attempts": "int64",
        "frames": "int64",
        "width": "int64",
        "height": "int64",
        "tasks_planned": "int64",
        "tasks_reused": "int64",
        "tasks_computed": "int64",
        "chunks_planned": "int64",
        "chunks_reused": "int64",
        "chunks_computed": "int64",
        "frames_done": "int64",
        "seconds": "string",
        "model_seconds": "double",
        "flow": "string",
        "work": "string",
        "bytes_written": "int64",
        "peak_rss_mb": "double",
        "peak_device_mb": "double",
        "reused": "bool",
        "facts": "string",
        "started_at": "double",
        "ended_at": "double",
        "run": "string",
        "earlier": "string",
        "quality_score": "double",
        "quality_seen_share": "double",
        "quality_invented_share": "double",
        "quality_seen_away": "double",
        "quality_rim_mismatch": "double",
        "quality_flicker": "double",
        "quality_worst_frame": "int64",
        "review": "bool",
        "review_reason": "string",
    }
    assert [str(state) for state in ItemState] == [
        "pending",
        "probing",
        "running",
        "stitching",
        "restored",
        "untouched",
        "quarantined",
        "failed",
    ]


def test_the_names_of_metrics() -> None:
    assert {metric.name: (str(metric.kind), *metric.labels) for metric in METRICS} == {
        "reelmend_items_total": ("counter", "outcome"),
        "reelmend_items_open": ("gauge",),
        "reelmend_tasks_total": ("counter", "stage", "outcome"),
        "reelmend_frames_total": ("counter", "stage"),
        "reelmend_stage_seconds_total": ("counter", "stage"),
        "reelmend_retries_total": ("counter", "stage"),
        "reelmend_tasks_ready": ("gauge", "stage"),
        "reelmend_tasks_in_work": ("gauge", "stage"),
        "reelmend_workers": ("gauge",),
        "reelmend_flow_cache_hits_total": ("counter",),
        "reelmend_flow_cache_misses_total": ("counter",),
        "reelmend_bytes_read_total": ("counter", "stage"),
        "reelmend_bytes_written_total": ("counter", "stage"),
        "reelmend_items_review_total": ("counter",),
        "reelmend_quality_items_total": ("counter", "le"),
        "reelmend_quality_score_total": ("counter",),
        "reelmend_oom_steps_total": ("counter", "stage"),
        "reelmend_gpu_used_bytes": ("gauge", "device"),
        "reelmend_gpu_reserved_bytes": ("gauge", "device"),
        "reelmend_gpu_utilization_ratio": ("gauge", "device"),
        "reelmend_worker_rss_bytes": ("gauge", "stage"),
        "reelmend_worker_rss_peak_bytes": ("gauge", "stage"),
        "reelmend_gpu_peak_bytes": ("gauge", "device"),
    }


def test_exit_statuses() -> None:
    found = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert found == {
        "EXIT_BUG": 1,
        "EXIT_NOT_STARTED": 2,
        "EXIT_INCOMPLETE": 3,
        "EXIT_DELETED": 4,
        "EXIT_TRY_AGAIN": 75,
        "EXIT_INTERRUPTED": 130,
    }


def test_the_names_of_tasks_and_stages() -> None:
    assert [str(stage) for stage in Stage] == ["probe", "flow", "inpaint", "stitch"]
    item = Item("reel7/clip", Path("clip.mp4"), None, Path("out/clip.mp4"))
    plan = ItemPlan("probe", 30, 64, 48, (), ())
    tasks = [
        ProbeTask(item),
        FlowTask(item, plan, Segment(2, 20, 30)),
        InpaintTask(item, plan, Chunk(1, (), ())),
        StitchTask(item, plan),
    ]
    names = ["probe:reel7/clip", "flow:reel7/clip:2", "inpaint:reel7/clip:1", "stitch:reel7/clip"]
    assert [task.id for task in tasks] == names
    assert [pickle.loads(pickle.dumps(task)) for task in tasks] == tasks
