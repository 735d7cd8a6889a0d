"""What a trace (CTVK_TRACE) says: where the device's time went, and how far each operation is from the limits that bench_limits measured.

profiling.py TRACE.json [--limits LIMITS.json] [--top N]   prints a table
An operation's share of a limit is the time that its FLOP (or bytes) would take at the limit, over the time that it took; more than 1 of the FMA peak
is possible where a variant needs fewer multiplications than the plain algorithm, which is what is counted.
"""
import argparse
import json
import os
import statistics

import programs


def load(path):
    with open(path, encoding="utf-8") as file:
        return [event for event in json.load(file)["traceEvents"] if event["ph"] == "X"]


def operations(events):
    """[(name, detail, seconds, flop, bytes)] of the device, in order."""
    return [(e["name"], e["args"].get("detail", ""), e["args"].get("busy_us", 0) * 1e-6, e["args"].get("flop", 0), e["args"].get("bytes", 0))
            for e in sorted(events, key=lambda e: e["ts"]) if e["cat"] == "operation"]


def first_submission(events):
    """Seconds of the clock that time.perf_counter() reads on Linux."""
    return min(e["ts"] for e in events if e["cat"] == "submission") * 1e-6


def grid(window, level=0):
    return " x ".join(str(n >> (level + 1)) for n in window)


def level0(found, window, limits):
    """The figures of level 0, whose grid is half of the window's: {"conv3d": share of the FMA peak of all 3x3x3 convolutions of stride 1,
    "token_to_image", "image_to_token": time over that of a copy of the voxels}."""
    voxels = grid(window)
    mine = [o for o in found if o[0] == "conv3d" and o[1].startswith("3x3x3 / 1,") and f", {voxels}," in o[1]]
    figures = {"conv3d": sum(o[3] for o in mine) / sum(o[2] for o in mine) / (limits["fma_gflop_per_s"] * 1e9)}
    for name in ("token_to_image", "image_to_token"):
        mine = [o for o in found if o[0] == name and o[1].endswith(f", {voxels}")]
        if mine:
            channels, count = int(mine[0][1].split(", ")[1]), 4
            for n in window:
                count *= n // 2
            copy = 2 * channels * count / (limits["copy_gbyte_per_s"] * 1e9)
            figures[name] = statistics.mean(o[2] for o in mine) / copy
    return figures


def table(found, limits, top=20):
    """Markdown: operations of one name and shape together, the longest first."""
    groups = {}
    for name, detail, seconds, flop, size in found:
        group = groups.setdefault((name, detail), [0, 0.0, 0, 0])
        for i, value in enumerate((1, seconds, flop, size)):
            group[i] += value
    whole = sum(group[1] for group in groups.values())
    lines = ["| operation | shape | times | s | share | GF/s | of FMA peak | GB/s | of copy |", "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    ordered = sorted(groups.items(), key=lambda item: -item[1][1])
    for (name, detail), (count, seconds, flop, size) in ordered[:top]:
        gflop, gbyte = flop / seconds * 1e-9, size / seconds * 1e-9
        lines.append(f"| {name} | {detail} | {count} | {seconds:.3f} | {100 * seconds / whole:.1f} % | {gflop:.1f} | {gflop / limits['fma_gflop_per_s']:.2f} | "
                     f"{gbyte:.2f} | {gbyte / limits['copy_gbyte_per_s']:.2f} |")
    rest = sum(group[1] for _, group in ordered[top:])
    if ordered[top:]:
        lines.append(f"| {len(ordered) - top} others | | | {rest:.3f} | {100 * rest / whole:.1f} % | | | | |")
    lines += ["", f"All operations: {whole:.2f} s of the device."]
    return "\n".join(lines)


def beside_transfer(profile):
    """What the attentions take beside a transfer, which on a software driver is the C library's memcpy and no shader's limit."""
    faster = profile["limits"]["copy"]["transfer"] / profile["limits"]["copy_gbyte_per_s"]
    both = [f"{name.replace('_', '-')} {statistics.median(profile['figures'][name]) * faster:.2g}" for name in ("token_to_image", "image_to_token")
            if name in profile["figures"]]
    return f"In copies by a transfer, which no shader reaches: {', '.join(both)}."


def page(name, found, limits):
    """docs/profile.md: the table with what it means."""
    return "\n".join([
        f"# Where the time goes: {name}", "",
        "Written by the benchmark (`build/bench/profile.md`). Operations of one kind and shape together, the longest first; seconds are those of the device's",
        "timestamps. FLOP are those of the plain algorithm, so that Winograd's convolutions may pass the peak of multiply-adds; bytes are those of each operand",
        "once. `of FMA peak` and `of copy` are shares of what `bench_limits` measured just before, by shaders of its own: "
        f"{limits['fma_gflop_per_s']:.0f} GF/s", f"of multiply-adds on registers, and copies at {limits['copy_gbyte_per_s']:.1f} GB/s, read and written.", "",
        f"Device: {limits['device']}, {limits['driver']}.", "", table(found, limits)])


def limits(build, threads, folder):
    """What bench_limits says, at the width of vectors that the command chooses for itself."""
    text, _, _ = programs.measure([os.path.join(build, "tests", "bench_limits")], threads, folder, more=programs.wide())
    return json.loads(text.splitlines()[-1])


def measure(build, case, threads, rounds, say):
    """{"limits": the last, "figures": {name: [of each round]}, "page": docs/profile.md}: in each round the limits, then a traced run of the case, whose
    shaders an earlier run has compiled."""
    figures, trace = {}, case.path("trace.json")
    for number in range(rounds):
        say(f"profile of {case.name}: round {number + 1} of {rounds}")
        limit = limits(build, threads, case.folder)
        if os.path.exists(trace):
            os.remove(trace)
        programs.ctvk(build, case, threads, False, {"CTVK_TRACE": trace})
        found = operations(load(trace))
        for name, value in level0(found, case.window, limit).items():
            figures.setdefault(name, []).append(value)
    return {"limits": limit, "figures": figures, "page": page(case.name, found, limit)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("--limits", help="what bench_limits printed; without it nothing is compared with a limit")
    parser.add_argument("--top", type=int, default=20)
    arguments = parser.parse_args()
    limit = {"fma_gflop_per_s": float("nan"), "copy_gbyte_per_s": float("nan")}
    if arguments.limits:
        with open(arguments.limits, encoding="utf-8") as file:
            limit = json.load(file)
    print(table(operations(load(arguments.trace)), limit, arguments.top))


if __name__ == "__main__":
    main()
