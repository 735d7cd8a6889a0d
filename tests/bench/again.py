"""A second text on the same CT against the first, in one run of `ctvk segment` with two texts: the first one's encoder outputs are kept. f48, one
window; seconds of all stages as the two records tell them, so that the first one's include opening, preparing and keeping.

again.py --build BUILD [--rounds N]   prints a sentence for each window
"""
import argparse
import json
import os
import statistics
import sys

import cases
import programs


def turn(build, case, threads):
    """Seconds of the first text and of the second."""
    arguments = [os.path.join(build, "ctvk"), "segment", "--model", case.folder, "--image", case.path("ct.nii"), "--quiet"]
    for name in ("first", "second"):
        arguments += ["--text-embedding", case.text_file, "--output", case.path(f"{name}.nii.gz"), "--report", case.path(f"{name}.json")]
    programs.measure(arguments, threads, case.folder)
    told = []
    for name in ("first", "second"):
        with open(case.path(f"{name}.json"), encoding="utf-8") as file:
            told.append(json.load(file))
        os.remove(case.path(f"{name}.nii.gz"))
    if [t["encoder"]["windows_reused"] for t in told] != [0, 1] or told[0]["labels"] != told[1]["labels"]:
        raise programs.Failed(f"{case.name}: the second text did not reuse the first one's encoder: {told[1]['encoder']}")
    return [sum(t["seconds"].values()) for t in told]


def measure(build, case, threads=2, rounds=3):
    """{"name", "rounds", "first", "second": seconds, "ratio", "low", "high"}: medians, and the rounds' smallest and largest ratio."""
    if max(case.window) <= 192:
        turn(build, case, threads)  # compiles shaders, which takes as long as such a window
    turns = [turn(build, case, threads) for _ in range(rounds)]
    ratios = [second / first for first, second in turns]
    return {"name": case.name, "rounds": rounds, "first": statistics.median(t[0] for t in turns), "second": statistics.median(t[1] for t in turns),
            "ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def sentence(found):
    return (f"A second text on the same CT, {found['name'].split(',')[0]}, {found['rounds']} rounds: {found['second']:.2f} s after {found['first']:.2f} s for the "
            f"first, {found['ratio']:.2f} of it ({found['low']:.2f} to {found['high']:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    network = cases.Network(os.path.join(build, "bench", "f48"))
    for window in cases.WINDOWS:
        print(sentence(measure(build, cases.Case(network, window, True), rounds=arguments.rounds)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
