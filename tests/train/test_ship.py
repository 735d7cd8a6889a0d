"""ship.py: two trained bundles become the demo bundles. Self-tests by this implementation are met by the library, every combination of the fields is
cached, cards hold the numbers of the results and no others, sizes and wrong inputs are refused; a self-test taken over as fine-tuning does."""
import contextlib
import io
import json
import os
import re
import shutil
import subprocess

import numpy

from support import check, finish, folder, refused

import safetensors_io
import ship
from recipe import bundle_out, card, model, selftest, words
from recipe.config import Config, Grid, Refused, read_json, write_json

# Made in main: the processes that make patients import this file too.
BASE = os.path.join(os.environ["CTVK_TEST_TMP"], "train-ship")
COMMAND, LLM = os.environ["CTVK_COMMAND"], words.default_llm()
MADE = {"made_by": "a test", "steps_done": 7, "patients": "synthetic, seeds 0 to 2", "generator_sha256": "0" * 64,
        "settings": {"seed": 5, "patients": 3, "batch": 2, "steps": 7}}


def random_cache(model_, prompts):
    """In place of the language model's answers, which take half a minute of computing and are tested elsewhere."""
    random = numpy.random.default_rng(3)
    return {prompt: random.normal(0, 1, (2, 576)).astype(numpy.float32) for prompt in prompts}


def trained(text, name):
    config = Config(text=text, seed=5, grid=Grid(spacing_mm=[8.0, 8.0, 8.0], window=[64, 64, 32]))
    net = model.Model(config, LLM, words.Tokens(COMMAND, LLM))
    manifest = bundle_out.manifest_of(net, config, LLM, name, "1.2.3", MADE)
    true, bundle_out.cache_of = bundle_out.cache_of, random_cache
    bundle_out.write(f"{BASE}/{name}", net, manifest, words.all_prompts(), say=lambda line: None)
    bundle_out.cache_of = true
    return f"{BASE}/{name}"


def run(*arguments):
    """(exit message or None, what was printed)"""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            ship.main([*arguments, "--ctvk", COMMAND, "--llm", LLM, "--threads", "1", "--workers", "1"])
    except SystemExit as end:
        return str(end.code), out.getvalue()
    return None, out.getvalue()


