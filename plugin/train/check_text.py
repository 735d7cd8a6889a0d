"""Compares the language model with golden cases: the embedding of every prompt of expected_text.json.

check_text.py FOLDER... [--llm FILE.gguf]   each FOLDER is a case, or holds cases; exit 1 where one disagrees, or where none is there.
The GGUF is looked for in the case's folder, then among the --llm files by its hash.
"""
import argparse
import json
import os
import sys

import torch

import gguf_io
import llama_torch
import safetensors_io
from check_golden import relative

# The reference is float64 rounded once to float32; in float32 the sums of thirty layers add up to a little more.
TOLERANCE = {"float64": 1e-5, "float32": 1e-4}


def find_llm(folder, encoder, named):
    for path in [os.path.join(folder, encoder["file"])] + named:
        if os.path.exists(path) and safetensors_io.sha256(path) == encoder["sha256"]:
            return path
    raise SystemExit(f"{folder}: {encoder['file']} with sha256 {encoder['sha256']} is not here (name it with --llm)")


def run_case(folder, named, dtype):
    """[(prompt, tokens, relative L2 error of the worst of its embeddings)]"""
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        encoder = json.load(file)["network"]["text"]["encoder"]
    with open(os.path.join(folder, "expected_text.json"), encoding="utf-8") as file:
        text = json.load(file)
    model = llama_torch.Llama(find_llm(folder, encoder, named), getattr(torch, dtype))
    if model.settings.bos != text["bos"]:
        raise SystemExit(f"{folder}: BOS {model.settings.bos}, expected {text['bos']}")
    weights = safetensors_io.load(os.path.join(folder, "network.safetensors"))
    contexts, segment = (torch.from_numpy(weights[encoder[key]]) for key in ("soft_prompt", "segment_token_embedding"))
    want = safetensors_io.load(os.path.join(folder, "expected_text.safetensors"))
    rows = []
    for index, entry in enumerate(text["prompts"]):
        with torch.no_grad():
            got = model.encode(entry["tokens"], contexts, segment).numpy()
        rows.append((entry["prompt"], len(entry["tokens"]), max(relative(a, b) for a, b in zip(got, want[f"embedding.{index}"]))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--llm", action="append", default=[])
    parser.add_argument("--dtype", choices=TOLERANCE, default="float64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = failed = 0
    for root in arguments.folders:
        folders = [root] + sorted(os.path.join(root, name) for name in os.listdir(root))
        for folder in (f for f in folders if os.path.exists(os.path.join(f, "expected_text.json"))):
            rows = run_case(folder, arguments.llm, arguments.dtype)
            worst = max(error for _, _, error in rows)
            good = bool(rows) and all(error <= TOLERANCE[arguments.dtype] for _, _, error in rows)
            cases, failed = cases + 1, failed + (not good)
            print(f"{os.path.basename(os.path.normpath(folder)):24} {'ok  ' if good else 'FAIL'} {len(rows)} prompts, worst embedding {worst:.1e}")
            for prompt, count, error in rows if arguments.verbose else ():
                print(f"    {error:.2e}  {count:3} tokens  {prompt[:60]!r}")
    if not cases:
        raise SystemExit("check_text: no case here (a case holds expected_text.json)")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except gguf_io.GgufError as problem:
        sys.exit(f"check_text: {problem}")
