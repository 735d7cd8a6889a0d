"""finetune.py: faults of a site's folder are named by case and nothing is trained; a small run gives a bundle that the library takes and that
names its parent; what is learned by default and with --all."""
import contextlib
import io
import json
import os
import shutil
import subprocess

import nibabel
import numpy
import torch

from support import check, finish, folder, refused

import cohort
import finetune
import safetensors_io
from recipe import bundle_out, model, site, words
from recipe.config import Config, Grid, Refused

BASE = folder("train-finetune")
COMMAND, LLM = os.environ["CTVK_COMMAND"], words.default_llm()
SPACING = (8.0, 8.0, 8.0)
CACHED = ["N0, cT1, breast conserving surgery, left side", "N0, cT1, breast conserving surgery, right side"]


def parent_bundle(text, name):
    config = Config(text=text, grid=Grid(spacing_mm=list(SPACING), window=[64, 64, 32]))
    net = model.Model(config, LLM, words.Tokens(COMMAND, LLM))
    manifest = bundle_out.manifest_of(net, config, LLM, name, "1.2.3", {"made_by": "a test"})
    bundle_out.write(f"{BASE}/{name}", net, manifest, CACHED, say=lambda line: None)
    return f"{BASE}/{name}"


def site_folder(name, count=5):
    path = f"{BASE}/{name}"
    cohort.export(path, "external", cohort.ADAPT, count, SPACING)
    return path


def run(*arguments):
    """(exit message or None, what was printed)"""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            finetune.main([*arguments, "--ctvk", COMMAND, "--llm", LLM, "--threads", "1"])
    except SystemExit as end:
        return str(end.code), out.getvalue()
    return None, out.getvalue()


def case(number):
    return f"external-{cohort.ADAPT + number:06d}"


def copied(source, name):
    shutil.rmtree(f"{BASE}/{name}", ignore_errors=True)
    shutil.copytree(source, f"{BASE}/{name}")
    return f"{BASE}/{name}"


def edit(path, change):
    image = nibabel.load(path)
    data, affine = change(numpy.asarray(image.dataobj), image.affine.copy())
    nibabel.save(nibabel.Nifti1Image(data, affine), path)


def shifted(data, affine):
    affine[0, 3] += 5
    return data, affine


