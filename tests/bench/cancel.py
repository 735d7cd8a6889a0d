"""From a cancel to its return: `ctvk segment` with a sentence for SmolLM2 and f48 at the paper's window, interrupted (SIGINT) at moments spread evenly
over its run. What is timed ends when the process is gone.

cancel.py --build BUILD [--rounds N]   prints a sentence
"""
import argparse
import math
import os
import signal
import statistics
import subprocess
import sys
import time

import cases
import language
import programs

FIGURE = 1.0  # seconds, at the 95th percentile
CANCELLED = 7  # the command's exit code


def command(build, folder, say):
    network = cases.Network(os.path.join(folder, "f48"))
    case = cases.Case(network, cases.WINDOWS[-1], True)
    words = os.path.join(folder, "language")
    os.makedirs(words, exist_ok=True)
    bundle = language.make_bundle(words, cases.WINDOWS[-1], 48, "bundle-f48")
    return [os.path.join(build, "ctvk"), "segment", "--model", bundle, "--image", case.path("ct.nii"), "--llm", language.fetch_gguf(words, say),
            "--prompt", language.PROMPT, "--output", os.path.join(folder, "cancelled.nii.gz"), "--quiet"]


def start(arguments, threads):
    cores = sorted(os.sched_getaffinity(0))[:threads]

    def prepare():
        os.sched_setaffinity(0, cores)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it, and so would what they start

    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=programs.environment(threads),
                            preexec_fn=prepare)


def interrupted(arguments, threads, after):
    """Seconds from the signal to the end of the process; None: it was done before."""
    process = start(arguments, threads)
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        pass
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    took = time.perf_counter() - began
    if process.returncode == 0:
        return None
    if process.returncode != CANCELLED or os.path.exists(arguments[arguments.index("--output") + 1]):
        raise programs.Failed(f"a cancelled run ended with {process.returncode}: {error.decode(errors='replace').strip()[-300:]}")
    return took


def measure(build, folder, say, threads=2, rounds=20):
    """{"rounds", "whole": seconds of a run that is not cancelled, "median", "p95", "longest": seconds}"""
    arguments = command(build, folder, say)
    output = arguments[arguments.index("--output") + 1]
    began = time.perf_counter()
    process = start(arguments, threads)
    _, error = process.communicate()
    whole = time.perf_counter() - began
    if process.returncode:
        raise programs.Failed(f"ctvk segment ended with {process.returncode}: {error.decode(errors='replace').strip()[-300:]}")
    os.remove(output)
    found = []
    for i in range(rounds):
        say(f"cancel: round {i + 1} of {rounds}")
        took = interrupted(arguments, threads, whole * (i + 0.5) / rounds)
        if took is None:
            os.remove(output)
        else:
            found.append(took)
    if 2 * len(found) < rounds:
        raise programs.Failed(f"only {len(found)} of {rounds} runs were still under way when they were cancelled")
    found.sort()
    return {"rounds": len(found), "whole": whole, "median": statistics.median(found), "p95": found[math.ceil(0.95 * len(found)) - 1],
            "longest": found[-1]}


def sentence(found):
    verdict = "kept" if found["p95"] <= FIGURE else "MISSED"
    return (f"Cancel of SmolLM2 and f48 at 384 x 384 x 128 (a run of {found['whole']:.1f} s), {found['rounds']} moments spread over it: {found['median']:.2f} s "
            f"to the end of the process, {found['p95']:.2f} s at the 95th percentile, {found['longest']:.2f} s at most; at most {FIGURE:g} s: {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    folder = os.path.join(build, "bench")
    os.makedirs(folder, exist_ok=True)
    print(sentence(measure(build, folder, lambda text: print(text, file=sys.stderr), rounds=arguments.rounds)))


if __name__ == "__main__":
    main()
