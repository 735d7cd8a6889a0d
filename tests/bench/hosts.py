"""What the Python host costs over the C host: the demo's CT, segmented in turns by two processes that stay open, each of which times its own run from
the description of the voxels to the label map, progress included.

hosts.py --build BUILD [--rounds N]   prints a sentence
"""
import argparse
import gzip
import os
import statistics
import struct
import subprocess
import sys
import time

import numpy

import cases
import programs

DEMO = os.path.join(cases.ROOT, "manifest", "demo")
CT = os.path.join(cases.ROOT, "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")
PROMPT = "N0, cT2, breast conserving surgery, left side"
LIMIT = 0.02  # of a run


def python_turns():
    """The Python side: as bench_host, through the package."""
    import ctvk

    with gzip.open(CT) as file:
        data = file.read()
    shape, (start,) = struct.unpack_from("<3h", data, 42), struct.unpack_from("<f", data, 108)
    affine = numpy.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
    array = numpy.frombuffer(data, dtype="<i2", offset=int(start)).reshape(shape, order="F")
    with ctvk.Model(DEMO) as model:
        for _ in sys.stdin:
            begin = time.perf_counter()
            result = model.segment(array, affine, prompt=PROMPT, on_progress=lambda fraction, stage: None)
            print(f"{time.perf_counter() - begin:.6f} {result.record['labels'][1]['voxels']}", flush=True)


class Host:
    """One process; run() is one segmentation: (seconds, marked voxels)."""

    def __init__(self, command, threads, **more):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env={**programs.environment(threads), **more}, preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def run(self):
        self.process.stdin.write("\n")
        line = self.process.stdout.readline().split()
        if len(line) != 2 or int(line[1]) <= 0:
            raise programs.Failed(f"{self.process.args[0]} answers {line}")
        return float(line[0]), int(line[1])

    def close(self):
        self.process.stdin.close()
        if self.process.wait(timeout=60):
            raise programs.Failed(f"{self.process.args[0]} ended with {self.process.returncode}")


def measure(build, threads=2, rounds=15):
    """{"rounds", "c": seconds, "python": seconds, "overhead": share of a run, "low", "high", "fastest"}: medians; the overhead is that of the
    rounds' own ratios, low and high its quartiles; fastest is that of each side's fastest run, which other work on the machine disturbs least."""
    package = os.path.join(cases.ROOT, "plugin", "python")
    hosts = [Host([os.path.join(build, "tests", "bench_host"), DEMO, CT, PROMPT], threads),
             Host([sys.executable, os.path.abspath(__file__), "--turns"], threads, PYTHONPATH=package, CTVK_LIBRARY=os.path.join(build, "libctvk.so.1"))]
    turns = []
    try:
        for number in range(-1, rounds):
            order = hosts if number % 2 else hosts[::-1]  # who comes first changes, lest it matter
            found = {host: host.run() for host in order}
            if len({marked for _, marked in found.values()}) != 1:
                raise programs.Failed("the two hosts' label maps differ")
            if number >= 0:  # the first turn compiles shaders
                turns.append([found[host][0] for host in hosts])
    finally:
        for host in hosts:
            host.close()
    low, middle, high = statistics.quantiles([p / c - 1 for c, p in turns], n=4)
    return {"rounds": rounds, "c": statistics.median(t[0] for t in turns), "python": statistics.median(t[1] for t in turns),
            "overhead": middle, "low": low, "high": high, "fastest": min(p for _, p in turns) / min(c for c, _ in turns) - 1}


def sentence(found):
    verdict = ""
    if found["overhead"] > LIMIT:
        verdict = f" ATTENTION: more than {100 * LIMIT:.0f} %." if found["low"] > LIMIT else f" Too noisy to say whether that is within {100 * LIMIT:.0f} %."
    return (f"The demo's CT through the Python host against the C host, in turns, {found['rounds']} rounds: {found['python']:.3f} s against "
            f"{found['c']:.3f} s, {100 * found['overhead']:+.1f} % of a run (quartiles {100 * found['low']:+.1f} to {100 * found['high']:+.1f} %; fastest against "
            f"fastest {100 * found['fastest']:+.1f} %).{verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="build folder")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turns", action="store_true", help="be the Python host")
    arguments = parser.parse_args()
    if arguments.turns:
        python_turns()
    else:
        print(sentence(measure(os.path.abspath(arguments.build), rounds=arguments.rounds)))


if __name__ == "__main__":
    main()
