"""Two trained bundles, with and without text, as the demo bundles of this repository: tests, model cards, self-tests, hashes, limits of size.

ship.py MULTIMODAL VISION --results FILE.json [--out manifest] [--cohort FOLDER]

FILE.json holds the test results of these two bundles. Where it is not there it is made, in the layout of experiment.py's results.json: both are
tested on patients that no training saw, and their masks measured by `ctvk evaluate`. Then OUT/demo and OUT/demo-vision are replaced, each whole or
not at all.
"""
import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys

import torch

import cohort
import gguf_io
import safetensors_io
from recipe import bundle_in, bundle_out, card, runs, score, selftest, words
from recipe.config import Refused, read_json, write_json

# Bytes that a bundle may take in the repository (issue: at most 10 and 6 MB).
LIMITS = {"demo": 10_000_000, "demo-vision": 6_000_000}
KINDS = {"demo": ("multimodal-100", "llm"), "demo-vision": ("vision-100", "none")}


def tested(bundles, arguments):
    """Results of both bundles, as experiment.py writes them."""
    plan, found = None, []
    for name, path in bundles.items():
        kind, text = KINDS[name]
        manifest, _, model = bundle_in.load(path, arguments.llm, words.Tokens(arguments.ctvk, arguments.llm))
        settings = manifest["provenance"]["settings"]
        grid = bundle_in.config_of(manifest).grid
        plan = runs.Plan(patients=settings["patients"], tests=arguments.tests, seeds=(settings["seed"],), rendered_mm=tuple(arguments.rendered),
                         settings={"steps": settings["steps"]}, grid=grid)
        run, rows, judge = runs.Run(kind, text, 100, settings["seed"]), [], score.Judge(arguments.ctvk)
        for hospital in cohort.HOSPITALS:
            cohort.make(arguments.cohort, hospital, cohort.TEST, arguments.tests, grid.manifest(), plan.rendered_mm, True, arguments.workers)
            rows += runs.test(model, run, plan, cohort.load(arguments.cohort, hospital, cohort.TEST, arguments.tests), judge)
            print(f"{name}: {hospital} test done", flush=True)
        found.append({"run": dataclasses.asdict(run), "settings": settings, "rows": rows, "bundle_weights_sha256": weights_hash(path, manifest)})
    return {"plan": dataclasses.asdict(plan), "runs": found}


def weights_hash(path, manifest):
    return safetensors_io.sha256(os.path.join(path, manifest["network"]["weights"]))


def check_results(content, bundles):
    """Results must be of these weights and no others: a card tells what its own bundle does."""
    for name, path in bundles.items():
        found = {result.get("bundle_weights_sha256") for result in content["runs"] if result["run"]["kind"] == KINDS[name][0]}
        if found != {weights_hash(path, read_json(os.path.join(path, "manifest.json")))}:
            raise Refused(f"{path}: the results are of other weights or do not say of which (name a new file, it will be made)")


def finished(source, folder, content, limit):
    """A trained bundle's files in a new folder, with self-test, card and hashes."""
    manifest = read_json(os.path.join(source, "manifest.json"))
    text, network = manifest["network"]["text"], manifest["network"]["weights"]
    names = [network] + ([text["cache"]] if text else [])
    for name in names:
        shutil.copyfile(os.path.join(source, name), os.path.join(folder, name))
    tensors = safetensors_io.load(os.path.join(folder, network))
    prompts = list(safetensors_io.load(os.path.join(folder, text["cache"]))) if text else []
    wanted = words.all_prompts() if text else []
    if set(prompts) != set(wanted):
        raise Refused(f"{source}: {len(prompts)} prompts are cached, the fields have {len(wanted)} combinations")
    parameters = sum(value.size for name, value in tensors.items() if name not in ("contexts", "segment_token"))
    manifest = bundle_out.seal(folder, manifest, prompts, selftest.SYNTHETIC)
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    with open(os.path.join(folder, "MODEL_CARD.md"), "w", encoding="utf-8") as file:
        file.write(card.of(manifest, content, parameters, size, len(prompts)))
    manifest = bundle_out.hashed(folder, manifest)
    write_json(os.path.join(folder, "manifest.json"), manifest)
    size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
    if size > limit:
        raise Refused(f"{source}: {size / 1e6:.1f} MB, at most {limit / 1e6:.0f} are allowed")
    return size


def verified(folder, ctvk):
    done = subprocess.run([ctvk, "verify", folder], capture_output=True, text=True)
    if done.returncode or "self-test: ok" not in done.stdout:
        raise Refused(f"{folder}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def ship(arguments):
    torch.set_num_threads(arguments.threads)
    bundles = {"demo": arguments.multimodal, "demo-vision": arguments.vision}
    for name, path in bundles.items():
        if bool(read_json(os.path.join(path, "manifest.json"))["network"]["text"]) != (KINDS[name][1] != "none"):
            raise Refused(f"{path}: is not the one {'with' if name == 'demo' else 'without'} text (first the multimodal bundle, then its twin)")
    if not os.path.exists(arguments.results):
        if not arguments.cohort:
            raise Refused(f"{arguments.results}: is not there (--cohort FOLDER makes it)")
        write_json(arguments.results, tested(bundles, arguments))
    content = read_json(arguments.results)
    check_results(content, bundles)
    parts = {name: os.path.join(os.path.abspath(arguments.out), f".{name}.part{os.getpid()}") for name in bundles}
    try:
        for name, part in parts.items():
            os.makedirs(part)
            size = finished(bundles[name], part, content, LIMITS[name])
            print(f"{name}: {size / 1e6:.1f} MB; {verified(part, arguments.ctvk)}", flush=True)
        for name, part in parts.items():
            final = os.path.join(arguments.out, name)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(part, final)
    finally:
        for part in parts.values():
            shutil.rmtree(part, ignore_errors=True)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("multimodal")
    parser.add_argument("vision")
    parser.add_argument("--results", required=True, metavar="FILE.json")
    parser.add_argument("--out", default="manifest", help="folder that gets demo and demo-vision")
    parser.add_argument("--cohort", help="folder of the test patients, made where they are missing")
    parser.add_argument("--tests", type=int, default=runs.Plan.tests, help="patients of each hospital")
    parser.add_argument("--rendered", type=float, nargs=3, default=list(runs.Plan.rendered_mm), metavar="MM", help="spacing that the test CTs are rendered at")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--llm", default=words.default_llm())
    parser.add_argument("--ctvk", default="build/ctvk")
    try:
        ship(parser.parse_args(argv))
    except (Refused, gguf_io.GgufError, OSError, json.JSONDecodeError) as problem:
        sys.exit(f"ship: {problem}")


if __name__ == "__main__":
    main()
