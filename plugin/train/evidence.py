"""Draws the evidence from an experiment's results: tables and plots, nothing that is not in results.json.

evidence.py FOLDER [--out docs]   FOLDER is experiment.py's; writes OUT/evidence.md, OUT/evidence/*.png and *.svg, results.json and results.csv there.
An experiment with fewer than 3 seeds, 20 test patients or a run that is missing is refused, unless --anyway says that the page may say so.
"""
import argparse
import os
import shutil
import sys
import types

from recipe import loop, paraphrase, plots, practice, runs, tables
from recipe.config import Refused, read_json

PAGE = """# Does text make contours better? Measured on synthetic patients
{warning}
Written by `plugin/train/evidence.py` from `evidence/results.json` ({runs} runs); every number can be made again:

    ./run experiment

**No patient was seen by any of these models, and none was used to judge them.** Patients, targets and prompts are made by `plugin/train/patients`
by written rules, so that a part of the target (side, nodes, stage) is in the words and not in the picture, by construction. What follows shows
that the network uses the words, and what happens where they are wrong. It says nothing about a clinic.

Each model: {steps} steps of {batch} patients, {patients} training patients of the internal hospital (seeds of the trainings: {seeds}), feature size {features},
grid {spacing} mm, window {window} voxels. Each test: {tests} patients of the internal and {tests} of the external hospital, which no training saw; the
external differs in scanner, positioning, bodies and in how its physicians write. {rendered}
Soft prompts begin as words and learn in the last {tuned} steps; the language model is frozen. A patient has {texts} training texts: one as the internal
hospital writes it, the others by a chance of {other:.0%} in other words (`plugin/train/recipe/paraphrase.py`). None of these is an external text, but
both know the spellings {shared}.
Metrics by `ctvk evaluate` on the CT's own grid. Numbers are means over patients (a patient's mean over the seeds first) with 95 % bootstrap intervals over patients ({resamples} resamples).
HD95 is undefined where one of two masks is empty; how often is said. A seed gives the same model on the same kind of CPU; another one rounds
otherwise, and training makes another model of that (`plugin/train/README.md` tells how far apart they were).

## What was hoped for, and what was found

{aims}

## Multimodal against vision-only

The vision-only twin has the same U-Net, patients, steps and seeds; the difference is paired by patient.

{main}

![metrics](evidence/metrics.png)

{seeds_table}

## With fewer patients

The number of steps stays, the patients become fewer. Whether an external aim that is not reached was lost in reading or in the picture, the lines in the template's words
tell: there a model is told the same facts in words that it knows.

{shares}

![data](evidence/data.png)

## What a sceptic asks

{ablations}

![ablations](evidence/ablations.png)

A side that is wrong on purpose, in one-sided patients. The other side's target is what the rules draw for the wrong words on the same body.

{side}

## Free phrasings

External texts, as their physicians write, against the template's words for the same patients. A text counts as misread where it gives less than half of
the Dice that the template gives; where its own Dice is under 0.1 the contour lies elsewhere, as a wrong side does.

{reading}

## Adapted at another hospital

The full models fine-tuned with a few patients of another hospital, {adapt_steps} steps (one in five of them held out for early stopping: where those
gain nothing, the weights stay what they were); the gain is paired by patient over {adapt_seeds} seeds.

The external hospital draws what the internal one draws; what is lost there is lost in reading its physicians' words (above).

{adapt}

The planning hospital has the external one's patients, scanners and words, but what it draws has a margin of {margin:g} mm on all sides
(`plugin/train/recipe/practice.py`).

{adapt_planning}

![adaptation](evidence/adaptation.png)

SHA-256 of the patients' generator `{generator}`{llm}.
"""


def missing_of(content):
    """What keeps the page from being evidence."""
    plan = runs.Plan(**content["plan"])
    have = {runs.Run(**result["run"]).name for result in content["runs"]}
    missing = [run.name for run in runs.all_runs(plan) if run.name not in have]
    found = []
    if len(plan.seeds) < 3:
        found.append(f"{len(plan.seeds)} seeds instead of 3 or more")
    if plan.tests < 20:
        found.append(f"{plan.tests} test patients of each hospital instead of 20 or more")
    if missing:
        found.append(f"runs that are missing: {', '.join(missing)}")
    return found


def page(content, wrong):
    results, plan = tables.Results(content), runs.Plan(**content["plan"])
    settings = next(r["settings"] for r in content["runs"] if r["run"]["kind"] == "multimodal-100")
    llm = next((r["llm_sha256"] for r in content["runs"] if r["llm_sha256"]), None)
    return PAGE.format(
        warning=f"\n**This is no evidence: {'; '.join(wrong)}.**\n" if wrong else "", runs=len(content["runs"]), steps=settings["steps"],
        batch=settings["batch"], tuned=settings["steps"] - loop.first_tuned(types.SimpleNamespace(**settings)), texts=settings["texts"],
        other=settings["paraphrase"], shared=", ".join(f"`{word.replace('{}', '')}`" for word in paraphrase.SHARED), patients=plan.patients,
        seeds=", ".join(map(str, plan.seeds)), features=settings["features"],
        spacing=" x ".join(f"{s:g}" for s in plan.grid.spacing_mm), window=" x ".join(map(str, plan.grid.window)), tests=plan.tests, rendered=tables.rendering(content["plan"]),
        resamples=tables.statistics.RESAMPLES, aims=tables.aim_table(results), main=tables.main_table(results), seeds_table=tables.seed_table(results),
        shares=tables.share_table(results), ablations=tables.ablation_table(results), side=tables.side_table(results),
        adapt_seeds=len(plan.seeds), adapt_steps=plan.adapt_steps, margin=practice.HOSPITALS["planning"][1], reading=tables.reading_table(results),
        adapt=tables.adapt_table(results, "external"), adapt_planning=tables.adapt_table(results, "planning"), generator=content["runs"][0]["generator_sha256"],
        llm=f", of the language model `{llm}`" if llm else "")


def write(folder, out, anyway):
    content = read_json(os.path.join(folder, "results.json"))
    if not any(r["run"]["kind"] == "multimodal-100" for r in content["runs"]):
        raise Refused(f"{folder}: no multimodal run is done yet")
    wrong = missing_of(content)
    if wrong and not anyway:
        raise Refused(f"{folder}: {'; '.join(wrong)} (--anyway writes a page that says so)")
    pictures = os.path.join(out, "evidence")
    os.makedirs(pictures, exist_ok=True)
    results = tables.Results(content)
    for draw in (plots.metrics, plots.data_efficiency, plots.ablations, plots.adaptation):
        draw(results, pictures)
    for name in ("results.json", "results.csv"):
        shutil.copyfile(os.path.join(folder, name), os.path.join(pictures, name))
    with open(os.path.join(out, "evidence.md"), "w", encoding="utf-8") as file:
        file.write(page(content, wrong))
    print(f"{out}/evidence.md")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--out", default="docs")
    parser.add_argument("--anyway", action="store_true")
    arguments = parser.parse_args(argv)
    try:
        write(arguments.folder, arguments.out, arguments.anyway)
    except (Refused, OSError) as problem:
        sys.exit(f"evidence: {problem}")


if __name__ == "__main__":
    main()
