"""What every call stands on: errors, one context of the library, jobs that run while Python listens, devices."""
import ctypes
import os
import queue
import threading
from dataclasses import dataclass
from typing import Any, Callable, List, Optional

from . import _abi

Progress = Callable[[float, str], Any]
_TYPES = {1: "discrete", 2: "integrated", 3: "virtual", 4: "cpu"}
_CANCELLED = 70


class Error(Exception):
    """A failed call: `status` is the number, `name` its name ("CTVK_ERROR_BUNDLE"), the text says what, why and what to do."""

    def __init__(self, status: int, name: str, message: str):
        super().__init__(message)
        self.status, self.name = status, name


class Cancelled(Error):
    """on_progress returned a true value."""


@dataclass(frozen=True)
class Device:
    """A Vulkan device. `usable` is False where something that is required is among `lacks`."""
    index: int
    name: str
    type: str
    vendor: str
    driver: str
    uuid: str
    memory_bytes: int
    usable: bool
    lacks: str


class Watch:
    """Runs a job on a thread of its own while the caller's thread hands its progress on: Ctrl-C and exceptions of on_progress then happen in
    Python, never inside of a C call, and cancel the job. on_progress is called on the caller's thread."""

    def __init__(self, on_progress: Optional[Progress]):
        self.on_progress = on_progress
        self.events: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self.function = _abi.ProgressFn(self.put)
        self.stopped = False  #: what runs without a handle to cancel is asked to end by its next report

    def put(self, _user, fraction, stage):
        self.events.put((fraction, stage.decode()))
        return int(self.stopped)

    def stop(self, _handle: Any = None) -> None:
        self.stopped = True

    def run(self, run: Callable[[Any], int], cancel: Callable[[Any], None], handle: Any) -> int:
        """The job's status. A job that ended while on_progress was still asking for its end counts as cancelled: whether the answer came in time is
        chance, and a caller must not see it."""
        status, asked = [], False

        def work() -> None:
            try:
                status.append(run(handle))
            finally:
                self.events.put(None)

        thread = threading.Thread(target=work, name="ctvk")
        thread.start()
        try:
            for event in iter(self.events.get, None):
                if self.on_progress and self.on_progress(*event):
                    asked = True
                    cancel(handle)
        except BaseException:
            cancel(handle)
            raise
        finally:
            while thread.is_alive():
                try:
                    thread.join()
                except KeyboardInterrupt:
                    pass  # a second Ctrl-C: the job is being cancelled, and its memory is still in use
        return _CANCELLED if asked and status[0] == 0 else status[0]


def _cache_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "ctvk")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
    except OSError:
        return ""
    return folder


def data_folder() -> str:
    return os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share"), "ctvk")


class Context:
    """One ctvk_context and the library behind it."""

    def __init__(self, log: Optional[Callable[[int, str], Any]] = None):
        self.library = _abi.Library()
        self.log = _abi.LogFn(lambda _user, level, message: log(level, message.decode("utf-8", "replace"))) if log else _abi.LogFn()
        desc = _abi.ContextDesc(log=self.log, cache_folder=_abi.text(_cache_folder()), device_mask=_abi.text(os.environ.get("CTVK_MASK", "")))
        self.handle = ctypes.c_void_p()
        status = self.library.contexts.create(ctypes.byref(desc), ctypes.byref(self.handle))
        if status:
            raise Error(status, self.name(status), "ctvk: no context could be made (free some memory)")

    def name(self, status: int) -> str:
        return self.library.contexts.status_name(status).decode()

    def check(self, status: int, last_error, handle) -> None:
        if status:
            message = _abi.Text()
            last_error(handle, ctypes.byref(message))
            raise (Cancelled if status == _CANCELLED else Error)(status, self.name(status), str(message) or "cancelled")

    def close(self) -> None:
        if self.handle:
            self.library.contexts.destroy(self.handle)
            self.handle = ctypes.c_void_p()

    def devices(self) -> List[Device]:
        table, count, found = self.library.contexts, ctypes.c_uint32(), []
        self.check(table.device_count(self.handle, ctypes.byref(count)), table.last_error, self.handle)
        for index in range(count.value):
            info = _abi.DeviceInfo()
            self.check(table.device_info(self.handle, index, ctypes.byref(info)), table.last_error, self.handle)
            found.append(Device(index, str(info.name), _TYPES.get(info.type, "other"), str(info.vendor), str(info.driver), str(info.uuid),
                                info.memory_bytes, bool(info.usable), str(info.lacks)))
        return found


def devices() -> List[Device]:
    """Every Vulkan device of this machine.

    Raises Error (CTVK_ERROR_NO_DEVICE) where there is no Vulkan driver.
    """
    context = Context()
    try:
        return context.devices()
    finally:
        context.close()
