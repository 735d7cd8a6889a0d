"""The experiment: what text gives, measured. `./run experiment` calls it; hours, resumable, every number by seed.

experiment.py FOLDER              cohorts, all runs, results.json and results.csv in FOLDER; then evidence.py draws them
experiment.py FOLDER --small      the same way in minutes, with far too few patients and steps to say anything

A run that has its result is not repeated, a run that was stopped goes on at its checkpoint. `--workers` runs go on at once, each with one thread.
experiment.py FOLDER --one NAME does a single run of the plan that lies in FOLDER (plan.json).
"""
import argparse
import concurrent.futures
import csv
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

import cohort
import gguf_io
from recipe import runs, words
from recipe.config import Grid, Refused, read_json, write_json
from recipe.loop import clock

SMALL = runs.Plan(patients=4, tests=2, seeds=(1, 2), rendered_mm=(8.0, 8.0, 8.0), shares=(50, 100), adapt_with=(3,), adapt_steps=2, settings={"steps": 2, "batch": 1, "texts": 2},
                  grid=Grid(spacing_mm=[8.0, 8.0, 8.0], window=[64, 64, 32]))
COLUMNS = ("run", "kind", "share", "seed", "hospital", "case", "condition", "side", "nodes", "dice", "iou", "hd95_mm", "nsd", "volume_ml",
           "dice_swapped_target")


def plan_of(folder, wanted):
    """The folder's plan; one that is there must be the wanted one."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "plan.json")
    if not os.path.exists(path):
        write_json(path, dataclasses.asdict(wanted))
    have = runs.Plan(**read_json(path))
    if wanted and have != wanted:
        raise Refused(f"{path}: another plan than this one; name a new folder")
    return have


def make_cohorts(plan, folder, workers):
    wanted = (("internal", cohort.TRAIN, plan.patients), ("internal", cohort.TEST, plan.tests),
              *((site, first, count) for site in ("external", "planning")
                for first, count in ((cohort.TEST, plan.tests), (cohort.ADAPT, max(plan.adapt_with)))))
    for hospital, first, count in wanted:
        # The target of the wrong side is asked for where wrong sides are tested.
        swapped = first == cohort.TEST and hospital in cohort.HOSPITALS
        cohort.make(folder.cohort, hospital, first, count, plan.grid.manifest(), plan.rendered_mm, swapped, workers)


class Queue:
    """Runs as processes of their own, some at once; a failed one does not stop the others, but is told and makes the exit status 1."""

    def __init__(self, arguments, folder, total):
        self.arguments, self.folder, self.total = arguments, folder, total
        self.done, self.failed, self.lock, self.began = 0, [], threading.Lock(), time.monotonic()

    def one(self, run):
        os.makedirs(self.folder.run(run.name), exist_ok=True)
        words_ = [sys.executable, os.path.abspath(__file__), self.folder.path, "--one", run.name, "--llm", self.folder.llm, "--ctvk", self.folder.ctvk]
        # Several threads of several runs on few cores wait for each other: one thread each.
        env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        with open(os.path.join(self.folder.run(run.name), "output.txt"), "a", encoding="utf-8") as out:
            code = subprocess.run(words_, stdout=out, stderr=subprocess.STDOUT, env=env).returncode
        with self.lock:
            self.done += 1
            if code:
                self.failed.append(run.name)
            each = (time.monotonic() - self.began) / self.done
            state = f"failed ({self.folder.run(run.name)}/output.txt)" if code else "done"
            print(f"{run.name}: {state}; {self.done} of {self.total}, about {clock(each * (self.total - self.done))} left", flush=True)

    def all(self, pending):
        with concurrent.futures.ThreadPoolExecutor(self.arguments.workers) as pool:
            list(pool.map(self.one, pending))


def write_results(path, plan, found):
    """A line a run: a run that changes is a line that changes."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write('{"plan": ' + json.dumps(plan) + ', "runs": [\n' + ",\n".join(json.dumps(result) for result in found) + "\n]}\n")
    os.replace(path + ".part", path)


def collect(plan, folder):
    """results.json and results.csv of every run that is done. -> how many"""
    found = [read_json(folder.result(run.name)) for run in runs.all_runs(plan) if os.path.exists(folder.result(run.name))]
    generators = {result["generator_sha256"] for result in found}
    if len(generators) > 1:
        raise Refused(f"{folder.path}: results of several generators of patients; start anew in a new folder")
    write_results(os.path.join(folder.path, "results.json"), dataclasses.asdict(plan), found)
    with open(os.path.join(folder.path, "results.csv"), "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        table.writeheader()
        for result in found:
            run = result["run"]
            name = runs.Run(**run).name
            for row in result["rows"]:
                table.writerow({"run": name, "kind": run["kind"], "share": run["share"], "seed": run["seed"],
                                **{key: value for key, value in row.items() if value is not None}})
    return len(found)


def experiment(arguments):
    wanted = SMALL if arguments.small else runs.Plan(patients=arguments.patients, tests=arguments.tests, seeds=arguments.seeds,
                                                     rendered_mm=arguments.rendered, settings={"steps": arguments.steps})
    folder = runs.Folder(arguments.folder, arguments.llm, arguments.ctvk)
    if arguments.one:
        plan = plan_of(arguments.folder, None)
        chosen = [run for run in runs.all_runs(plan) if run.name == arguments.one]
        if not chosen:
            raise Refused(f"{arguments.one}: no run of this plan (known: {', '.join(run.name for run in runs.all_runs(plan))})")
        runs.complete(chosen[0], plan, folder, say=lambda line: print(line, flush=True))
        return 0
    plan = plan_of(arguments.folder, wanted)
    make_cohorts(plan, folder, arguments.workers)
    pending = [run for run in runs.all_runs(plan) if not os.path.exists(folder.result(run.name))]
    print(f"{len(pending)} runs to do, {len(runs.all_runs(plan)) - len(pending)} are there", flush=True)
    queue = Queue(arguments, folder, len(pending))
    # An adapted run starts from the full model of its seed.
    queue.all([run for run in pending if not run.site])
    queue.all([run for run in pending if run.site])
    print(f"{collect(plan, folder)} results: {folder.path}/results.json and results.csv", flush=True)
    if queue.failed:
        raise Refused(f"failed: {', '.join(queue.failed)} (start again to repeat them)")
    return 0


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = runs.Plan()
    parser.add_argument("folder")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--one", metavar="NAME", help="a single run")
    parser.add_argument("--patients", type=int, default=default.patients, help=f"of the internal hospital, for training (default {default.patients})")
    parser.add_argument("--tests", type=int, default=default.tests, help=f"test patients of each hospital (default {default.tests})")
    parser.add_argument("--steps", type=int, default=default.settings["steps"], help=f"of every training (default {default.settings['steps']})")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(default.seeds))
    parser.add_argument("--rendered", type=float, nargs="*", default=list(default.rendered_mm), metavar="MM",
                        help=f"spacing that the CTs are rendered at (default {' '.join(f'{s:g}' for s in default.rendered_mm)}, which is quick; none: each hospital's own)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--llm", default=words.default_llm())
    parser.add_argument("--ctvk", default="build/ctvk")
    try:
        return experiment(parser.parse_args(argv))
    except (Refused, gguf_io.GgufError, OSError) as problem:
        sys.exit(f"experiment: {problem}")


if __name__ == "__main__":
    sys.exit(main())
