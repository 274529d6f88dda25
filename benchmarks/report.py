"""Report of many items: time to write it, its size, and how long a browser takes to show it.

    python -m benchmarks.report --items 10000

The ledger's rows are made up, with names, notes and sizes as runs have them; one in fifty is quarantined. The pictures
are sheets of about 230 kB, as a run makes of video, fifty different ones. Chromium opens the page from the disk five
times; the figures are medians.
"""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from reelmend.pipelines.observe.report import write_report
from reelmend.pipelines.observe.summary import summarise
from reelmend.pipelines.stages.previews import Sheet, save_preview
from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.ledger import ItemRow, ItemState
from tests.browser import Browser, a_browser

SHEET = Sheet("", "", (262, 168), (272, 176), 8, tuple(range(0, 720, 90)), 300, 24, 24.0, (144, 81), (144, 96))
PICTURES = 50
LOADS = 5

_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_COMPLETE = """new MutationObserver(() => {
    if (document.documentElement?.dataset.complete) window.completeMs ??= performance.now();
}).observe(document, { attributes: true, subtree: true })"""
_SEARCH = """(async () => {
    const began = performance.now();
    document.getElementById('search').value = '%s';
    document.getElementById('search').dispatchEvent(new Event('input'));
    await Promise.all([gallery.refresh(), table.refresh()]);
    return performance.now() - began;
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[100, 10_000, 100_000])
    columns = ("items", "written in, s", "page, MB", "scripts beside it, MB", "first paint, ms")
    print(f"| {' | '.join([*columns, 'all items there, ms', 'a search, ms', 'heap, MB'])} |")
    print("|---|---|---|---|---|---|---|---|")
    for count in parser.parse_args().items:
        with tempfile.TemporaryDirectory() as folder:
            print(_line(count, Path(folder)), flush=True)
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _line(count: int, folder: Path) -> str:
    rows = _rows(count, folder)
    summary = summarise(
        rows, run_id="r", name="report", engine="propagation", executor="ray", out=str(folder / "out"),
        started_at=1e9, ended_at=1e9 + 3600,
    )  # fmt: skip
    page = folder / "out/_reelmend/report.html"
    began = time.monotonic()
    write_report(page, summary, rows, Files())
    seconds = time.monotonic() - began
    beside = sum(script.stat().st_size for script in page.parent.glob("report/*.js"))
    with a_browser(folder / "profile") as browser:
        browser.beforehand(_COMPLETE)
        loads = [_load(browser, page) for _ in range(LOADS)]
        found = rows[count // 2].id
        search_ms = browser.value(_SEARCH % found)
        heap = browser.value("performance.memory.usedJSHeapSize")
        assert browser.texts("#table .name bdi")[0] == found
    paint_ms, complete_ms = (statistics.median(figures) for figures in zip(*loads, strict=True))
    written = f"| {count} | {seconds:.2f} | {page.stat().st_size / 1e6:.2f} | {beside / 1e6:.1f} |"
    return f"{written} {paint_ms:.0f} | {complete_ms:.0f} | {search_ms:.0f} | {heap / 1e6:.0f} |"


def _load(browser: Browser, page: Path) -> tuple[float, float]:
    """Return milliseconds to the first paint, and until every item is there."""
    browser.open(page.as_uri())
    browser.wait(f"window.completeMs && {_FIRST_PAINT}")
    return browser.value(_FIRST_PAINT), browser.value("window.completeMs")


def _rows(count: int, folder: Path) -> list[ItemRow]:
    work = folder / "out/_reelmend"
    pictures = [_strip(number) for number in range(min(PICTURES, count))]
    names = [save_preview(work, jpeg, Files()) for jpeg in pictures]
    rows = []
    for number in range(count):
        name = f"batch_{number // 1000:03d}/{hashlib.md5(str(number).encode()).hexdigest()[:12]}_{number:07d}"
        row = ItemRow(name, f"{folder}/in/{name}.mp4", f"{folder}/masks/{name}.png", f"{folder}/out/{name}.mp4")
        row.state = ItemState.QUARANTINED if number % 50 == 7 else ItemState.RESTORED
        row.started_at, row.ended_at, row.seconds = 1e9, 1e9 + 40 + number % 97, {"flow": 11.0, "inpaint": 31.5}
        if row.state.bad:
            row.kind, row.stage = "MediaError", "probe"
            row.reason = f"{row.video}: cut off or still being written, its index (moov) is missing; copy it again"
        else:
            row.frames, row.width, row.height, row.chunks_planned, row.chunks_computed = 720, 1920, 1080, 9, 9
            chosen = number % len(names)
            row.facts = replace(SHEET, picture=names[chosen]).facts() | {"preview_bytes": len(pictures[chosen])}
            row.facts |= {"quality_score": number % 101 / 100, "quality_seen_share": 0.9, "quality_seen_away": 3.2}
            row.facts |= {"review": int(number % 101 < 5), "review_reason": "10% of the hole was never visible"}
        rows.append(row)
    return rows


def _strip(seed: int) -> bytes:
    """A sheet as large as one of real video: smooth noise compresses about as photographs do."""
    height, width = 8 * SHEET.step[1] + SHEET.whole_step[1], SHEET.columns * SHEET.step[0]
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.2)
    picture = np.clip((smooth - smooth.mean()) * 500 + 128, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])[1].tobytes()


if __name__ == "__main__":
    main()
