"""Several texts on one CT in one run: the files of runs of their own, byte for byte; all of them or none; command lines that cannot be."""
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile

from files import embedding, gz, make_bundle, nifti, read, safetensors, voxels, write
from runs import COMMAND, bundle_like, check, environment, finish, large_window, left_behind, run, segment

KINDS = {"--output": "nii.gz", "--probability": "nii", "--logits": "safetensors", "--report": "json"}
LEFT, RIGHT = "N0, left side", "N0, right side"


def outputs(base, name):
    return [word for option, extension in KINDS.items() for word in (option, f"{base}/{name}.{extension}")]


def command(base, *more):
    return ["segment", "--model", f"{base}/text", "--image", f"{base}/ct.nii.gz", *more]


def prompts(base):
    """Two prompts and the first again; what one run keeps for the next changes nothing."""
    for name, prompt in (("left", LEFT), ("right", RIGHT)):
        run(*command(base, "--prompt", prompt, *outputs(base, name)))
    _, error = run(*command(base, "--prompt", LEFT, "--prompt", RIGHT, *outputs(base, "a"), "--prompt", LEFT, *outputs(base, "b"), *outputs(base, "c")))
    check(read(f"{base}/left.safetensors") != read(f"{base}/right.safetensors"), "the prompts matter here")
    for name, want in (("a", "left"), ("b", "right"), ("c", "left")):
        for extension in ("nii.gz", "nii", "safetensors"):
            check(read(f"{base}/{name}.{extension}") == read(f"{base}/{want}.{extension}"), f"{name}.{extension} is not that of a run of its own")
        found, single = (json.loads(read(f"{base}/{x}.json")) for x in (name, want))
        check(found["labels"] == single["labels"] and found["prompt_sha256"] == single["prompt_sha256"], f"{name}: record of its own text")
        check(found["encoder"]["windows_reused"] == (0 if name == "a" else found["windows"]), f"{name}: windows reused: {found['encoder']}")
        check(f"{name}.nii.gz: CTV: " in error, f"{name}: the summary says which label map it means: {error}")
    check("encoder" not in single, "a run with one text keeps nothing")
    shown = [int(x) for x in re.findall(r"progress: +(\d+) %", error)]
    check(shown == sorted(set(shown)) and shown[-1] == 100 and shown.index(100) == len(shown) - 1, f"one progress over all texts: {error}")


def other_texts(base):
    """Files, one of them a pipe, and embeddings, which the bundle holds one at a time."""
    write(f"{base}/p.txt", RIGHT.encode())
    run(*command(base, "--prompt-file", "/dev/stdin", "--prompt-file", f"{base}/p.txt", "--output", f"{base}/d.nii", "--output", f"{base}/e.nii"), stdin=LEFT)
    write(f"{base}/1.safetensors", safetensors({"text_embedding": embedding(1)}))
    write(f"{base}/2.safetensors", safetensors({"text_embedding": embedding(2)}))
    for n in "12":
        segment(base, "--text-embedding", f"{base}/{n}.safetensors", output=f"s{n}.nii")
    run(*command(base, "--text-embedding", f"{base}/1.safetensors", "--text-embedding", f"{base}/2.safetensors", "--output", f"{base}/m1.nii",
                 "--output", f"{base}/m2.nii"))
    segment(base, "--prompt", LEFT, output="left.nii")
    segment(base, "--prompt", RIGHT, output="right.nii")
    for name, want in (("d", "left"), ("e", "right"), ("m1", "s1"), ("m2", "s2")):
        check(read(f"{base}/{name}.nii") == read(f"{base}/{want}.nii"), f"{name}.nii is not {want}.nii")


def of_air(base):
    """Where there is nothing to segment, every text is told."""
    write(f"{base}/air.nii", nifti(struct.pack("<h", -2000) * (len(voxels()) // 2)))
    run("segment", "--model", f"{base}/text", "--image", f"{base}/air.nii", "--prompt", LEFT, *outputs(base, "f"), "--prompt", RIGHT, *outputs(base, "g"))
    told = [json.loads(read(f"{base}/{name}.json"))["warnings"] for name in "fg"]
    check(told[0] == told[1] and any("nothing to segment" in text for text in told[0]), f"warnings: {told}")


def refused(base):
    """Nothing is written, and the line names the option."""
    os.makedirs(f"{base}/r")
    a, b, two = f"{base}/r/a.nii", f"{base}/r/b.nii", ["--prompt", LEFT, "--prompt", RIGHT]
    both = ["--output", a, "--output", b]
    nine = [word for i in range(9) for word in ("--prompt", LEFT, "--output", f"{base}/r/{i}.nii")]
    for arguments, code, part in (([*two, "--output", a], 2, "--output: given 1 times for 2 texts"), (["--prompt", LEFT, *both], 2, "--output: given 2 times"),
                                  ([*two, *both, "--report", f"{base}/r/r.json"], 2, "--report: given 1 times"),
                                  ([*two, "--output", a, "--output", a], 2, "names the same file"), (nine, 2, "8 texts are the most"),
                                  (["--prompt-file", f"{base}/p.txt", "--prompt-file", f"{base}/q.nii", "--output", a, "--output", f"{base}/q.nii"], 2,
                                   "would overwrite the file of --prompt-file"),
                                  (["--prompt", LEFT, "--prompt-file", f"{base}/p.txt", *both], 2, "the text is given already"),
                                  (["--field", "side=left", *both], 2, "--output: given 2 times for 1 texts"),
                                  (["--prompt", LEFT, "--prompt", "not cached", *both], 4, "not cached")):
        _, error = run(*command(base, *arguments), code=code)
        check(part in error, f"{part}: {error}")
    check(os.listdir(f"{base}/r") == [], f"written all the same: {os.listdir(f'{base}/r')}")


def cancelled(base):
    """Ctrl-C while the second text is under way: not even the first one's files appear."""
    bundle_like(f"{base}/text", f"{base}/large", large_window)
    os.makedirs(f"{base}/x")
    process = subprocess.Popen([COMMAND, "segment", "--model", f"{base}/large", "--image", f"{base}/ct.nii.gz", "--prompt", LEFT, "--prompt", RIGHT, "--output",
                                f"{base}/x/a.nii", "--output", f"{base}/x/b.nii"], env=environment(), stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "a.nii: CTV" in line:
            process.send_signal(signal.SIGINT)
            break
    _, error = process.communicate(timeout=300)
    check(process.returncode == 7 and "cancelled" in error, f"cancelled in the second text: exit {process.returncode}: {error}")
    check(os.listdir(f"{base}/x") == [], f"left behind: {os.listdir(f'{base}/x')}")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/text", True)
        write(f"{base}/ct.nii.gz", gz(nifti()))
        prompts(base)
        other_texts(base)
        of_air(base)
        refused(base)
        cancelled(base)
        check(left_behind(base) == [], "no temporary file is left")
    return finish("several")


if __name__ == "__main__":
    sys.exit(main())
