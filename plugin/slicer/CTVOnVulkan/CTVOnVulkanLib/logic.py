"""What the modules do, without a window and without Slicer: the facts of a bundle, runs of the command `ctvk`, comparison with a run without
text. Python's standard library only."""
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

_HELP = "Ask the person who looks after this computer"
# What the exit codes of contract mean to the one who sits before the screen.
_EXPLAINED = {
    2: "The clinical facts or the settings cannot be used as they are.",
    3: "The CT cannot be used, or the result cannot be written.",
    4: "The model cannot be used: its folder is incomplete or damaged, or it does not know this sentence.",
    5: "This computer offers no graphics driver that can compute the proposal. " + _HELP + " to install its Vulkan driver "
       "(on Debian and Ubuntu the package mesa-vulkan-drivers works on every computer).",
    6: "The memory is not enough for this CT. Choose another device, or close other programs.",
    8: "The graphics device failed. No proposal was made. Try again, or choose another device.",
}
NO_COMMAND = ("The program that computes the proposal (ctvk) is not installed. " + _HELP + " to install the extension CTVOnVulkan again, or to name "
              "the program by the variable CTVK_COMMAND before Slicer starts.")
NO_BUNDLE = ("No model is chosen yet. Choose the folder of a model: it holds a file manifest.json. " + _HELP + " where the models of your "
             "department lie; the extension brings a demonstration model for a first try, which is not for clinical use.")


class Problem(Exception):
    """Something that the user must know: the text in a clinician's words, `detail` as the program said it."""

    def __init__(self, text: str, detail: str = "", code: int = 0):
        super().__init__(text + (f"\n\n{detail}" if detail else ""))
        self.text, self.detail, self.code = text, detail, code


class Cancelled(Problem):
    pass


def find_command(named: str = "", near: Sequence[str] = ()) -> str:
    """The program: as named in the settings, in CTVK_COMMAND, in one of the folders `near`, on the path. Problem: nowhere."""
    for path in (named, os.environ.get("CTVK_COMMAND", "")):
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
        if path:
            raise Problem(NO_COMMAND, f"{path}: no program")
    for folder in near:
        if os.access(os.path.join(folder, "ctvk"), os.X_OK):
            return os.path.join(folder, "ctvk")
    found = shutil.which("ctvk")
    if not found:
        raise Problem(NO_COMMAND)
    return found


def _failure(code: int, lines: Sequence[str]) -> Problem:
    errors = [line[len("ctvk: error: "):] for line in lines if line.startswith("ctvk: error: ")]
    detail = errors[-1] if errors else "\n".join(lines[-3:])
    if code == 7:
        return Cancelled("Cancelled. No proposal was made, and nothing was changed.", detail, code)
    return Problem(_EXPLAINED.get(code, "The program ended without a result. No proposal was made."), detail, code)


def _ask(command: str, words: Sequence[str], environment: Optional[Dict[str, str]]) -> dict:
    try:
        done = subprocess.run([command, *words], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(NO_COMMAND, str(error)) from error
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr.decode(errors="replace").splitlines())
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Label:
    value: int
    name: str
    color: Tuple[float, float, float]


@dataclass(frozen=True)
class Bundle:
    """What `ctvk inspect --json` says of a model."""
    folder: str
    name: str
    version: str
    intended_use: str
    sha256: str
    has_text: bool
    has_encoder: bool  #: any sentence may be written; else only those of the cache and the facts
    template: str
    fields: Dict[str, List[str]]
    cached_prompts: List[str]
    labels: List[Label]  #: without the background
    warnings: List[str]


