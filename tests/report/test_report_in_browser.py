"""Does the page work where it is read: in a browser?"""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from pages import HOSTILE, quarantined, restored, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--force-prefers-reduced-motion",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not looked at"),
]


def browse(tmp_path: Path, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    profile = tmp_path / "profile"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *arguments, page.resolve().as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


def test_the_script_runs_without_an_error_and_hostile_names_stay_text(tmp_path: Path) -> None:
    page = write(tmp_path, [restored("a.mp4"), restored(HOSTILE), quarantined(HOSTILE, HOSTILE)], halted=HOSTILE)
    seen = browse(tmp_path, page, "--dump-dom")
    assert 'data-ready="yes"' in seen.stdout
    assert seen.stdout.count('class="cut" type="range"') == 2
    assert "<img" not in seen.stdout
    assert [line for line in seen.stderr.splitlines() if ":CONSOLE" in line] == []


def test_the_slider_shows_before_on_its_left_and_after_on_its_right(tmp_path: Path) -> None:
    page = write(tmp_path, [restored("a.mp4")])
    shot = tmp_path / "shot.png"
    browse(tmp_path, page, f"--screenshot={shot}", "--window-size=1000,1200")
    picture = cv2.imread(str(shot)).astype(int)
    blue, green, red = picture[..., 0], picture[..., 1], picture[..., 2]
    before = np.argwhere((red > 180) & (green < 60) & (blue < 60))
    after = np.argwhere((green > 120) & (red < 60) & (blue < 60))
    assert len(before) > 5000
    assert 0.9 < len(before) / len(after) < 1.1
    assert before[:, 1].max() < after[:, 1].min()


def test_the_page_does_not_scroll_sideways_on_a_narrow_screen(tmp_path: Path) -> None:
    page = write(tmp_path, [restored("a.mp4"), quarantined("x" * 300, "y" * 300)])
    probe = page.with_name("probe.html")
    # The frame is as narrow as a telephone; its own document measures itself.
    script = "document.title = document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'too wide'"
    html = page.read_text().replace("script-src 'sha256-", "script-src 'unsafe-inline' 'x")
    probe.write_text(html.replace("</body>", f"<script>{script}</script></body>"))
    assert "<title>fits</title>" in browse(tmp_path, probe, "--dump-dom", "--window-size=500,900").stdout
