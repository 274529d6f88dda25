"""The page to draw on answers itself alone, and what it is sent is held to the video."""

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from reelmend.pipelines.cli import app
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.media.masks.align import grown
from reelmend.pipelines.media.masks.expression import read_expression
from reelmend.pipelines.media.masks.making import Making
from reelmend.pipelines.preview.draw.frames import Frames
from reelmend.pipelines.preview.draw.saved import Saved, default_image, refuse_image
from reelmend.pipelines.preview.draw.server import MOST_BYTES, DrawServer
from reelmend.pipelines.preview.draw.subject import Subject, read_subject
from tests.clips import scene, write_clip, write_mask_image
from tests.servers import in_thread

FRAMES = 30
BOX = {"kind": "box", "numbers": [10, 10, 20, 20], "range": None}
NOTHING: dict[str, Any] = {"shapes": [], "strokes": [], "painted": None}


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("drawn")
    clip = write_clip(folder / "clip.mp4", frames=FRAMES, audio=False, options={"g": "12"})
    return read_subject(f"{clip}", f"{folder / 'painted.png'}")


class Page:
    """A client that sends what the page would, or what it would not."""

    def __init__(self, address: str, saved: list[Saved]) -> None:
        parts = urlsplit(address)
        self.host, self.secret, self.saved = parts.netloc, parts.path, saved

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        return self._ask("GET", path, None, headers)

    def send(self, place: str, content: Any, **headers: str) -> tuple[int, bytes]:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        told = {"Origin": f"http://{self.host}", "Content-Type": "application/json", **headers}
        return self._ask("POST", self.secret + place, body, {name: value for name, value in told.items() if value})

    def outlined(self, frame: int, shape: dict[str, Any]) -> dict[str, Any]:
        """Ask for a frame's result until nothing is followed any more, as the page does."""
        while True:
            sent = {"frame": frame, "drawing": {**NOTHING, "shapes": [shape]}}
            told: dict[str, Any] = json.loads(self.send("outline", sent)[1])
            if not told["waits"]:
                return told
            time.sleep(0.05)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        line = HTTPConnection(self.host, timeout=10)
        line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        said = answer.status, answer.read()
        line.close()
        return said


@pytest.fixture
def page(subject: Subject) -> Iterator[Page]:
    saved: list[Saved] = []
    with in_thread(DrawServer(0, subject, saved.append, keep=True)) as server:
        yield Page(server.url, saved)


