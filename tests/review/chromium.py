"""A headless Chromium, driven over its DevTools pipe (--remote-debugging-pipe: messages end with a zero byte). Standard library and numpy."""
import base64
import fcntl
import json
import os
import select
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

import numpy

TIMEOUT = 60


def read_png(data):
    """8-bit RGB or RGBA, not interlaced, as Chromium writes it: uint8 [rows, columns, 3]."""
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, bits, color, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, at + 8)
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    if bits != 8 or color not in (2, 6) or interlaced:
        raise AssertionError("another kind of PNG")
    depth = 3 if color == 2 else 4
    raw = numpy.frombuffer(zlib.decompress(packed), "uint8").reshape(height, 1 + width * depth)
    out = numpy.zeros((height + 1, width + 1, depth), "uint8")  # a row and a column of zeros before the first
    for y in range(height):
        kind, row = raw[y, 0], raw[y, 1:].reshape(width, depth)
        if kind == 0:
            out[y + 1, 1:] = row
        elif kind == 1:
            out[y + 1, 1:] = numpy.cumsum(row, axis=0, dtype="uint8")
        elif kind == 2:
            out[y + 1, 1:] = row + out[y, 1:]
        else:
            unfilter(kind, row.astype(int), out[y].astype(int), out[y + 1])
    return out[1:, 1:, :3]


def unfilter(kind, row, above, out):
    left = numpy.zeros(row.shape[1], int)
    for x in range(len(row)):
        up, corner = above[x + 1], above[x]
        if kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            a, b, c = abs(p - left), abs(p - up), abs(p - corner)
            guess = numpy.where((a <= b) & (a <= c), left, numpy.where(b <= c, up, corner))
        left = (row[x] + guess) & 255
        out[x + 1] = left


class Chromium:
    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise AssertionError("chromium is missing (install the package chromium)")
        self.profile = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"], ignore_cleanup_errors=True)
        # Numbers from 10 on: 3 and 4 must be free in the child.
        reader, self.to = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())
        self.of, writer = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())

        def in_child():
            os.dup2(reader, 3)
            os.dup2(writer, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank"],
            preexec_fn=in_child, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(reader)
        os.close(writer)
        self.number, self.buffer, self.events = 0, b"", []

    def close(self):
        try:
            self.send("Browser.close")
            self.process.wait(TIMEOUT)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.to)
            os.close(self.of)
            self.profile.cleanup()

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.of], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("Chromium does not answer")
            data = os.read(self.of, 1 << 20)
            if not data:
                raise AssertionError("Chromium has gone")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)


class Page:
    """One file in a tab of its own. errors(): what its console and its policy complained of; requests(): all that it asked for."""

    def __init__(self, browser, path, width=1500, height=950, ratio=1):
        self.browser = browser
        self.url = "file://" + path
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=False)
        self.send("Page.navigate", url=self.url)
        deadline = time.monotonic() + TIMEOUT
        while not self.run("document.documentElement?.dataset.state || ''"):
            if time.monotonic() > deadline:
                raise AssertionError(f"the page does not come alive: {self.errors()}")
            time.sleep(0.05)
        self.settle()

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    def run(self, expression):
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def settle(self):
        """Until what was asked for is drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))")

    def own(self, *methods):
        return [e for e in self.browser.events if e.get("sessionId") == self.session and e["method"] in methods]

    def errors(self):
        return [e["params"] for e in self.own("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")]

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.own("Network.requestWillBeSent")]

    def box(self, selector):
        """x, y, width, height on the page."""
        return self.run(f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                        " return [b.x, b.y, b.width, b.height]; })()")

    def screenshot(self, selector=None):
        more = {"optimizeForSpeed": True}  # filters that numpy undoes by rows
        if selector:
            x, y, width, height = self.box(selector)
            left, top = self.run("[scrollX, scrollY]")
            more["clip"] = {"x": x + left, "y": y + top, "width": width, "height": height, "scale": 1}
        return read_png(base64.b64decode(self.send("Page.captureScreenshot", format="png", **more)["data"]))

    def canvas(self, view):
        """A view's own pixels."""
        width, height, data = self.run(f"""(() => {{
            const from = document.querySelector("#{view} canvas"), copy = new OffscreenCanvas(from.width, from.height).getContext("2d");
            copy.drawImage(from, 0, 0);
            const bytes = copy.getImageData(0, 0, from.width, from.height).data, pieces = [];
            for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
            return [from.width, from.height, btoa(pieces.join(""))];
        }})()""")
        return numpy.frombuffer(base64.b64decode(data), "uint8").reshape(height, width, 4)[..., :3]

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)}).innerText")

    def mouse(self, kind, x, y, **more):
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        self.drag(x, y, x, y)

    def drag(self, x, y, to_x, to_y, button="left", modifiers=0):
        buttons = {"left": 1, "right": 2}[button]
        self.mouse("mousePressed", x, y, button=button, buttons=buttons, clickCount=1, modifiers=modifiers)
        self.mouse("mouseMoved", to_x, to_y, button=button, buttons=buttons, modifiers=modifiers)
        self.mouse("mouseReleased", to_x, to_y, button=button, clickCount=1, modifiers=modifiers)
        self.settle()

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key)
        self.settle()

    def click_on(self, expression):
        self.run(f"({expression}).click()")
        self.settle()
