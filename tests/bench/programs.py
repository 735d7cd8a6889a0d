"""Runs the programs that are compared, each in a process of its own, on the same cores."""
import json
import os
import subprocess
import sys
import time

from cases import TRAIN

LAVAPIPE = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"


class Failed(Exception):
    pass


def environment(threads, caches=None):
    """lavapipe alone, as many of its threads as PyTorch gets. caches: the folder for everything that ctvk and the driver keep, None: the user's."""
    env = dict(os.environ, VK_DRIVER_FILES=LAVAPIPE, VK_ICD_FILENAMES=LAVAPIPE, LP_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads),
               PYTHONDONTWRITEBYTECODE="1")
    env.pop("CTVK_DEVICE", None)
    env.pop("CTVK_MASK", None)
    if caches:
        env["XDG_CACHE_HOME"] = caches
        for name in ("MESA_SHADER_CACHE_DIR", "MESA_GLSL_CACHE_DIR", "LP_NATIVE_VECTOR_WIDTH"):
            env.pop(name, None)
    return env


def wide():
    """The variables by which the command has lavapipe compute 16 lanes wide where that is faster (cli/environment.c), for programs that do not do
    so themselves."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    can = " avx512f " in text and "AuthenticAMD" in text
    return {"LP_NATIVE_VECTOR_WIDTH": "512", "MESA_SHADER_CACHE_DISABLE": "true"} if can else {}


def measure(arguments, threads, folder, caches=None, more=None):
    """(standard output, wall seconds, peak resident MiB) of one process, held to the first `threads` cores that this one may use.
    more: further variables of its environment."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    out, log = os.path.join(folder, "stdout.txt"), os.path.join(folder, "stderr.txt")
    with open(out, "wb") as stdout, open(log, "wb") as stderr:
        began = time.perf_counter()
        child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=dict(environment(threads, caches), **(more or {})),
                                 preexec_fn=lambda: os.sched_setaffinity(0, cores))
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(out, encoding="utf-8") as file:
        text = file.read()
    with open(log, encoding="utf-8", errors="replace") as file:
        last = file.read().strip().splitlines()[-1:]
    if child.returncode:
        raise Failed(f"{os.path.basename(arguments[0])} ended with {child.returncode}: {' '.join(last)[:300]}")
    return text, wall, usage.ru_maxrss // 1024


def ctvk(build, case, threads, logits, more=None, image="ct.nii"):
    """One run of the command. {seconds: of the network's stage, windows, peak_mib, planned_bytes, device_bytes, device, driver}"""
    report = case.path("report.json")
    arguments = [os.path.join(build, "ctvk"), "segment", "--model", case.folder, "--image", case.path(image), "--output",
                 case.path("label.nii.gz"), "--report", report, "--quiet"]
    if case.text_file:
        arguments += ["--text-embedding", case.text_file]
    if logits:
        arguments += ["--logits", case.path("ctvk.safetensors")]
    _, wall, peak = measure(arguments, threads, case.folder, more=more)
    with open(report, encoding="utf-8") as file:
        told = json.load(file)
    if (told["windows"] == 1) != (image == "ct.nii"):
        raise Failed(f"{case.name}: {told['windows']} windows of {image} were run")
    if told["device"]["type"] != "cpu":
        raise Failed(f"{case.name}: ran on {told['device']['name']}, not on lavapipe")
    return {"seconds": told["seconds"]["network"], "windows": told["windows"], "wall_seconds": wall, "peak_mib": peak,
            "planned_bytes": told["memory"]["planned_bytes"], "device_bytes": told["memory"]["peak_bytes"],
            "device": told["device"]["name"], "driver": told["device"]["driver"]}


def later(build, case, threads, first):
    """A window that is not the first of its process, as the peer's pass that counts is its second: what each further window of a longer CT adds to
    `first`, the run of one window just before."""
    more = ctvk(build, case, threads, False, image="longer.nii")
    return dict(more, seconds=(more["seconds"] - first["seconds"]) / (more["windows"] - 1))


def torch(case, threads, logits, warm_up):
    """The same window through PyTorch; `warm_up` is the window of the pass before the one that counts."""
    arguments = [sys.executable, os.path.join(TRAIN, "bench_peer.py"), case.folder, "--threads", str(threads), "--input", case.path("window.npy"),
                 "--warm-up-window", *map(str, warm_up)]
    if case.text_file:
        arguments += ["--text", case.text_file]
    if logits:
        arguments += ["--output", case.path("torch.safetensors")]
    text, wall, peak = measure(arguments, threads, case.folder)
    told = json.loads(text.splitlines()[-1])
    return {"seconds": told["seconds"][0], "wall_seconds": wall, "peak_mib": peak, "torch": told["torch"]}
