"""Trains the paper's recipe on a cohort of synthetic patients, and its vision-only twin; stops and takes up again without a trace.

train.py RUN --cohort COHORT --bundle BUNDLE                 soft prompts learned through the frozen language model
train.py RUN2 --cohort COHORT --bundle BUNDLE2 --text none   the vision-only twin: the same U-Net, patients, steps and seed

RUN holds config.json, checkpoint.pt and log.jsonl (plot_log.py draws it); the same command takes a stopped training up. Settings that are given
must be those of RUN. Several trainings at once, each with one thread, use two cores better than one training with two.
"""
import argparse
import dataclasses
import os
import sys

import torch

import cohort
import gguf_io
from recipe import bundle_out, data, loop, model, score, selftest, words
from recipe.config import TEXTS, Config, Grid, Refused, read_json

NUMBERS = {"seed": int, "patients": int, "steps": int, "batch": int, "texts": int, "features": int, "rate": float, "projection_rate": float, "text_rate": float,
           "paraphrase": float, "ridge": float, "tune_from": float, "drop": float, "mirror": float, "affine": float}


def grid_of(folder):
    """The grid that a cohort was made for."""
    layout = read_json(os.path.join(folder, "cohort.json"))["grid"]
    have = Grid(layout["preprocess"]["spacing_mm"], layout["inference"]["window"], layout["preprocess"]["intensity"]["window"],
                layout["inference"]["overlap"])
    if have.manifest() != layout:
        raise Refused(f"{folder}: its grid is none that this version trains on")
    return have


def provenance_of(config, cohort_folder, steps):
    return {"made_by": "plugin/train/train.py", "settings": dataclasses.asdict(config), "steps_done": steps,
            "patients": f"synthetic, internal hospital, seeds {cohort.TRAIN} to {cohort.TRAIN + config.patients - 1}",
            "generator_sha256": read_json(os.path.join(cohort_folder, "cohort.json"))["generator_sha256"]}


def prepare(config, cohort_folder, llm, tokens):
    """(model, cases) with every word tokenised."""
    from patients import write_prompt
    cases = data.Cases.of_cohort(cohort.load(cohort_folder, "internal", cohort.TRAIN, config.patients), config, write_prompt)
    if config.text in ("llm", "frozen"):
        tokens.learn(cases.all_words())
    return model.Model(config, llm, tokens, os.path.join(cohort_folder, "encoded")), cases


def run(arguments):
    torch.set_num_threads(arguments.threads)
    given = {name: getattr(arguments, name) for name in NUMBERS if getattr(arguments, name) is not None}
    config = Config(text=arguments.text, grid=grid_of(arguments.cohort), **given)
    loop.settle(arguments.run, config)
    tokens = words.Tokens(arguments.ctvk, arguments.llm)
    net, cases = prepare(config, arguments.cohort, arguments.llm, tokens)
    validate = None
    if arguments.validation:
        held = cohort.load(arguments.cohort, "internal", cohort.VALIDATION, arguments.validation)
        validate = lambda trained: score.quick(trained, held, config)  # noqa: E731
    done = loop.train(arguments.run, config, net, cases, every=arguments.every, validate=validate, validate_every=arguments.validate_every,
                      stop_after=arguments.stop_after)
    if done and arguments.bundle:
        name = "breast-ctv-demo" if config.text != "none" else "breast-ctv-demo-vision"
        manifest = bundle_out.manifest_of(net, config, arguments.llm, name, arguments.version, provenance_of(config, arguments.cohort, config.steps))
        bundle_out.write(arguments.bundle, net, manifest, words.all_prompts(), case=selftest.SYNTHETIC)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of this training")
    parser.add_argument("--cohort", required=True, help="folder that cohort.py made")
    parser.add_argument("--bundle", help="folder to write when all steps are done")
    parser.add_argument("--version", default="1.0.0", help="of the bundle")
    parser.add_argument("--text", choices=TEXTS, default="llm")
    for name, kind in NUMBERS.items():
        parser.add_argument("--" + name.replace("_", "-"), type=kind, help=f"default {getattr(Config(), name)}")
    parser.add_argument("--llm", default=words.default_llm(), help="the language model's GGUF file")
    parser.add_argument("--ctvk", default="build/ctvk", help="the command, which tokenises")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=50, help="steps between two lines of progress")
    parser.add_argument("--validation", type=int, default=0, help="so many validation patients of the cohort")
    parser.add_argument("--validate-every", type=int, default=500)
    parser.add_argument("--stop-after", type=int, help="stop with a checkpoint after so many steps of this call")
    try:
        run(parser.parse_args(argv))
    except (Refused, gguf_io.GgufError, OSError) as problem:
        sys.exit(f"train: {problem}")


if __name__ == "__main__":
    main()