def test_only_the_page_of_the_printed_address_is_answered(page: Page, subject: Subject) -> None:
    assert page.get(page.secret)[0] == 200
    assert page.get(page.secret + "frame/3.jpg")[0] == 200
    for wrong in ("/", "/frame/3.jpg", f"{page.secret[:-2]}/frame/3.jpg", f"/x{page.secret}"):
        assert page.get(wrong)[0] == 404, wrong
    for other in ("evil.example", f"evil.example:{page.host.rpartition(':')[2]}"):
        assert page.get(page.secret, Host=other)[0] == 403, other
    assert page.get(page.secret, Origin="http://evil.example")[0] == 403
    assert page.get(page.secret, Sec_Fetch_Site="cross-site")[0] == 403
    assert page.get(page.secret, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200  # a link to it


def test_a_drawing_of_another_origin_is_refused_even_with_the_secret(page: Page) -> None:
    drawn = {"drawing": {**NOTHING, "shapes": [BOX]}}
    for origin in ("http://evil.example", "null", "http://localhost:1", ""):
        assert page.send("save", drawn, Origin=origin)[0] == 403, origin
    assert page.send("save", drawn, Host="evil.example", Origin="http://evil.example")[0] == 403
    assert page.send("save", drawn, Content_Type="text/plain", **{"Content-Type": ""})[0] == 403
    assert page.saved == []
    assert page.send("save", drawn)[0] == 200
    assert [saved.expression for saved in page.saved] == ["box:10,10,20,20"]


def test_no_file_but_the_pages_own_is_served(page: Page) -> None:
    for path in (
        "server.py",
        "../saved.py",
        "%2e%2e/saved.py",
        "/etc/passwd",
        "frame/../draw.js",
        f"frame/{FRAMES}.jpg",
    ):
        assert page.get(page.secret + path)[0] == 404, path
    assert page.get(page.secret + "draw.js")[0] == 200


def test_a_huge_body_is_refused_before_it_is_read(page: Page) -> None:
    host, port = page.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            f"POST {page.secret}save HTTP/1.1\r\nHost: {page.host}\r\nOrigin: http://{page.host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n".encode()
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")
    assert page.send("save", b"[" * 100_000)[0] == 400
    assert page.send("save", NOTHING, Transfer_Encoding="chunked")[0] == 411


@pytest.mark.parametrize(
    ("drawing", "says"),
    [
        (NOTHING, "nothing is marked yet"),
        ({**NOTHING, "shapes": [{**BOX, "numbers": [90, 10, 20, 20]}]}, "inside the picture of 96x64"),
        ({**NOTHING, "shapes": [{**BOX, "numbers": [1.5, 10, 20, 20]}]}, "not a whole number"),
        ({**NOTHING, "shapes": [{**BOX, "range": [5, 31]}]}, "frames 0 to 29"),
        ({**NOTHING, "shapes": [{**BOX, "kind": "track", "frame": 3, "range": [4, 9]}]}, "from the frame in which"),
        ({**NOTHING, "shapes": [{**BOX, "kind": "polygon", "numbers": [1, 1, 2, 2]}]}, "at least 3 corners"),
        ({**NOTHING, "strokes": [{"points": [1, 1], "radius": 0, "erases": False}]}, "a radius above 0"),
        ({**NOTHING, "strokes": [{"points": [float("nan"), 1], "radius": 1, "erases": False}]}, "a stroke has points"),
        ({"shapes": 3}, "cannot be read"),
        ([], "cannot be read"),
    ],
)
def test_a_drawing_that_does_not_fit_the_video_is_refused_with_a_reason(page: Page, drawing: Any, says: str) -> None:
    status, told = page.send("save", {"drawing": drawing})
    assert (status, says in told.decode()) == (400, True), told
    assert page.saved == []


def test_frames_come_by_number_as_a_run_reads_them_in_any_order(subject: Subject) -> None:
    frames, truth = Frames(subject.info), scene(FRAMES)
    for number in (0, 29, 28, 3, 4, 17, 16, 0):
        picture = cv2.imdecode(np.frombuffer(frames.jpeg(number), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert picture is not None
        errors = [np.abs(picture.astype(int) - other).mean() for other in truth]
        assert int(np.argmin(errors)) == number


def test_the_result_of_a_followed_box_is_the_mask_that_a_run_makes_of_it(tmp_path: Path) -> None:
    """A white square of 16 pixels that moves 2 pixels right per frame; its box is drawn in frame 6, wider than it."""
    pictures = scene(12, (128, 96), speed=(0, 0))
    for frame, picture in enumerate(pictures):
        picture[40:56, 20 + 2 * frame : 36 + 2 * frame] = 255
    clip = write_clip(tmp_path / "a.mkv", pictures=pictures, codec="ffv1", audio=False)
    subject = read_subject(f"{clip}", "a.png")
    box = {"kind": "track", "numbers": [29, 37, 22, 22], "range": [6, 12], "frame": 6}
    with in_thread(DrawServer(0, subject, print, keep=True)) as server:
        told = Page(server.url, []).outlined(9, box)
    shown = np.zeros((96, 128), np.uint8)
    cv2.drawContours(shown, [np.reshape(outline, (-1, 1, 2)) for outline in told["outlines"]], -1, 1, cv2.FILLED)

    expression, job = read_expression("track:29,37,22,22@6:12"), JobConfig()
    of_a_run = [*Making(expression, subject.info, [(0, 12)], job.mask, job.find).made()][9]
    np.testing.assert_array_equal(shown, grown(of_a_run.astype(np.uint8), job.mask.dilation))
    assert shown[40:56, 38:54].mean() > 0.85
    assert (told["share"], told["partial"]) == (shown.mean(), False)


def test_beyond_a_cut_nothing_is_outlined_and_far_from_its_box_the_page_says_so(tmp_path: Path) -> None:
    before, after = (scene(20, (96, 64), speed=(0, 0), seed=seed) for seed in (0, 1))
    pictures = np.concatenate([before, 255 - after])
    subject = read_subject(f"{write_clip(tmp_path / 'a.mkv', pictures=pictures, codec='ffv1', audio=False)}", "a.png")
    box = {"kind": "track", "numbers": [30, 20, 20, 20], "range": [18, 40], "frame": 18}
    with in_thread(DrawServer(0, subject, print, keep=True)) as server:
        page = Page(server.url, [])
        told = [page.outlined(frame, box) for frame in (18, 19, 20, 31)]
    assert [each["share"] > 0 for each in told] == [True, True, False, False]
    assert [each["partial"] for each in told] == [False, False, False, True]


def test_painted_in_some_frames_the_image_is_named_with_its_range(page: Page, subject: Subject) -> None:
    strokes = [
        {"points": [20, 20, 60, 20], "radius": 6, "erases": False},
        {"points": [40, 20], "radius": 8, "erases": True},
    ]
    status, told = page.send("save", {"drawing": {"shapes": [], "strokes": strokes, "painted": [3, 9]}})
    assert status == 200
    assert json.loads(told)["expression"] == f"file:{subject.image}@3:9"
    painted = cv2.imread(subject.image, cv2.IMREAD_UNCHANGED)
    assert painted is not None
    assert painted.shape == (64, 96)
    assert [*np.flatnonzero(painted[20])] == [*range(14, 32), *range(48, 66)]


def test_a_name_that_no_expression_can_hold_is_refused_and_never_chosen(tmp_path: Path) -> None:
    assert default_image("in/my clip - part 1.mp4") == "my clip_part 1_mask.png"
    with pytest.raises(ConfigError, match="a mask expression cannot name this path"):
        refuse_image(f"{tmp_path}/a + b.png", replace=False)
    with pytest.raises(ConfigError, match=r"use a name that ends in \.png"):
        refuse_image("mask.jpg", replace=False)
    there = write_mask_image(tmp_path / "mask.png", np.zeros((4, 4), np.bool_))
    with pytest.raises(ConfigError, match="already exists; choose another --out, or replace it with --force"):
        refuse_image(f"{there}", replace=False)
    refuse_image(f"{there}", replace=True)


@pytest.mark.parametrize(("video", "says"), [("nowhere.mp4", "does not exist"), ("s3://b/a.mp4", "copy it here")])
def test_what_cannot_be_drawn_on_is_said_before_a_page_opens(
    video: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["mask", "draw", video, "--no-open"])
    assert (done.exit_code, says in done.output) == (2, True), done.output
