"""A page in headless Chromium, told what to do over a pair of pipes (DevTools protocol)."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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
    "--force-prefers-reduced-motion",
    "--remote-debugging-pipe",
]
WAIT_MS = 20_000

# Chromium reads commands from descriptor 3 and answers on 4.
_ON_3_AND_4 = """
import fcntl, os, sys
held = [fcntl.fcntl(int(given), fcntl.F_DUPFD, 10) for given in sys.argv[1:3]]
os.dup2(held[0], 3), os.dup2(held[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""

in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not looked at"),
]


class Browser:
    """One page. `complaints` are the errors it has had so far, of its script and of its security policy."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._rest, self._number = commands, answers, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        pages = [target for target in self._ask("Target.getTargets")["targetInfos"] if target["type"] == "page"]
        told = self._ask("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, address: str, size: tuple[int, int] = (1200, 1400)) -> None:
        """Load a page and wait until it says that its script has run."""
        width, height = size
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._ask("Page.navigate", url=address)
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def beforehand(self, script: str) -> None:
        """Run a script in every page that is opened from now on, before the page's own."""
        self._ask("Page.addScriptToEvaluateOnNewDocument", source=script)

    def prefer_motion(self, preferred: bool) -> None:
        """Say whether the person likes motion, for pages that are opened from now on; at first not."""
        value = "no-preference" if preferred else "reduce"
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": value}])

    def value(self, expression: str) -> Any:
        """Return what an expression of the page's own language has for a value."""
        told = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until the expression is true; looked at with every frame that the page draws."""
        script = f"""new Promise((done) => {{
            const end = performance.now() + {WAIT_MS};
            const look = () =>
                ({expression}) ? done(true) : performance.now() > end ? done(false) : setTimeout(look, 20);
            look();
        }})"""
        if not self.value(script):
            text = self.value("document.body.innerText")
            raise AssertionError(f"never came true: {expression}\n{self.complaints}\n{text}")

    def type(self, selector: str, text: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self._ask("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def drag(self, *points: tuple[float, float], touch: bool = False) -> None:
        """Press at the first point, move over the others, and let go: (x, y) in pixels of the window."""
        if touch:
            for kind, at in zip(["touchStart", *["touchMove"] * (len(points) - 1)], points, strict=True):
                self._ask("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": at[0], "y": at[1]}])
            self._ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def press(self, *keys: str, shift: bool = False, control: bool = False) -> None:
        """Press keys one after the other, named as the page's events name them; letters in lower case."""
        modifiers = 8 * shift + 2 * control
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 and not control else "")
            code = {"Tab": 9, "Enter": 13, "Delete": 46}.get(key, 0)
            told = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code}
            self._ask("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
            self._ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.value(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)"
        )
        return found

    def screenshot(self, path: Path, *, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot")["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                answer: dict[str, Any] = told["result"]
                return answer
            self._note(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._answers, 1 << 16)
            assert read, "Chromium has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def _note(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            self.complaints.append(told["params"]["entry"]["text"])
        elif told.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["params"]["exceptionDetails"]))


@contextmanager
def a_browser(profile: Path) -> Iterator[Browser]:
    commands_in, commands = os.pipe()
    answers, answers_out = os.pipe()
    start = [sys.executable, "-c", _ON_3_AND_4, str(commands_in), str(answers_out)]
    command = [*start, str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, pass_fds=(commands_in, answers_out), stderr=subprocess.DEVNULL) as process:
        os.close(commands_in)
        os.close(answers_out)
        try:
            yield Browser(commands, answers)
        finally:
            os.close(commands)  # Chromium ends with its pipe
            process.wait(20)
            os.close(answers)
