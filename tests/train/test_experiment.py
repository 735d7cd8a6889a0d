"""The whole way of the experiment in small: cohorts, every kind of run, results, the page of evidence. It says nothing about the model; it says that
the way is whole, that nothing is done twice, and that a small run cannot pass for evidence. Statistics against what is known."""
import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys

import nibabel
import numpy
from scipy import ndimage

from support import TRAIN, check, finish, folder, refused

import cohort
import evidence
import experiment
from recipe import grid, practice, runs, statistics, tables
from recipe.config import Refused, read_json

BASE = folder("train-experiment")
PLAN = experiment.SMALL


def call(script, *arguments):
    done = subprocess.run([sys.executable, f"{TRAIN}/{script}.py", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def numbers():
    random = numpy.random.default_rng(1)
    inside = 0
    for number in range(200):
        mean, low, high = statistics.interval(random.normal(0.7, 0.1, 40), number)
        inside += low <= 0.7 <= high
        check(low < mean < high, "the mean lies in its interval")
    # Percentile intervals of 40 patients are a little narrow: 95 % of 200 is 190.
    check(178 <= inside <= 199, f"{inside} of 200 intervals hold the true mean")
    check(statistics.interval([0.5]) == (0.5, 0.5, 0.5), "one patient")
    rows = [{"case": c, "dice": d, "hd95_mm": h} for c, d, h in (("a", 0.4, None), ("a", 0.6, 3.0), ("b", 0.9, None), ("c", 1.0, 5.0))]
    found = statistics.summary(rows, "dice")
    check(abs(found["mean"] - (0.5 + 0.9 + 1.0) / 3) < 1e-12 and found["patients"] == 3, "the patient is the unit")
    found = statistics.summary(rows, "hd95_mm")
    check(found["mean"] == 4.0 and found["undefined"] == 2 and found["patients"] == 2, "what is undefined is counted, not averaged")
    check(statistics.summary([{"case": "a", "hd95_mm": None}], "hd95_mm") is None, "nothing defined")
    other = [dict(row, dice=row["dice"] - 0.25) for row in rows if row["case"] != "c"]
    found = statistics.difference(rows, other, "dice")
    check(abs(found["mean"] - 0.25) < 1e-9 and abs(found["high"] - found["low"]) < 1e-9 and found["patients"] == 2, "differences are paired by patient")


def plan():
    every = runs.all_runs(runs.Plan())
    names = [run.name for run in every]
    check(len(set(names)) == len(names) == 3 * 21, f"{len(names)} runs of other names")
    twins = {run.kind: runs.Plan().config(run) for run in every if run.seed == 1}
    check(twins["vision-100"].patients == 400 and twins["multimodal-10"].patients == twins["vision-10"].patients == 40, "shares of the patients")
    for share in (10, 25, 50, 100):
        one, two = twins[f"multimodal-{share}"], twins[f"vision-{share}"]
        check({**vars(one), "text": ""} == {**vars(two), "text": ""}, "the twin has the same settings but for the text")
    check(cohort.TRAIN + 99_999 < cohort.VALIDATION < cohort.TEST < cohort.ADAPT, "cohorts are far apart")


def reading():
    """Misread texts are counted, a text and a seed at a time."""
    def run(seed, own, template):
        rows = [{"case": f"c{i}", "hospital": "external", "condition": name, "dice": d} for name, dices in (("own", own), ("template", template))
                for i, d in enumerate(dices)]
        return {"run": {"kind": "multimodal-100", "seed": seed}, "rows": rows}

    content = {"plan": {"adapt_with": []}, "runs": [run(1, [0.7, 0.0, 0.3], [0.8, 0.8, 0.7]), run(2, [0.6, 0.5, 0.35], [0.6, 0.5, 0.7])]}
    line = tables.reading_table(tables.Results(content)).splitlines()[-1]
    check(line == "| multimodal-100 | 6 | 2 (33%) | 1 | 0.113 |", f"misread texts: {line}")


def pipeline(path):
    code, out, error = call("experiment", path, "--small", "--ctvk", os.environ["CTVK_COMMAND"])
    check(code == 0, f"the experiment: {out[-1500:]} {error}")
    if code:
        for name in sorted(os.listdir(f"{path}/runs")):
            print(name, open(f"{path}/runs/{name}/output.txt", encoding="utf-8").read()[-600:], file=sys.stderr)
        finish()
    content, every = read_json(f"{path}/results.json"), runs.all_runs(PLAN)
    check([runs.Run(**r["run"]) for r in content["runs"]] == every, "every run is there")
    rows = [(runs.Run(**r["run"]), row) for r in content["runs"] for row in r["rows"]]
    for metric in ("dice", "iou", "nsd"):
        check(all(0 <= row[metric] <= 1 for _, row in rows), f"{metric} is a share")
    for run, row in rows:
        check(abs(row["iou"] - row["dice"] / (2 - row["dice"])) < 1e-6, "Dice and IoU belong together")
    table = tables.Results(content)
    for kind, site in {run.kind: run.site for run in every}.items():
        for hospital in ("internal", site or "external"):
            for seed in PLAN.seeds:
                got = [row["case"] for row in table.rows(kind, hospital, seed=seed)]
                check(got == [f"{hospital}-{cohort.TEST + i}" for i in range(PLAN.tests)], f"{kind}, {hospital}, seed {seed}: every patient, once")
    for condition in ("shuffled", "all unknown", "empty"):
        check(len(table.rows("multimodal-100", "internal", condition)) == PLAN.tests * len(PLAN.seeds), f"tested with {condition}")
    sided = sum(row["side"] != "bilateral" for row in table.rows("multimodal-100", "internal"))
    check(len(table.rows("multimodal-100", "internal", "wrong side")) == sided == len(tables.swapped_rows(table, "internal")), "a wrong side where there is one")
    check(bool(table.rows("multimodal-100", "external", "template")), "template words at the external hospital")
    with open(f"{path}/results.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    check(len(lines) == len(rows) and all(float(line["dice"]) == row["dice"] for line, (_, row) in zip(lines, rows)), "the CSV says the same")
    return content


def again(path):
    """Nothing is done twice; what is missing is done, and gives the same numbers."""
    name = f"vision-100-seed{PLAN.seeds[0]}"
    before = {run.name: os.stat(f"{path}/runs/{run.name}/result.json").st_mtime_ns for run in runs.all_runs(PLAN)}
    want = read_json(f"{path}/runs/{name}/result.json")
    os.remove(f"{path}/runs/{name}/result.json")
    os.remove(f"{path}/runs/{name}/checkpoint.pt")
    code, out, _ = call("experiment", path, "--small", "--ctvk", os.environ["CTVK_COMMAND"])
    check(code == 0 and "1 runs to do" in out and "patients to make" not in out, f"only what is missing: {out}")
    check(read_json(f"{path}/runs/{name}/result.json") == want, "the same run, the same numbers")
    after = {run.name: os.stat(f"{path}/runs/{run.name}/result.json").st_mtime_ns for run in runs.all_runs(PLAN)}
    check([n for n in before if before[n] != after[n]] == [name], "no other run was touched")
    code, _, error = call("experiment", path, "--steps", "3")
    check(code == 1 and "another plan" in error, f"another plan in the same folder: {error}")
    code, _, error = call("experiment", path, "--one", "nothing")
    check(code == 1 and "nothing" in error, f"a run that is not in the plan: {error}")


def page(path, content):
    out = f"{BASE}/docs"
    refused(Refused, lambda: evidence.write(path, out, False), ["2 seeds", "2 test patients"], "a small run as evidence")
    check(not os.path.exists(out), "nothing was written")
    with contextlib.redirect_stdout(io.StringIO()):
        evidence.write(path, out, True)
    text = open(f"{out}/evidence.md", encoding="utf-8").read()
    check("This is no evidence: 2 seeds" in text and "{" not in text, "the page says that it is none")
    rows = tables.Results(content).rows("multimodal-100", "internal")
    mean = numpy.mean([numpy.mean([r["dice"] for r in rows if r["case"] == case]) for case in {r["case"] for r in rows}])
    line = next(line for line in text.splitlines() if line.startswith("| internal | Dice |"))
    check(line.split("|")[3].strip().startswith(f"{mean:.3f} ("), f"its first number is that of the rows: {line}, {mean}")
    found = {text for text, _, _ in tables.aims(tables.Results(content))}
    check(len(found) >= 8 and text.count("holds |") + text.count("**does not hold** |") == len(found), f"every aim is judged: {sorted(found)}")
    for name in re.findall(r"\]\((evidence/\w+)\.png\)", text):
        for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            with open(f"{out}/{name}.{ending}", "rb") as file:
                check(file.read().startswith(start), f"{name}.{ending}")
    check(len(os.listdir(f"{out}/evidence")) == 10, "four plots twice, two results")
    with contextlib.redirect_stdout(io.StringIO()):
        first = open(f"{out}/evidence/data.svg", "rb").read()
        evidence.write(path, out, True)
    check(open(f"{out}/evidence/data.svg", "rb").read() == first, "drawn again, the same bytes")
    partial = f"{BASE}/partial"
    os.makedirs(partial)
    with open(f"{partial}/results.json", "w", encoding="utf-8") as file:
        json.dump({**content, "runs": content["runs"][:1]}, file)
    refused(Refused, lambda: evidence.write(partial, out, False), ["vision-100-seed1"], "runs that are missing are named")
    code, _, error = call("plot_log", f"{path}/runs/vision-100-seed1", f"{BASE}/log")
    check(code == 0 and os.path.getsize(f"{BASE}/log.png") > 5000, f"the log of a training, drawn: {error}")


def cohorts(path):
    """Targets survive the way to the network's grid and back; a folder of another generator or grid is refused."""
    for case in cohort.load(f"{path}/cohort", "internal", cohort.TEST, PLAN.tests):
        native = numpy.asarray(nibabel.load(case.native).dataobj)
        margin = numpy.where(case.label, 10.0, -10.0).astype(numpy.float32)
        back = grid.restore(numpy.stack([-margin, margin]), case.geometry)
        dice = 2 * (back & native).sum() / (back.sum() + native.sum())
        check(back.shape == native.shape and dice > 0.97, f"{case.name}: there and back, Dice {dice:.3f}")
        check(case.image.shape == case.label.shape and 0 <= case.image.min() and case.image.max() <= 1, "its image")
        if case.swapped:
            other = numpy.asarray(nibabel.load(case.swapped).dataobj)
            sides = [float(numpy.argwhere(mask)[:, 0].mean()) for mask in (native, other)]
            # Index x grows to the patient's right.
            check((sides[0] < sides[1]) == (case.facts.side == "left"), f"{case.name}: {case.facts.side}, and the other side's target: {sides}")
    pairs = zip(*(cohort.load(f"{path}/cohort", site, cohort.ADAPT, max(PLAN.adapt_with)) for site in tables.SITES))
    for theirs, larger in pairs:
        check(numpy.array_equal(theirs.image, larger.image) and theirs.facts == larger.facts, f"{larger.name}: the same woman")
        check(runs.write_own(theirs) == runs.write_own(larger), f"{larger.name}: in the same words")
        native, more = (numpy.asarray(nibabel.load(case.native).dataobj) > 0 for case in (theirs, larger))
        margin = practice.HOSPITALS["planning"][1]
        step = nibabel.load(theirs.native).header.get_zooms()
        near = ndimage.distance_transform_edt(more, sampling=step)[native].min(), ndimage.distance_transform_edt(~native, sampling=step)[more].max()
        check(near[0] > margin * 0.9 and margin - max(step) < near[1] <= margin + 1e-3, f"{larger.name}: the margin on all sides, {near} mm")
    refused(Refused, lambda: cohort.make(f"{path}/cohort", "internal", 0, 1), ["made otherwise"], "another grid")
    refused(Refused, lambda: cohort.load(f"{path}/cohort", "internal", 77_000, 1), ["internal-077000"], "a patient that is not there")


numbers()
plan()
reading()
result = pipeline(f"{BASE}/run")
cohorts(f"{BASE}/run")
again(f"{BASE}/run")
page(f"{BASE}/run", result)
finish()
