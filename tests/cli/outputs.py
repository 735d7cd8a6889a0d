"""Whole runs of the command on a small seeded bundle: what is written, where, and that all of it appears or nothing."""
import hashlib
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import time

from files import embedding, gz, make_bundle, nifti, read, read_nifti, safetensors, write
from runs import COMMAND, bundle_like, check, environment, finish, large_window, left_behind, read_terminal, run, segment

DIM = (40, 36, 20)


def everything(base):
    """All outputs of one run, by --field."""
    os.makedirs(f"{base}/o")
    write(f"{base}/o/label.nii.gz", b"an older result")
    out, error = segment(base, "--field", "side=left", "--probability", f"{base}/o/p.nii", "--logits", f"{base}/o/l.safetensors", "--report",
                         f"{base}/o/r.json", output="o/label.nii.gz")
    check(out == "", "segment prints nothing on stdout")
    check("progress: 100 %" in error, "plain progress lines where there is no terminal")
    check(sorted(os.listdir(f"{base}/o")) == ["l.safetensors", "label.nii.gz", "p.nii", "r.json"], "exactly the files that were asked for")
    dim, kind, forms, texts, labels = read_nifti(f"{base}/o/label.nii.gz")
    source = read_nifti(f"{base}/ct.nii.gz")
    check(dim == source[0] and kind == 2 and len(labels) == 40 * 36 * 20, "label map: uint8 on the input's grid")
    check(forms == source[2], "label map: forms and codes of the input")
    check(set(labels) <= {0, 1}, "label map: only labels of the bundle")
    names = json.loads(texts[0][1]) if texts else {}
    check([n["name"] for n in names.get("labels", [])] == ["background", "CTV"], "label map: names in an extension")
    dim, kind, forms, _, values = read_nifti(f"{base}/o/p.nii")
    probability = struct.unpack(f"<{2 * 40 * 36 * 20}f", values)
    check(dim[:5] == (4, *DIM, 2) and kind == 16 and forms == source[2], "probability: one float volume per class on the input's grid")
    n = 40 * 36 * 20
    check(all(abs(probability[i] + probability[n + i] - 1) < 1e-5 for i in range(n)), "probabilities add up to 1")
    check(all((probability[n + i] > probability[i]) == (labels[i] == 1) for i in range(n)), "labels are the more probable class")
    check_report(base, json.loads(read(f"{base}/o/r.json")), labels)
    data = read(f"{base}/o/l.safetensors")
    logits = json.loads(data[8:8 + struct.unpack_from("<Q", data)[0]])["logits"]
    # 31 x 29 x 17 voxels are above air; turned by 90 degrees and padded to the window.
    check(logits["dtype"] == "F32" and logits["shape"] == [2, 32, 32, 32], f"logits on the preprocessed grid: {logits['shape']}")
    return labels


def check_report(base, report, labels):
    check(report["bundle"]["name"] == "tiny" and report["bundle"]["version"] == "1.0.0", "report: bundle")
    check(report["bundle"]["sha256"] == hashlib.sha256(read(f"{base}/text/manifest.json")).hexdigest(), "report: hash of the manifest")
    check(report["prompt_sha256"] == hashlib.sha256(b"N0, left side").hexdigest(), "report: hash of the prompt")
    check(report["image"]["sha256"] == hashlib.sha256(read(f"{base}/ct.nii.gz")).hexdigest(), "report: hash of the image")
    check(report["image"]["shape"] == list(DIM) and report["image"]["spacing_mm"] == [1.0, 1.0, 2.0], "report: shape and spacing")
    check(report["precision"] == "f32" and report["text"]["source"] == "cache" and report["windows"] >= 1, "report: precision, text, windows")
    check(report["memory"]["planned_bytes"] >= report["memory"]["peak_bytes"] > 0 and report["memory"]["limit_bytes"] is None, "report: memory")
    check(set(report["device"]) >= {"name", "driver", "type"} and report["device"]["type"] == "cpu", "report: device")
    check(sum(report["seconds"].values()) > 0, "report: seconds")
    ctv = report["labels"][1]
    check(ctv["name"] == "CTV" and ctv["voxels"] == labels.count(1) and abs(ctv["volume_ml"] - ctv["voxels"] * 0.002) < 1e-5, "report: labels")
    text = json.dumps(report)
    check("left side" not in text and base not in text, "report: neither prompt nor path")


def sources(base, labels):
    """The same text by four ways gives the same label map; another text another one; a limit that fits changes nothing."""
    write(f"{base}/prompt.txt", b"\xef\xbb\xbfN0, left side\r\n")
    write(f"{base}/left.safetensors", safetensors({"text_embedding": embedding(1)}))
    for more in (("--prompt", "N0, left side"), ("--prompt=N0, left side  <SEG>",), ("--prompt-file", f"{base}/prompt.txt"),
                 ("--text-embedding", f"{base}/left.safetensors"), ("--prompt", "N0, left side", "--memory-limit", "512", "--precision", "f32")):
        segment(base, *more, "--quiet", output="again.nii")
        check(read_nifti(f"{base}/again.nii")[4] == labels, f"{more[0]}: the same label map, to the bit")
        os.unlink(f"{base}/again.nii")
    _, error = segment(base, "--prompt", "N0, left side", "--llm", f"{base}/prompt.txt", "--quiet", output="again.nii")
    check("ctvk: warning: --llm" in error, "--llm that is not needed is a warning")
    _, error = segment(base, "--prompt", "N0, left side", "--quiet", model="vision", output="vision.nii.gz")
    check("ctvk: warning:" in error and "vision-only" in error, "a prompt for a vision-only model is a warning")
    write(f"{base}/air.nii", nifti(data=struct.pack("<h", -1000) * (40 * 36 * 20)))
    _, error = segment(base, "--field", "side=left", "--quiet", "--report", f"{base}/air.json", image="air.nii", output="air_label.nii")
    check("no voxel of CTV" in error and "nothing to segment" in error, "an empty result says so")
    check(any("no voxel of CTV" in w for w in json.loads(read(f"{base}/air.json"))["warnings"]), "and its report too")
    check(set(read_nifti(f"{base}/air_label.nii")[4]) == {0}, "air: all background")


