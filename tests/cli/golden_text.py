"""Text to label on the golden cases text-*: tokens, embeddings of every prompt, and the label of prompt 0, through the command.

CTVK_GOLDEN names their folder; a clone that has none beside it has no such test (cli.text checks a model of its own). SmolLM2's file:
CTVK_SMOLLM2, else the user's data folder."""
import array
import gzip
import json
import os
import sys
import tempfile

from files import read
from runs import check, finish, run

GOLDEN = os.environ["CTVK_GOLDEN"]
# Sums of thirty layers in float32 against float64: 1e-4 is the promise.
LIMIT, EQUAL = 1e-4, 0.9999


def tensors(path):
    data = read(path)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    return {name: array.array("f", data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]])
            for name, t in header.items() if name != "__metadata__"}


def relative(got, want):
    return (sum((a - b) ** 2 for a, b in zip(got, want)) / sum(b * b for b in want)) ** 0.5


def voxels(path):
    data = gzip.decompress(read(path))
    return data[int(array.array("f", data[108:112])[0]):]


def model_of(folder, encoder):
    for path in (f"{folder}/{encoder['file']}", os.environ.get("CTVK_SMOLLM2", ""),
                 os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "ctvk", encoder["file"])):
        if path and os.path.exists(path):
            return path
    return None


def case(folder, scratch):
    with open(f"{folder}/manifest.json", encoding="utf-8") as file:
        encoder = json.load(file)["network"]["text"]["encoder"]
    with open(f"{folder}/expected_text.json", encoding="utf-8") as file:
        prompts = json.load(file)["prompts"]
    model = model_of(folder, encoder)
    check(model, f"{encoder['file']} is not here (./run test fetches it; or name it in CTVK_SMOLLM2)")
    if not model:
        return
    want, worst = tensors(f"{folder}/expected_text.safetensors"), 0
    lines, _ = run("tokenize", "--llm", model, "--jsonl", stdin="".join(json.dumps({"text": p["prompt"]}) + "\n" for p in prompts))
    for number, (prompt, line) in enumerate(zip(prompts, lines.splitlines())):
        tokens = json.loads(line)["tokens"]
        if not prompt["prompt"].endswith("<SEG>"): # tokenize takes the text as it stands, a prompt loses its mark
            check(tokens[:118] == prompt["tokens"] and (len(tokens) > 118) == prompt["truncated"], f"{folder}: tokens of prompt {number}")
        run("embed", "--model", folder, "--llm", model, "--prompt", prompt["prompt"], "--output", f"{scratch}/e.safetensors", "--quiet")
        error = relative(tensors(f"{scratch}/e.safetensors")["text_embedding"], want[f"embedding.{number}"])
        worst = max(worst, error)
        check(error <= LIMIT, f"{folder}: prompt {number}: relative error {error:.2e}")
    check(len(lines.splitlines()) == len(prompts) > 0, f"{folder}: a line for every prompt")
    run("segment", "--model", folder, "--llm", model, "--image", f"{folder}/image.nii.gz", "--prompt", prompts[0]["prompt"], "--output",
        f"{scratch}/label.nii.gz", "--quiet")
    got, expected = voxels(f"{scratch}/label.nii.gz"), voxels(f"{folder}/expected_label.nii.gz")
    equal = sum(a == b for a, b in zip(got, expected)) / max(1, len(expected))
    check(len(got) == len(expected) and equal >= EQUAL, f"{folder}: {100 * equal:.4f} % of the labels are equal")
    print(f"{os.path.basename(folder)}: {len(prompts)} prompts, worst embedding {worst:.1e}, labels {100 * equal:.4f} % equal")


def main():
    folders = sorted(name for name in os.listdir(GOLDEN) if name.startswith("text-"))
    check(folders, f"{GOLDEN} holds no case text-*")
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as scratch:
        for name in folders:
            case(f"{GOLDEN}/{name}", scratch)
    return finish("golden_text")


if __name__ == "__main__":
    sys.exit(main())
