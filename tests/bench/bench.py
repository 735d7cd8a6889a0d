"""The benchmark: ctvk on lavapipe against PyTorch and llama.cpp on the same cores, in one run.

bench.py --build BUILD --output FOLDER [--quick]
prints two tables, what was measured and the figures that the project holds itself to, and writes bench.json, bench.md and profile.md (where the time of
the largest window goes, operation by operation). Both programs take turns, each time in a new process; a row's ratio is the median of its
rounds' ratios. PyTorch's pass that counts is its second; of a small window so is ctvk's, what each further window of a longer CT adds, and rows of their own
tell what the first of a process takes, which loads its kernels meanwhile. Of the largest window the first counts. Seconds are of the network alone: reading, preparing and writing count for neither; only the rows of `ctvk embed` are of the
whole command. `difference` is the relative L2 distance of the two programs' logits. Where docs/bench.json is committed, the run is compared
with it. `--quick` runs the smallest window only.
"""
import argparse
import json
import os
import sys
import time

import again
import cancel
import cases
import figures
import half
import hosts
import language
import large
import profiling
import programs
import starts
import table

COMMITTED = os.path.join(cases.ROOT, "docs", "bench.json")
MAX_ROUNDS, MIN_ROUNDS = 5, 2
# Share of the time that a row may take; of the largest window one round alone takes minutes on a small machine.
SHARES = {(96, True): 0.06, (96, False): 0.04, (192, True): 0.12, (192, False): 0.08, (384, True): 0.4, (384, False): 0.25}
LANGUAGE_SHARE = 0.1
PROGRAMS = ("ctvk", "libctvk.so.1", "tests/bench_embed", "tests/bench_host", "tests/bench_limits")
PROFILE_ROUNDS = 2


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def machine(threads):
    """The machine in words that tell nothing about whose it is."""
    fields = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    wide = [name for name in ("avx2", "avx512f") if name in fields.get("flags", "").split()]
    cpu = f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}; {' '.join(wide)})"
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "threads": threads, "load_at_start": round(os.getloadavg()[0], 2)}


class Clock:
    def __init__(self, seconds):
        self.began, self.seconds = time.monotonic(), seconds

    def left(self):
        return self.seconds - (time.monotonic() - self.began)


def rounds_for(one, share, clock, total):
    """How many rounds of `one` second(s) each: as the row's share allows, never so many that the whole run gets longer."""
    wanted = max(MIN_ROUNDS, min(MAX_ROUNDS, int(share * total / one)))
    return max(1, min(wanted, 1 + int(clock.left() / one)))


def run_network(arguments, case, clock, about):
    """Rows of the f48 network: the window, and of a small one also as the first of a process. ctvk's very first turn compiles its shaders, so one turn of
    both that counts for nothing warms the caches up wherever a turn is short."""
    small = max(case.window) <= 192
    warm_up = case.window if small else cases.WINDOWS[0]

    def turn(logits):
        a = programs.ctvk(arguments.build, case, arguments.threads, logits)
        b = programs.torch(case, arguments.threads, logits, warm_up)
        return a, b, programs.later(arguments.build, case, arguments.threads, a) if small else a

    began = time.monotonic()
    first = turn(True)
    one = time.monotonic() - began
    difference = case.difference()
    turns = [] if small else [first]
    count = rounds_for(one, SHARES[max(case.window), bool(case.text_file)], clock, arguments.seconds)
    while len(turns) < count:
        say(f"{case.name}: round {len(turns) + 1} of {count}")
        turns.append(turn(False))
    a, b, later = ([t[i] for t in turns] for i in range(3))
    about.update(driver=a[0]["driver"], torch=b[0]["torch"])
    rows = [table.row(case.name, later, b, {"difference": difference})]
    return rows + ([table.row(f"{case.name}, the first of ctvk's process", a, b, {})] if small else [])


def run_language(arguments, about):
    say("language model")
    both = language.Language(arguments.build, os.path.join(arguments.output, "language"), say,
                             arguments.language_model or (language.is_built(arguments.build) and not arguments.quick))
    sides = [] if "peer" in both.missing else [both.peer] if "ctvk" in both.missing else [both.ctvk, both.peer]
    turns, starts, count = [], [], 1
    try:
        while sides and len(turns) < count:
            began = time.monotonic()
            turns.append([side(arguments.threads) for side in sides])
            if both.ctvk in sides:
                starts.append(both.starts(arguments.threads))
            if len(turns) == 1:
                count = rounds_for(time.monotonic() - began, LANGUAGE_SHARE, Clock(LANGUAGE_SHARE * arguments.seconds), arguments.seconds)
            say(f"language model: round {len(turns)} of {count}")
    except programs.Failed as problem:
        both.missing["this run"] = f"failed: {problem}"
    b = [turn[-1] for turn in turns]
    a = [turn[0] for turn in turns] if both.ctvk in sides else []
    if b:
        about["llama_cpp_python"] = b[0]["version"]
    rows = [table.row(both.name, a, b, {"missing": both.missing, "peer_rounds": len(b)})]
    for i, name in enumerate(language.STARTS):
        rows += [table.row(name, [turn[i] for turn in starts], [], {"figure": language.FIGURE})] if starts else []
    return rows


def run_again(arguments, network):
    """A second text on the same CT, by window; of the largest one a round takes minutes on a small machine."""
    found = []
    for window in cases.WINDOWS[:1] if arguments.quick else cases.WINDOWS:
        say(f"second text, {' x '.join(map(str, window))}")
        rounds = MAX_ROUNDS if max(window) <= 192 else 1
        found.append(again.measure(arguments.build, cases.Case(network, window, True), arguments.threads, rounds))
    return found


