"""CTVK_TRACE: a whole Chrome trace whose events lie inside of each other, whose sums are the run's own times, whose floating point operations are
those of an independent count, and which tells nothing of the patient. The count is that of PyTorch's twin of the network, by the shapes that its
modules meet."""
import collections
import json
import os
import re
import sys
import tempfile

import torch

import files
from runs import check, finish, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "plugin", "train"))
import llmseg

SECRETS = ("DOE", "JANE", "left side", "N0", "label.nii", ".nii")
STAGES = {"open": "open", "preprocess": "prepare", "upload": "upload", "windows": "network", "classify": "classify", "restore": "restore"}
EXACT = ("conv3d", "transp_conv3d", "instance_norm_stats", "instance_norm_apply", "token_to_image", "image_to_token")
# Convolutions normalise what they read, and a norm computes a convolution as it is read: which of them counts it is theirs.
TOGETHER = EXACT[:4]
SLACK = 0.0025  # microseconds: times are rounded to a thousandth, twice


def counted(bundle):
    """{operation: FLOP of one window} by the shapes that PyTorch's modules meet. A convolution takes a multiplication and an addition for each tap."""
    with open(f"{bundle}/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    model = llmseg.from_manifest(manifest).eval()
    found = dict.fromkeys(EXACT, 0)

    def add(name, count):
        def hook(module, given, out):
            found[name] += count(module, given[0], out)
        return hook

    def attention(module, given, out):
        image, text = given
        channels, voxels, prompts = image.shape[1], image[0, 0].numel(), text.shape[1]
        pair = 4 * channels + 3  # score and weighted sum; difference, exponential, sum
        for _ in module.layers:
            found["token_to_image"] += pair * llmseg.HEADS * prompts * voxels
            found["image_to_token"] += (pair * llmseg.HEADS * (prompts - 1) + 10 * channels) * voxels

    for module in model.modules():
        if isinstance(module, torch.nn.Conv3d):
            module.register_forward_hook(add("conv3d", lambda m, x, y: 2 * y.numel() * m.weight[0].numel()))
        elif isinstance(module, torch.nn.ConvTranspose3d):
            module.register_forward_hook(add("transp_conv3d", lambda m, x, y: 2 * x.numel() * m.weight[0].numel()))
        elif isinstance(module, torch.nn.InstanceNorm3d):
            module.register_forward_hook(add("instance_norm_stats", lambda m, x, y: 4 * y.numel()))
        elif isinstance(module, llmseg.ConvBlock):
            module.register_forward_hook(add("instance_norm_apply", lambda m, x, y: y.numel() * (3 + (3 if m.conv3 is None else 6))))
        elif isinstance(module, llmseg.Alignment):
            module.register_forward_hook(attention)
    text = manifest["network"]["text"]
    torch.nn.functional._verify_spatial_size = lambda size: None  # the lowest level is one voxel, whose shape is all that matters here
    with torch.no_grad():
        model(torch.zeros(1, 1, *manifest["inference"]["window"]), torch.zeros(1, text["prompts"], text["embedding_dim"]))
    return found


def nested(events):
    """Whether events of one line lie side by side or inside of each other."""
    around = []
    for e in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        while around and around[-1]["ts"] + around[-1]["dur"] <= e["ts"] + SLACK:
            around.pop()
        if around and e["ts"] + e["dur"] > around[-1]["ts"] + around[-1]["dur"] + SLACK:
            return False
        around.append(e)
    return True


def load(path):
    with open(path, encoding="utf-8") as file:
        return [e for e in json.load(file)["traceEvents"] if e["ph"] == "X"]


def seconds(events):
    return sum(e["dur"] for e in events) * 1e-6


def check_times(events, report):
    for line in (1, 2, 3):
        mine = [e for e in events if e["tid"] == line]
        check(mine and nested(mine), f"line {line}: {len(mine)} events, one over the other")
    stages = [e for e in events if e["cat"] == "stage"]
    for name, key in STAGES.items():
        took = seconds(e for e in stages if e["name"] == name)
        check(abs(took - report["seconds"][key]) < 1e-4 + 0.01 * took, f"{name}: {took} s, the report has {report['seconds'][key]}")
    for name in ("read", "write", "place", "read window"):
        check(any(e["name"] == name for e in stages), f"no stage {name}")
    kind = {name: [e for e in events if e["cat"] == name] for name in ("submission", "part", "operation", "compile")}
    check(all(kind.values()), "submissions, parts, operations and compilations are all there")
    check(abs(seconds(kind["submission"]) - seconds(kind["part"])) < 1e-8 * len(kind["part"]) + 1e-9, "parts fill their submissions")
    busy = sum(e["args"]["busy_us"] for e in kind["operation"]) * 1e-6
    # The device's clock is moved against the host's between submissions; what they would then overlap is cut off the later one.
    check(abs(busy - seconds(kind["part"])) < 0.01 * busy, f"operations, {busy} s, are the sums of their parts, {seconds(kind['part'])} s")
    outer = [(e["ts"], e["ts"] + e["dur"]) for e in stages if e["name"] in ("windows", "classify")]
    inside = all(any(a - 1 <= e["ts"] and e["ts"] + e["dur"] <= b + 1 for a, b in outer) for e in kind["submission"])
    check(inside, "submissions lie inside of the stages that made them")
    check(0 < busy < report["seconds"]["network"] + report["seconds"]["classify"], "the device is no busier than its stages are long")


def check_ahead(base):
    """Of several windows each is read while the one before is computed."""
    size = (70, 36, 20)
    files.write(f"{base}/long.nii", files.nifti(files.voxels(size), dim=(3, *size, 1, 1, 1, 1)))
    run("segment", "--model", f"{base}/text", "--image", f"{base}/long.nii", "--field", "side=left", "--output", f"{base}/long-label.nii",
        "--quiet", "--self-test", "skip", CTVK_TRACE=f"{base}/sliding.json")
    stages = [e for e in load(f"{base}/sliding.json") if e["cat"] == "stage"]
    ends = {e["args"]["number"]: e["ts"] + e["dur"] for e in stages if e["name"] == "windows"}
    names = {e["name"] for e in stages}
    check("blend" in names and "place" not in names, f"stages {names}")
    early = {e["args"]["number"] for e in stages if e["name"] == "read window" and e["ts"] < ends.get(e["args"]["number"] - 1, 0)}
    check(len(ends) > 1 and early == set(ends) - {0}, f"{len(ends)} windows, read while the one before was computed: {sorted(early)}")


def check_window(base):
    """A single window is neither weighted nor summed. Where labels alone are wanted, the last layer leaves them, and no classification follows."""
    logits, both = ["--logits", f"{base}/l.safetensors"], ["--logits", f"{base}/l.safetensors", "--probability", f"{base}/p.nii"]
    for name, more, passes in (("labels", [], set()), ("logits", logits, {", logits"}), ("both", both, {", logits", ", probabilities"})):
        run("segment", "--model", f"{base}/text", "--image", f"{base}/DOE_JANE.nii", "--field", "side=left", "--output", f"{base}/label.nii", "--quiet",
            "--self-test", "skip", *more, CTVK_TRACE=f"{base}/{name}.json")
        events = load(f"{base}/{name}.json")
        stages, operations = ([e for e in events if e["cat"] == kind] for kind in ("stage", "operation"))
        names = [e["name"] for e in stages + operations]
        check(names.count("windows") == 1 and "place" in names and "blend" not in names, f"{name}: {set(names)}")
        last = [e["args"]["detail"] for e in operations if e["name"] == "transp_conv3d"][-1]
        check(last.startswith("16 -> 2, 32 x 32 x 32") and last.endswith(", labels") == (not passes), f"{name}: the last layer is {last}")
        planes = collections.Counter()
        for detail in (e["args"]["detail"] for e in operations if e["name"] == "classify"):
            count, what = re.fullmatch(r"2, (\d+) x 32 x 32(.*)", detail).groups()
            planes[what] += int(count)
        check(planes == dict.fromkeys(passes, 32), f"{name}: classified {planes}")


def check_flop(events, base):
    windows = len([e for e in events if e["name"] == "windows"])
    wanted = counted(f"{base}/text")
    sums = dict.fromkeys(EXACT, 0)
    for name in EXACT:
        mine = [e["args"] for e in events if e["cat"] == "operation" and e["name"] == name]
        sums[name] = sum(a["flop"] for a in mine)
        check(mine and all(a["bytes"] > 0 and abs(a["gflop_per_s"] * a["busy_us"] * 1e3 - a["flop"]) < 0.01 * a["flop"] + 0.001 * a["busy_us"] * 1e3
                           for a in mine), f"{name}: bytes and rates")
    for names in (TOGETHER, *((name,) for name in EXACT[4:])):
        flop, there = sum(sums[name] for name in names), windows * sum(wanted[name] for name in names)
        check(flop == there, f"{', '.join(names)}: {flop} FLOP, PyTorch's shapes give {there}")


def check_off(base):
    """Without the variable nothing is written; a file that is there is never written over."""
    before = sorted(os.listdir(base))
    arguments = ("segment", "--model", f"{base}/text", "--image", f"{base}/DOE_JANE.nii", "--field", "side=left", "--output", f"{base}/label.nii", "--quiet")
    run("inspect", f"{base}/text", CTVK_TRACE="")
    check(sorted(os.listdir(base)) == before, "a command without the variable leaves something")
    image = files.read(f"{base}/DOE_JANE.nii")
    for path, why in ((f"{base}/DOE_JANE.nii", "CTVK_TRACE: "), (f"{base}/none/t.json", "CTVK_TRACE: ")):
        _, error = run(*arguments, code=3, CTVK_TRACE=path)
        check(why in error and len(error.splitlines()) == 1, f"one line that says why: {error}")
    check(files.read(f"{base}/DOE_JANE.nii") == image, "the image was written over")
    run("segment", "--model", f"{base}/text", "--image", f"{base}/absent.nii", "--field", "side=left", "--output", f"{base}/label.nii", code=3,
        CTVK_TRACE=f"{base}/failed.json")
    check(all(e["name"].startswith("read") for e in load(f"{base}/failed.json")), "a run that fails leaves a whole trace")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        files.make_bundle(f"{base}/text")
        image = bytearray(files.nifti())
        image[148:148 + 8] = b"DOE^JANE"  # the header's description
        files.write(f"{base}/DOE_JANE.nii", bytes(image))
        run("segment", "--model", f"{base}/text", "--image", f"{base}/DOE_JANE.nii", "--prompt", "N0, left side", "--output", f"{base}/label.nii",
            "--report", f"{base}/r.json", "--quiet", "--self-test", "skip", CTVK_TRACE=f"{base}/t.json")
        events = load(f"{base}/t.json")
        check_times(events, json.loads(files.read(f"{base}/r.json")))
        check_flop(events, base)
        text = files.read(f"{base}/t.json").decode()
        check(not any(word in text for word in (*SECRETS, base)), "the trace tells of the patient")
        check_off(base)
        check_ahead(base)
        check_window(base)
    return finish("trace")


if __name__ == "__main__":
    sys.exit(main())
