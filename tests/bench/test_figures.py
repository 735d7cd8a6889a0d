"""figures.py and profiling.py: what a trace says of level 0, what is kept, what became worse, and that a run without a measurement has no figure
of it."""
import figures
import profiling
import table

LIMITS = {"fma_gflop_per_s": 100.0, "copy_gbyte_per_s": 10.0}


def operation(ts, name, detail, us, flop, size):
    return {"name": name, "cat": "operation", "ph": "X", "ts": ts, "dur": us, "args": {"number": ts, "detail": detail, "flop": flop, "bytes": size,
                                                                                      "busy_us": us}}


WINDOW = (96, 96, 32)
events = [
    {"name": "submission", "cat": "submission", "ph": "X", "ts": 2_500_000, "dur": 9, "args": {}},
    {"name": "submission", "cat": "submission", "ph": "X", "ts": 1_500_000, "dur": 9, "args": {}},
    operation(5, "image_to_token", "8 pairs, 48, 48 x 48 x 16", 3000, 1, 1),
    operation(1, "conv3d", "3x3x3 / 1, 48 + 0 -> 48, 48 x 48 x 16, winograd", 1_000_000, 2e11, 1e9),
    operation(2, "conv3d", "3x3x3 / 1, 48 + 48 -> 48, 48 x 48 x 16, winograd", 1_000_000, 1e11, 1e9),
    operation(3, "conv3d", "3x3x3 / 2, 1 + 0 -> 48, 48 x 48 x 16, address", 1_000_000, 1, 1e9),  # the first layer strides
    operation(4, "conv3d", "3x3x3 / 1, 96 + 0 -> 96, 24 x 24 x 8, winograd", 1_000_000, 1, 1e9),  # not level 0
    operation(6, "token_to_image", "16 pairs, 48, 48 x 48 x 16", 1000, 1, 1),
    operation(7, "token_to_image", "16 pairs, 48, 48 x 48 x 16", 2000, 1, 1),
    operation(8, "token_to_image", "16 pairs, 96, 24 x 24 x 8", 9_000_000, 1, 1),
]
found = profiling.operations(events)
assert [o[0] for o in found][:2] == ["conv3d", "conv3d"] and profiling.first_submission(events) == 1.5
level = profiling.level0(found, WINDOW, LIMITS)
copy = 2 * 48 * 48 * 48 * 16 * 4 / 10e9
assert level["conv3d"] == 1.5 and abs(level["token_to_image"] - 0.0015 / copy) < 1e-9 and abs(level["image_to_token"] - 0.003 / copy) < 1e-9
assert "token_to_image" not in profiling.level0(found[:4], WINDOW, LIMITS), "vision only"
lines = profiling.table(found, LIMITS, 2).splitlines()
assert lines[2].startswith("| token_to_image | 16 pairs, 96, 24 x 24 x 8 | 1 | 9.000 |") and "| 200.0 | 2.00 | 1.00 | 0.10 |" in lines[3]
assert lines[4].startswith("| 5 others ") and lines[-1] == "All operations: 13.01 s of the device."


def run(conv, seconds=12.0, small=1.5, start=0.3):
    rows = [table.row(name, [{"seconds": s, "wall_seconds": s, "peak_mib": 1, "device_bytes": 2**30}], [{"seconds": 15.0, "peak_mib": 1}], {})
            for name, s in ((figures.FULL, seconds), (figures.SMALL, small))]
    result = {"rows": rows, "profile": {"figures": {"conv3d": conv}, "window": "w"}, "starts": {"first_work": [start], "cold": [70], "trying": [0.7], "prompt": "p"}}
    result["figures"] = figures.of(result)
    return result


good = run([1.0, 1.2])
kept = {f["name"].split(",")[0]: figures.verdict(f) for f in good["figures"]}
assert len(good["figures"]) == 8 and list(kept.values()).count("MISSED") == 1
by = {f["name"]: f for f in good["figures"]}
assert figures.verdict(by["growth of time from 192 x 192 x 64 to 384 x 384 x 128, with text"]) == "aim"  # 8.0
assert figures.verdict(by["384 x 384 x 128, with text, against PyTorch"]) == "floor" and figures.verdict(by["192 x 192 x 64, with text, against PyTorch"]) == "aim"
assert figures.verdict(by["whole command on the demo's CT, cold caches, p, s"]) == "MISSED"
assert figures.verdict(by["3x3x3 convolutions at level 0, share of the FMA peak (w)"]) == "floor", "more is better here"
assert "| >= 0.9 | >= 1.5 | floor |" in figures.markdown(good["figures"])
assert figures.worse(good, good["figures"]) == [] and figures.worse({"rows": []}, good["figures"]) == [], "a committed run without figures"
assert figures.worse(good, run([0.9, 1.1])["figures"]) == [], "within the spread"
assert figures.worse(good, run([0.7])["figures"]) == ["3x3x3 convolutions at level 0, share of the FMA peak (w): 0.70, was 1.10"]
assert figures.worse(good, run([2.0], start=0.2)["figures"]) == [], "better"
assert figures.worse(good, run([1.1], start=0.4)["figures"]) == ["segment's start to its first submission, warm caches, cached prompt, s: 0.40, was 0.30"]
half = figures.of({"rows": [], "half": {"name": "w", "half": 56, "single": 100}})
assert [(f["name"], figures.verdict(f)) for f in half] == [("device memory planned in f16, w, of float32", "floor")]
assert [f["name"] for f in figures.of({"rows": []})] == []
print("ok")