def tell(result, output):
    rows = result["rows"]
    about = result["machine"]
    lines = [table.markdown(rows), "", figures.markdown(result["figures"]), "",
             f"CPU: {about['cpu']}, {about['cores']} cores, {about['threads']} threads for each program; load at the start "
             f"{about['load_at_start']}.",
             f"Driver: {about.get('driver', '-')}. PyTorch {about.get('torch', '-')}. llama-cpp-python {about.get('llama_cpp_python', '-')}.",
             f"f48: {result['weights']}.",
             f"Limits of the device, by bench_limits: {result['profile']['limits']['fma_gflop_per_s']:.0f} GF/s of multiply-adds, copies at "
             f"{result['profile']['limits']['copy_gbyte_per_s']:.1f} GB/s by the faster of two shaders, read and written (as a transfer "
             f"{result['profile']['limits']['copy']['transfer']:.1f})."]
    lines += [profiling.beside_transfer(result["profile"])]
    lines += [f"{text}." for text in table.figures(rows)]
    lines += [hosts.sentence(result["hosts"])]
    lines += [again.sentence(found) + "." for found in result["again"]]
    lines += [half.sentence(result["half"]) + "."]
    lines += [large.sentence(result["large"]) + "."] if "large" in result else []
    lines += [cancel.sentence(result["cancel"]) + "."] if "cancel" in result else []
    lines += [f"{r['name']}: {side}: {why}." for r in rows for side, why in r.get("missing", {}).items()]
    lines += [f"ATTENTION: {r['name']}: the two programs' logits differ by {r['difference']:.1e}."
              for r in rows if (r.get("difference") or 0) > 1e-4]
    lines += compare(result)
    text = "\n".join(lines)
    print(text)
    cases.write_json(os.path.join(output, "bench.json"), result)
    with open(os.path.join(output, "bench.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def compare(result):
    if not os.path.exists(COMMITTED):
        return ["No docs/bench.json to compare with."]
    with open(COMMITTED, encoding="utf-8") as file:
        old = json.load(file)
    found, count = table.slower(old, result) + figures.worse(old, result["figures"]), table.compared(old, result)
    lines = [f"WORSE than docs/bench.json: {text}." for text in found]
    lines = lines or [f"Compared with docs/bench.json in {count} rows: nothing became worse beyond the noise."]
    if old["machine"]["cpu"] != result["machine"]["cpu"]:
        lines.append(f"That run was on another CPU ({old['machine']['cpu']}): ratios may differ for this reason alone.")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="build folder with the command")
    parser.add_argument("--output", required=True, help="folder for bench.json, bench.md and what the run needs")
    parser.add_argument("--quick", action="store_true", help="the smallest window only")
    parser.add_argument("--language-model", action="store_true", help="set llama.cpp up even where ctvk has no language model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=780, help="what the network's rows may take together, about")
    arguments = parser.parse_args()
    # Absolute: caches lie under it, and the XDG specification has relative cache folders ignored.
    arguments.output = os.path.abspath(arguments.output)
    if not os.path.exists(programs.LAVAPIPE):
        sys.exit(f"bench: {programs.LAVAPIPE} is missing (install mesa-vulkan-drivers)")
    missing = [name for name in PROGRAMS if not os.path.exists(os.path.join(arguments.build, name))]
    if missing:
        sys.exit(f"bench: {arguments.build} lacks {', '.join(missing)} (./run bench builds them; so does cmake with -DCTVK_BENCH=ON)")
    about = machine(arguments.threads)
    network = cases.Network(os.path.join(arguments.output, "f48"))
    say(network.source)
    rows, clock = [], Clock(arguments.seconds)
    try:
        for window in cases.WINDOWS[:1] if arguments.quick else cases.WINDOWS:
            for text in (True, False):
                rows += run_network(arguments, cases.Case(network, window, text), clock, about)
                # What comes later may fail; minutes of measuring are not lost with it.
                cases.write_json(os.path.join(arguments.output, "rows.json"), {"machine": about, "rows": rows})
        case = cases.Case(network, cases.WINDOWS[0 if arguments.quick else -1], True)
        profiled = profiling.measure(arguments.build, case, arguments.threads, PROFILE_ROUNDS, say)
        started = starts.measure(arguments.build, arguments.output, arguments.threads, say)
        second = run_again(arguments, network)
        say("f16")
        halved = half.measure(arguments.build, case, arguments.threads)
        say("Python host")
        python = hosts.measure(arguments.build, arguments.threads)
    except programs.Failed as problem:
        sys.exit(f"bench: {problem}")
    rows += run_language(arguments, about)
    written = profiled.pop("page")
    profiled["window"] = " x ".join(map(str, case.window))
    result = {"machine": about, "weights": network.source, "rows": rows, "again": second, "half": halved, "hosts": python, "profile": profiled, "starts": started}
    with open(os.path.join(arguments.output, "profile.md"), "w", encoding="utf-8") as file:
        file.write(written + "\n")
    if not arguments.quick:
        try:
            say("host memory of a large CT")
            result["large"] = large.measure(arguments.build, arguments.output, arguments.threads)
            result["cancel"] = cancel.measure(arguments.build, arguments.output, say, arguments.threads)
        except programs.Failed as problem:
            sys.exit(f"bench: {problem}")
    result["figures"] = figures.of(result)
    tell(result, arguments.output)


if __name__ == "__main__":
    main()