def all_or_none(base):
    """The second output turns into a folder while the run is under way: the first, which was there, stays as it was."""
    folder = f"{base}/whole"
    os.makedirs(folder)
    write(f"{folder}/label.nii.gz", b"an older result")
    process = subprocess.Popen([COMMAND, "segment", "--model", f"{base}/text", "--image", f"{base}/ct.nii.gz", "--output", f"{folder}/label.nii.gz",
                                "--field", "side=left", "--report", f"{folder}/r.json"], stderr=subprocess.PIPE, env=environment())
    process.stderr.readline()  # the run has begun, the targets were checked
    os.makedirs(f"{folder}/r.json/taken")
    error = process.communicate(timeout=300)[1].decode()
    check(process.returncode == 3 and error.count("ctvk: error:") == 1, f"an output that cannot be placed is exit 3: {error[-200:]}")
    check(read(f"{folder}/label.nii.gz") == b"an older result", "then the other output is as it was")
    check(sorted(os.listdir(folder)) == ["label.nii.gz", "r.json"], f"and nothing is left behind: {os.listdir(folder)}")


def cancel(base):
    """Ctrl-C on a terminal: exit 7, the bar is cleared, nothing written."""
    bundle_like(f"{base}/text", f"{base}/large", large_window)
    folder = f"{base}/cancelled"
    os.makedirs(folder)
    control, terminal = pty.openpty()
    process = subprocess.Popen([COMMAND, "segment", "--model", f"{base}/large", "--image", f"{base}/ct.nii.gz", "--output",
                                f"{folder}/label.nii.gz", "--field", "side=left"], stderr=terminal, env=environment(TERM="xterm"))
    os.close(terminal)
    shown = b""
    while b"network" not in shown:
        shown += os.read(control, 4096)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    shown += read_terminal(control)
    process.wait(timeout=60)
    check(process.returncode == 7, f"Ctrl-C is exit 7, not {process.returncode}")
    check(time.monotonic() - began < 20, "a cancel takes effect soon")
    check(b"\r[" in shown and b"%" in shown, "a terminal gets a bar")
    check(shown.count(b"ctvk: error:") == 1 and b"cancelled" in shown.split(b"ctvk: error:")[1], "one line says that it was cancelled")
    check(os.listdir(folder) == [], "a cancelled run leaves nothing")


def other_commands(base):
    out, _ = run("--version")
    check(out.startswith("ctvk ") and out.count(".") == 2, "--version")
    for command in ("segment", "devices", "inspect", "verify"):
        out, error = run(command, "--help")
        check(f"ctvk {command}" in out and error == "", f"{command} --help")
        check(command in run("--help")[0], f"--help names {command}")
    out, _ = run("segment", "--help")
    for option in ("model", "image", "output", "prompt", "prompt-file", "field", "text-embedding", "llm", "device", "precision", "memory-limit",
                   "logits", "probability", "report", "progress", "quiet"):
        check(f"--{option} " in out, f"segment --help names --{option}")
    devices = json.loads(run("devices", "--json")[0])["devices"]
    check(len(devices) >= 1 and devices[0]["index"] == 0 and devices[0]["usable"] and devices[0]["memory_bytes"] > 0, "devices --json")
    check(devices[0]["name"] in run("devices")[0], "devices")
    found = json.loads(run("inspect", f"{base}/text", "--json")[0])
    check(found["name"] == "tiny" and found["text"]["fields"] == {"side": ["left", "right"]}, "inspect --json: fields")
    check(sorted(found["text"]["cached_prompts"]) == ["N0, left side", "N0, right side"], "inspect --json: cached prompts")
    check(found["memory"]["planned_bytes"] > 0 and found["memory"]["fits"] and [x["name"] for x in found["labels"]] == ["background", "CTV"],
          "inspect --json: memory, labels")
    text = run("inspect", f"{base}/text")[0]
    check("side=left | right" in text and "CTV" in text and "MiB" in text, "inspect")
    out, error = run("inspect", f"{base}/text", VK_DRIVER_FILES="/nonexistent", VK_ICD_FILENAMES="/nonexistent")
    check("not known" in out and "ctvk: warning:" in error, "inspect works without a device")
    check(": ok: " in run("verify", f"{base}/text")[0], "verify")
    bundle_like(f"{base}/vision", f"{base}/extra", lambda value: value.update(colour="blue"))
    check("colour" in run("verify", f"{base}/extra")[1], "an unknown key is a warning that names it")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/text", True)
        make_bundle(f"{base}/vision", False)
        write(f"{base}/ct.nii.gz", gz(nifti()))
        other_commands(base)
        labels = everything(base)
        sources(base, labels)
        all_or_none(base)
        cancel(base)
        check(left_behind(base) == [], "no temporary file is left")
    return finish("outputs")


if __name__ == "__main__":
    sys.exit(main())