def _color(text: str, number: int) -> Tuple[float, float, float]:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text or ""):
        return tuple(int(text[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return ((0.90, 0.10, 0.29), (0.29, 0.59, 1.0), (1.0, 0.78, 0.16), (0.31, 0.86, 0.47))[number % 4]


def read_bundle(command: str, folder: str, environment: Optional[Dict[str, str]] = None) -> Bundle:
    """Problem: no folder was chosen, or it holds no sound model."""
    if not folder:
        raise Problem(NO_BUNDLE)
    facts = _ask(command, ["inspect", "--json", "--", folder], environment)
    text = facts["text"] or {}
    labels = [Label(entry["value"], entry["name"], _color(entry.get("color", ""), i)) for i, entry in
              enumerate(entry for entry in facts["labels"] if entry["value"] != 0)]
    return Bundle(folder, facts["name"], facts["version"], facts["intended_use"], facts["sha256"], facts["text"] is not None, "encoder" in text,
                  text.get("template", ""), text.get("fields", {}), text.get("cached_prompts", []), labels, facts["warnings"])


def read_devices(command: str, environment: Optional[Dict[str, str]] = None) -> List[dict]:
    """The usable Vulkan devices; Problem where there is none."""
    devices = [d for d in _ask(command, ["devices", "--json"], environment)["devices"] if d["usable"]]
    if not devices:
        raise Problem(_EXPLAINED[5], code=5)
    return devices


@dataclass(frozen=True)
class Request:
    """One proposal to make. Either a sentence, or one value (or several, for a bilateral case) for each field, or neither for a model without
    text."""
    model: str
    image: str
    prompt: str = ""
    facts: Dict[str, Sequence[str]] = field(default_factory=dict)
    device: str = ""
    memory_mib: int = 0
    llm: str = ""

    def words(self) -> List[str]:
        """All but the sentence: it may hold what others on this computer should not read, and every process list shows the words."""
        words = ["segment", f"--model={self.model}", f"--image={self.image}", "--progress"]
        if not self.prompt.strip():
            for name, values in self.facts.items():
                words += [f"--field={name}={value}" for value in ([values] if isinstance(values, str) else values)]
        more = (("--device", self.device), ("--memory-limit", str(self.memory_mib) if self.memory_mib else ""), ("--llm", self.llm))
        return words + [f"{name}={value}" for name, value in more if value]


@dataclass
class Proposal:
    """A whole result: a label map on the CT's grid, and its record. The files are the caller's: close() removes them."""
    folder: str
    label_path: str
    record: dict
    warnings: List[str]

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Run:
    """One run of the command. start, then poll from a timer until `done`, then result. No thread of it touches anything of the caller's."""
    GRACE = 30  # seconds from the request to cancel until the process is killed

    def __init__(self, command: str, request: Request, environment: Optional[Dict[str, str]] = None):
        self.command, self.request, self.environment = command, request, environment
        self.folder, self.process, self.reader = "", None, None
        self.lines: List[str] = []
        self.arrived: "queue.SimpleQueue[str]" = queue.SimpleQueue()
        self.fraction, self.stage, self.cancelled_at = 0.0, "start", 0.0

    def start(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ctvk-")
        words = self.request.words() + [f"--output={self.folder}/label.nii.gz", f"--report={self.folder}/report.json"]
        try:
            if self.request.prompt.strip():
                words.append(f"--prompt-file={self.folder}/prompt.txt")
                with open(f"{self.folder}/prompt.txt", "w", encoding="utf-8") as file:
                    file.write(self.request.prompt)
            self.process = subprocess.Popen([self.command, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                            env=self.environment)
        except OSError as error:
            self.discard()
            raise Problem(NO_COMMAND, str(error)) from error
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.arrived.put(line.decode(errors="replace").rstrip("\r\n"))
        self.process.stderr.close()

    def poll(self) -> List[str]:
        """The lines that arrived since the last call; progress goes to `fraction` and `stage`."""
        news = []
        while not self.arrived.empty():
            line = self.arrived.get()
            match = re.fullmatch(r"ctvk: progress: +(\d+) % (\S+)", line)
            if match:
                self.fraction, self.stage = int(match[1]) / 100, match[2]
            news.append(line)
        self.lines += news
        if self.cancelled_at and self.process.poll() is None and time.monotonic() - self.cancelled_at > self.GRACE:
            self.process.kill()
        return news

    @property
    def done(self) -> bool:
        return self.process is not None and self.process.poll() is not None and not self.reader.is_alive()

    def cancel(self) -> None:
        if self.process is not None and self.process.poll() is None and not self.cancelled_at:
            self.cancelled_at = time.monotonic()
            self.process.send_signal(signal.SIGTERM)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def result(self) -> Proposal:
        """After done. Problem or Cancelled: nothing is left of the run."""
        self.poll()
        code = 7 if self.cancelled_at else self.process.returncode
        label, report = os.path.join(self.folder, "label.nii.gz"), os.path.join(self.folder, "report.json")
        if code == 0 and not (os.path.isfile(label) and os.path.isfile(report)):
            code = 8
        if code != 0:
            self.discard()
            raise _failure(code, self.lines)
        with open(report, encoding="utf-8") as file:
            record = json.load(file)
        return Proposal(self.folder, label, record, record["warnings"])


def without_text(bundle: Bundle, folder: str) -> str:
    """A twin of a bundle that reads no text, in `folder`: the same weights, of which the network without text takes its part."""
    with open(os.path.join(bundle.folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    weights = manifest["network"]["weights"]
    manifest["network"]["text"] = None
    manifest.pop("selftest", None)  # its answer is the network's with text
    manifest["name"] += " without text"
    manifest["files"] = {name: entry for name, entry in manifest.get("files", {}).items() if name == weights}
    os.makedirs(os.path.dirname(os.path.join(folder, weights)), exist_ok=True)
    try:
        os.link(os.path.join(bundle.folder, weights), os.path.join(folder, weights))
    except OSError:  # another file system
        shutil.copyfile(os.path.join(bundle.folder, weights), os.path.join(folder, weights))
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file)
    return folder


class Comparison:
    """A run with text and one without, one after the other; both results or none. Polled as a Run is."""

    def __init__(self, command: str, bundle: Bundle, request: Request, environment: Optional[Dict[str, str]] = None):
        self.twin = tempfile.mkdtemp(prefix="ctvk-")
        without_text(bundle, self.twin)
        second = Request(self.twin, request.image, device=request.device, memory_mib=request.memory_mib)
        self.runs = [Run(command, request, environment), Run(command, second, environment)]
        self.at, self.proposals, self.problem = 0, [], None

    def start(self) -> None:
        try:
            self.runs[0].start()
        except Problem:
            shutil.rmtree(self.twin, ignore_errors=True)
            raise

    @property
    def fraction(self) -> float:
        return (self.at + self.runs[min(self.at, 1)].fraction) / 2 if self.at < 2 else 1.0

    @property
    def stage(self) -> str:
        return ("with text: ", "without text: ")[min(self.at, 1)] + self.runs[min(self.at, 1)].stage

    def poll(self) -> List[str]:
        if self.done:
            return []
        run = self.runs[self.at]
        news = run.poll()
        if run.done:
            news += run.poll()
            try:
                self.proposals.append(run.result())
                self.at += 1
                if self.at == 1:
                    self.runs[1].start()
            except Problem as problem:
                self.problem = problem
        return news

    @property
    def done(self) -> bool:
        return self.problem is not None or self.at == 2

    def cancel(self) -> None:
        self.runs[min(self.at, 1)].cancel()

    def result(self) -> Tuple[Proposal, Proposal]:
        shutil.rmtree(self.twin, ignore_errors=True)
        if self.problem is not None:
            for proposal in self.proposals:
                proposal.close()
            raise self.problem
        return self.proposals[0], self.proposals[1]
