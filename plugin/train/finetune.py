"""Adapts a bundle to a site: soft prompts and alignment learn from the site's own patients, everything stays in the house.

finetune.py BUNDLE DATA_DIR OUT_BUNDLE [--all] [--llm FILE.gguf] [--ctvk build/ctvk]

DATA_DIR: images/NAME.nii.gz, labels/NAME.nii.gz, prompts.csv with the columns case and prompt (README.md beside this file). Everything is checked
first: what is wrong is named by case, and nothing is trained. Patients are split into those to learn from, those that say when to stop, and those
that give the table before and after. OUT_BUNDLE names its parent. A result that is no gain is written only with --keep.
"""
import argparse
import json
import os
import sys

import torch

import gguf_io
from recipe import bundle_in, bundle_out, score, selftest, site, statistics, tune, words
from recipe.config import Refused
from recipe.tables import DIGITS, TITLES


def judged(model, cases, texts, layout, judge):
    """[{case, dice, …}] by `ctvk evaluate`, each case with its own prompt."""
    embeddings, rows = model.embed_all(texts), []
    model.eval()
    for place, case in enumerate(cases):
        logits = score.logits_of(model.net, case.image, None if embeddings is None else embeddings[place:place + 1], layout)[0]
        rows.append({"case": case.seed, **judge(case.native, score.label_map(logits, case.geometry))})
    return rows


def shown(value, digits):
    return "undefined" if value is None else f"{value:.{digits}f}"


def table_of(before, after):
    """The table of the test patients, a line each and the means."""
    head = "| case | " + " | ".join(f"{title}, before | after" for title in TITLES.values()) + " |"
    lines = [head, "| --- " * (1 + 2 * len(TITLES)) + "|"]
    for old, new in zip(before, after):
        cells = [shown(row[metric], DIGITS.get(metric, 3)) for metric in TITLES for row in (old, new)]
        lines.append(f"| {old['case']} | " + " | ".join(cells) + " |")
    means = []
    for metric in TITLES:
        for rows in (before, after):
            found = statistics.summary(rows, metric)
            means.append(shown(found and found["mean"], DIGITS.get(metric, 3)))
    lines.append("| **mean** | " + " | ".join(means) + " |")
    return "\n".join(lines)


def manifest_of(manifest, parent, arguments, counts, history, rows):
    """The parent's manifest under a new name, with where it comes from."""
    means = {when: {m: (s := statistics.summary(found, m)) and s["mean"] for m in TITLES} for when, found in zip(("before", "after"), rows)}
    provenance = {"made_by": "plugin/train/finetune.py", "parent": {**parent, "provenance": manifest.get("provenance")},
                  "learned": "the whole network" if arguments.all else "soft prompts, <SEG>, text projections and alignment",
                  "patients": counts, "seed": arguments.seed, "steps": arguments.steps, "stopped": history, "test": means}
    out = {key: value for key, value in json.loads(json.dumps(manifest)).items() if key not in ("files", "provenance")}
    out["network"]["weights"] = "network.safetensors"
    if out["network"]["text"]:
        out["network"]["text"]["encoder"].update(soft_prompt="contexts", segment_token_embedding="segment_token")
    return dict(out, name=arguments.name or f"{parent['name'][:110]}-adapted", provenance=provenance)


def finetune(arguments):
    torch.set_num_threads(arguments.threads)
    if os.path.exists(arguments.out) and (not os.path.isdir(arguments.out) or os.listdir(arguments.out)):
        raise Refused(f"{arguments.out}: is there already (name a new folder)")
    parent, tokens = bundle_in.identity_of(arguments.bundle, arguments.ctvk), words.Tokens(arguments.ctvk, arguments.llm)
    manifest, config, model = bundle_in.load(arguments.bundle, arguments.llm, tokens)
    if model.kind == "none" and not arguments.all:
        raise Refused(f"{arguments.bundle}: is vision-only, it has neither soft prompts nor alignment (--all learns the whole net)")
    cases, texts, patients = site.read(arguments.data, config.grid.manifest())
    if model.kind == "llm":
        tokens.learn([text.words for text in texts])
    parts = site.split(patients, arguments.held, arguments.test, arguments.seed)
    learn, held, test = [([cases[i] for i in part], [texts[i] for i in part]) for part in parts]
    counts = {name: len({patients[i] for i in part}) for name, part in zip(("learned_from", "stopped_by", "tested"), parts)}
    print(f"{counts['learned_from']} patients to learn from, {counts['stopped_by']} to stop by, {counts['tested']} to test", flush=True)
    judge, layout = score.Judge(arguments.ctvk), config.grid.manifest()
    before = judged(model, *test, layout, judge)
    settings = tune.Settings(steps=arguments.steps, batch=arguments.batch, rate=arguments.rate, whole=arguments.all, seed=arguments.seed,
                             check_every=arguments.check_every, patience=arguments.patience)
    history = tune.adapt(model, learn, held, settings, config, say=lambda line: print(line, flush=True))
    after = judged(model, *test, layout, judge)
    print(f"\nTest patients, which nothing was learned from:\n\n{table_of(before, after)}\n")
    best = max(history, key=lambda entry: entry["held_dice"])
    if not best["step"] and not arguments.keep:
        more = "" if arguments.all else "; --all learns the whole network, which a site needs that contours otherwise"
        raise Refused(f"no gain on the {counts['stopped_by']} patients that say when to stop, so {arguments.out} was not written (--keep writes the "
                      f"parent's weights{more})")
    prompts = []
    if manifest["network"]["text"]:
        cache = manifest["network"]["text"].get("cache")
        prompts = cached_prompts(os.path.join(arguments.bundle, cache)) if cache else []
    bundle_out.write(arguments.out, model, manifest_of(manifest, parent, arguments, counts, history, (before, after)), prompts,
                     case=selftest.of_bundle(arguments.bundle, manifest))


def cached_prompts(path):
    """The prompts of the parent's cache, whose embeddings are made anew."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return [name for name in header if name != "__metadata__"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = tune.Settings()
    parser.add_argument("bundle")
    parser.add_argument("data", metavar="DATA_DIR")
    parser.add_argument("out", metavar="OUT_BUNDLE")
    parser.add_argument("--all", action="store_true", help="learn the whole network, not only the text's way into it")
    parser.add_argument("--name", help="of the new bundle (default: the parent's with -adapted)")
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--batch", type=int, default=default.batch)
    parser.add_argument("--rate", type=float, default=default.rate)
    parser.add_argument("--check-every", type=int, default=default.check_every, help="steps between two looks at the held-out patients")
    parser.add_argument("--patience", type=int, default=default.patience, help="looks without gain before it stops")
    parser.add_argument("--held", type=float, default=0.2, help="share of the patients that say when to stop")
    parser.add_argument("--test", type=float, default=0.2, help="share of the patients that give the table")
    parser.add_argument("--keep", action="store_true", help="write the bundle even where nothing was gained")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--llm", default=words.default_llm())
    parser.add_argument("--ctvk", default="build/ctvk")
    try:
        finetune(parser.parse_args(argv))
    except (Refused, gguf_io.GgufError, OSError) as problem:
        sys.exit(f"finetune: {problem}")


if __name__ == "__main__":
    main()