def faults(source, bundle):
    """Every fault of every case in one message, before anything is learned."""
    bad = copied(source, "bad")
    edit(f"{bad}/labels/{case(0)}.nii.gz", shifted)
    edit(f"{bad}/labels/{case(1)}.nii.gz", lambda d, a: (numpy.zeros_like(d), a))
    edit(f"{bad}/labels/{case(2)}.nii.gz", lambda d, a: (d[:-1], a))
    edit(f"{bad}/images/{case(3)}.nii.gz", lambda d, a: (((d + 1000) / 2000).astype(numpy.float32), a))
    with open(f"{bad}/prompts.csv", encoding="utf-8") as file:
        rows = file.read().splitlines()
    with open(f"{bad}/prompts.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(rows[:5]) + f'\nnobody,"left breast"\n{case(5)},"  "\n')
    for part in ("images", "labels"):
        shutil.copyfile(f"{bad}/{part}/{case(0)}.nii.gz", f"{bad}/{part}/{case(5)}.nii.gz")
    said, out = run(bundle, bad, f"{BASE}/never")
    for number, word in ((0, "another grid"), (1, "label is empty"), (2, "shape"), (3, "Hounsfield"), (4, "no prompt"), (5, "no prompt")):
        check(any(f"{case(number)}: " in line and word in line for line in said.splitlines()), f"{case(number)}, {word}: {said}")
    check("nobody: no image, no label" in said and "7 cases are wrong" in said, f"a prompt of nobody, and the count: {said}")
    check(not out and not os.path.exists(f"{BASE}/never"), "nothing was trained or written")


def single_faults(source):
    layout = Grid(spacing_mm=list(SPACING), window=[64, 64, 32]).manifest()

    def bad(change, words_, text):
        path = copied(source, "one")
        change(path)
        refused(Refused, lambda: site.read(path, layout), words_, text)

    def write(name, text):
        def change(path):
            os.path.exists(f"{path}/prompts.csv") and os.remove(f"{path}/prompts.csv")
            with open(f"{path}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        return change

    bad(lambda p: os.remove(f"{p}/prompts.csv"), ["missing"], "no prompts")
    bad(lambda p: write("prompts.json", "{}")(p) or shutil.copyfile(f"{source}/prompts.csv", f"{p}/prompts.csv"), ["both"], "two files of prompts")
    bad(write("prompts.csv", "name,text\na,b\n"), ["case and prompt"], "other columns")
    bad(write("prompts.json", "{"), ["prompts.json"], "broken JSON")
    bad(write("prompts.json", f'{{"{case(0)}": 3}}'), [case(0)], "a prompt that is a number")
    bad(write("prompts.csv", f"case,prompt\n{case(0)},x\n{case(0)},y\n"), [case(0), "twice"], "a case twice")
    bad(lambda p: shutil.rmtree(f"{p}/labels"), ["labels"], "no labels")
    bad(lambda p: edit(f"{p}/labels/{case(2)}.nii.gz", lambda d, a: (d * 3, a)), [case(2), "values 0, 3"], "another label value")
    bad(lambda p: open(f"{p}/images/{case(1)}.nii.gz", "wb").write(b"no picture"), [case(1), "cannot be read"], "a damaged image")
    bad(lambda p: edit(f"{p}/images/{case(1)}.nii.gz", lambda d, a: (numpy.where(d > 0, numpy.nan, d).astype(numpy.float32), a)), [case(1), "NaN"], "NaN")
    rows = "".join(f'{case(n)},"left breast",{"ab"[n % 2]}\n' for n in range(5))
    bad(write("prompts.csv", "case,prompt,patient\n" + rows), ["2 patients", "3 or more"], "two patients with several CTs")
    path = copied(source, "one")
    write("prompts.json", json.dumps({case(n): {"prompt": "left breast", "patient": "abc"[n % 3]} for n in range(5)}))(path)
    cases, texts, patients = site.read(path, layout)
    check(len(cases) == 5 and patients == ["a", "b", "c", "a", "b"] and texts[0].words == "left breast", "JSON with patients")
    for seed in range(5):
        parts = site.split(patients, 0.2, 0.2, seed)
        check(sorted(sum(parts, [])) == list(range(5)), "every case is in one part")
        check(not any({patients[i] for i in a} & {patients[i] for i in b} for a in parts for b in parts if a is not b), "no patient is in two parts")


def changed(parent, child):
    a, b = (safetensors_io.load(f"{path}/network.safetensors", "float32") for path in (parent, child))
    check(a.keys() == b.keys(), "the same tensors")
    return {name for name in a if not numpy.array_equal(a[name], b[name])}


def runs(source, bundle, vision):
    said, out = run(bundle, source, f"{BASE}/adapted", "--steps", "4", "--check-every", "2", "--rate", "0.01")
    check(said is None or "no gain" in said, f"a small run: {said}")
    if said:  # four steps need not gain; the way is the same
        said, out = run(bundle, source, f"{BASE}/adapted", "--steps", "4", "--check-every", "2", "--rate", "0.01", "--keep")
    check(said is None and "**mean**" in out and "Dice, before | after" in out and "3 patients to learn from, 1 to stop by, 1 to test" in out, f"{said} {out}")
    with open(f"{BASE}/adapted/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    made = manifest["provenance"]
    inspected = json.loads(subprocess.run([COMMAND, "inspect", bundle, "--json"], capture_output=True, text=True, check=True).stdout)
    check(made["parent"]["sha256"] == inspected["sha256"] and made["parent"]["version"] == "1.2.3" and
          made["parent"]["provenance"] == {"made_by": "a test"} and made["patients"] == {"learned_from": 3, "stopped_by": 1, "tested": 1}, f"parent: {made}")
    done = subprocess.run([COMMAND, "verify", f"{BASE}/adapted"], capture_output=True, text=True)
    check(done.returncode == 0 and "warning" not in done.stderr, f"ctvk verify: {done.stderr}")
    check(list(safetensors_io.load(f"{BASE}/adapted/prompt_embeddings.safetensors")) == CACHED, "the parent's prompts are cached anew")
    names = changed(bundle, f"{BASE}/adapted")
    check(all(n.startswith(("txt2vis.", "attn_transformer.")) or n in ("contexts", "segment_token") for n in names), f"by default only text: {names}")
    said, _ = run(bundle, source, f"{BASE}/adapted")
    check(said and "already" in said, f"a folder that is there: {said}")
    said, _ = run(vision, source, f"{BASE}/vision-adapted")
    check(said and "vision-only" in said and "--all" in said, f"a vision-only bundle has no soft prompts: {said}")
    said, out = run(vision, source, f"{BASE}/vision-adapted", "--all", "--steps", "2", "--check-every", "1", "--rate", "0.01", "--keep")
    check(said is None, f"the whole net: {said}")
    said, _ = run(f"{BASE}/nowhere", source, f"{BASE}/x")
    check(said and "nowhere" in said, f"no bundle: {said}")
    other = copied(bundle, "other-llm")
    with open(f"{other}/manifest.json", encoding="utf-8") as file:
        text = file.read()
    with open(f"{other}/manifest.json", "w", encoding="utf-8") as file:
        file.write(text.replace(safetensors_io.sha256(LLM), "0" * 64))
    said, _ = run(other, source, f"{BASE}/x")
    check(said and "is not the bundle's language model" in said, f"another language model: {said}")


def learning():
    """What is learned, seen at the parameters: a gain on held-out patients is not needed for it."""
    from recipe import tune
    import small_cases
    settings = small_cases.config(mirror=0.0, drop=0.0)
    cases = [small_cases.case(seed) for seed in range(5)]
    texts = [words.Text(small_cases.write_prompt(c.facts, "site", None)) for c in cases]
    for whole in (False, True):
        net = model.Model(settings, small_cases.llm(f"{BASE}/tiny.gguf"), small_cases.tokens)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        said = []
        history = tune.adapt(net, (cases[:4], texts[:4]), (cases[4:], texts[4:]), tune.Settings(steps=12, check_every=3, rate=0.01, whole=whole),
                             settings, said.append)
        best = max(entry["held_dice"] for entry in history)
        check(abs(tune.held_dice(net, cases[4:], texts[4:], settings.grid.manifest()) - best) < 1e-6, "the weights of the best look stay")
        moved = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
        if history[0]["held_dice"] < best:
            check(any(n.startswith("net.encoder") for n in moved) == whole and "text.contexts" in moved, f"whole {whole}: learned {sorted(moved)[:3]}")
        grads = {name for name, p in net.named_parameters() if p.requires_grad}
        check(any(n.startswith("net.encoder") for n in grads) == whole and "text.segment_token" in grads and not any("final_attn" in n for n in grads),
              f"whole {whole}: what may move")
    stopped = tune.adapt(net, (cases[:4], texts[:4]), (cases[4:], texts[4:]), tune.Settings(steps=100, check_every=1, rate=0.0, text_rate=0.0, patience=3),
                         settings, said.append)
    check(len(stopped) == 4 and "no gain since step 0" in said[-1], f"early stopping: {said[-1]}")


check(os.path.exists(LLM), f"{LLM}: the language model is needed (`./run demo` fetches it)")
torch.set_num_threads(1)
learning()
if os.path.exists(LLM):
    source, bundle, vision = site_folder("site"), parent_bundle("llm", "parent"), parent_bundle("none", "parent-vision")
    faults(source, bundle)
    single_faults(source)
    runs(source, bundle, vision)
finish()