def verify(path):
    done = subprocess.run([COMMAND, "verify", path], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def shipped(multimodal, vision):
    out, results = f"{BASE}/out", f"{BASE}/results.json"
    os.makedirs(f"{out}/demo")
    with open(f"{out}/demo/old", "w", encoding="utf-8") as file:
        file.write("of the bundle before")
    said, text = run(multimodal, vision, "--results", results, "--out", out, "--cohort", f"{BASE}/cohort", "--tests", "1", "--rendered", "8", "8", "8")
    check(said is None and text.count("self-test: ok") == 2, f"ship: {said} {text}")
    check(sorted(os.listdir(out)) == ["demo", "demo-vision"], f"nothing else is left: {os.listdir(out)}")
    for name in ("demo", "demo-vision"):
        manifest, names = read_json(f"{out}/{name}/manifest.json"), set(os.listdir(f"{out}/{name}"))
        check(names - {"manifest.json"} == set(manifest["files"]) and "MODEL_CARD.md" in names, f"{name}: every file is listed: {names}")
        check(all(entry["sha256"] == safetensors_io.sha256(f"{out}/{name}/{file}") for file, entry in manifest["files"].items()), f"{name}: hashes")
        check("never for clinical use" in manifest["intended_use"], f"{name}: intended use")
        code, told = verify(f"{out}/{name}")
        off = re.search(r"self-test: ok: logits off by (\S+) of", told)
        check(code == 0 and off and 0 < float(off[1]) < 1e-4, f"{name}: the library gives what PyTorch gives: {told}")
    cache = safetensors_io.load(f"{out}/demo/prompt_embeddings.safetensors")
    check(len(cache) == 3 * 5 * 5 * 3 + 5 * 5 * 3 and "unknown, unknown, unknown type surgery, unknown side" in cache, f"{len(cache)} prompts")
    check("N0, cT1, total mastectomy surgery, left side; N0, cT1, total mastectomy surgery, right side" in cache, "bilateral")
    check(all(value.dtype == numpy.float16 for name, value in safetensors_io.load(f"{out}/demo-vision/network.safetensors").items()), "float16")
    return out, results


def changed_weights(out):
    """A weight is exchanged and its hash renewed: the self-test notices."""
    path = f"{BASE}/changed"
    shutil.copytree(f"{out}/demo-vision", path)
    tensors = safetensors_io.load(f"{path}/network.safetensors")
    tensors["encoder2.layer.conv1.conv.weight"] = -tensors["encoder2.layer.conv1.conv.weight"]
    safetensors_io.save(f"{path}/network.safetensors", tensors)
    code, told = verify(path)
    check(code == 4 and "network.safetensors" in told, f"with the old hash: {code} {told}")
    write_json(f"{path}/manifest.json", bundle_out.hashed(path, read_json(f"{path}/manifest.json")))
    code, told = verify(path)
    check(code == 8 and "self-test" in told, f"with a new hash: {code} {told}")


def cards(out, results):
    """Every number of the results section is one of the tables that evidence.py draws too."""
    content = read_json(results)
    for name in ("demo", "demo-vision"):
        with open(f"{out}/{name}/MODEL_CARD.md", encoding="utf-8") as file:
            page = file.read()
        manifest = read_json(f"{out}/{name}/manifest.json")
        count = sum(v.size for n, v in safetensors_io.load(f"{out}/{name}/network.safetensors").items() if n not in ("contexts", "segment_token"))
        for text in (f"{count:,} weights", "7 steps of 2 patients, seed 5", "8 x 8 x 8 mm", "64 x 64 x 32 voxels", "Who must not use it", "Limits",
                     "Demonstration only, never for clinical use", "1 of the same hospital, 1 of another", "0" * 64):
            check(text in page, f"{name}'s card says {text!r}")
        check(("wrong side on purpose" in page) == (name == "demo"), f"{name}'s card: what the words do")
        none = card.of(manifest, None, count, 1, 0)
        check("was not tested" in none and "| internal |" not in none, "without results no number is said")
    better = json.loads(json.dumps(content))
    for row in better["runs"][0]["rows"]:
        row["dice"] = 0.987
    check("0.987 (0.987 to 0.987)" in card.results_of(better, True) and "0.987" not in page, "numbers are those of the results")


def refusals(multimodal, vision, out, results):
    before = safetensors_io.sha256(f"{out}/demo/manifest.json")
    for arguments, named in (((vision, multimodal, "--results", results), "is not the one with text"),
                             ((multimodal, vision, "--results", f"{BASE}/none.json"), "--cohort"),
                             ((f"{BASE}/none", vision, "--results", results), "none")):
        said, _ = run(*arguments, "--out", out)
        check(said and named in said, f"{named}: {said}")
    other = read_json(results)
    other["runs"][1]["bundle_weights_sha256"] = "1" * 64
    write_json(f"{BASE}/other.json", other)
    said, _ = run(multimodal, vision, "--results", f"{BASE}/other.json", "--out", out)
    check(said and "other weights" in said, f"results of other weights: {said}")
    del other["runs"][1]["bundle_weights_sha256"]
    write_json(f"{BASE}/other.json", other)
    said, _ = run(multimodal, vision, "--results", f"{BASE}/other.json", "--out", out)
    check(said and "do not say of which" in said, f"results of nobody: {said}")
    limits, ship.LIMITS = ship.LIMITS, dict(ship.LIMITS, demo=1_000_000)
    said, _ = run(multimodal, vision, "--results", results, "--out", out)
    ship.LIMITS = limits
    check(said and "at most 1 are allowed" in said, f"too large: {said}")
    few = f"{BASE}/few"
    shutil.copytree(multimodal, few)
    cache = safetensors_io.load(f"{few}/prompt_embeddings.safetensors")
    cache.popitem()
    safetensors_io.save(f"{few}/prompt_embeddings.safetensors", cache)
    said, _ = run(few, vision, "--results", results, "--out", out)
    check(said and "299 prompts are cached" in said, f"a combination is missing: {said}")
    check(before == safetensors_io.sha256(f"{out}/demo/manifest.json") and sorted(os.listdir(out)) == ["demo", "demo-vision"], "what was there stays")


def taken_over(out):
    """Another bundle's case, as fine-tuning takes it: the same image and prompt, its own answer."""
    manifest = read_json(f"{out}/demo/manifest.json")
    case = selftest.of_bundle(f"{out}/demo", manifest)
    path = f"{BASE}/child"
    shutil.copytree(f"{out}/demo", path)
    tensors = safetensors_io.load(f"{path}/network.safetensors")
    tensors["encoder1.layer.conv1.conv.weight"] = -tensors["encoder1.layer.conv1.conv.weight"]
    safetensors_io.save(f"{path}/network.safetensors", tensors)
    made = bundle_out.seal(path, manifest, words.all_prompts(), case)
    check(made["selftest"]["prompt"] == manifest["selftest"]["prompt"] and verify(path)[0] == 0, f"a case taken over: {verify(path)}")
    check(made["files"]["selftest.safetensors"] != manifest["files"]["selftest.safetensors"], "with an answer of its own")
    check(selftest.of_bundle(path, {}) is None, "a bundle without one")
    refused(Refused, lambda: bundle_out.seal(path, manifest, ["N0"], case), ["not in the bundle's cache"], "a prompt that is not cached")


def main():
    folder("train-ship")
    multimodal, vision = trained("llm", "multimodal"), trained("none", "vision")
    out, results = shipped(multimodal, vision)
    changed_weights(out)
    cards(out, results)
    refusals(multimodal, vision, out, results)
    taken_over(out)
    finish()


if __name__ == "__main__":
    main()
