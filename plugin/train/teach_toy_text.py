"""Teaches the toy of manifest/demo to listen to a language model: minutes on two CPU cores, seeded, no gradient.

teach_toy_text.py TOY_BUNDLE OUTPUT_FOLDER --llm SmolLM2-135M-Instruct.Q4_1.gguf --ctvk build/ctvk

TOY_BUNDLE is what train_toy.py wrote: two fixed embeddings, one a side. Here its five text projections (txt2vis) are replaced by such that
map the language model's embeddings of many sentences to the very tokens that the toy's own embeddings gave: a ridge regression. All
other weights stay as they are. The soft prompts and <SEG> are the language model's own embeddings of fixed words, not learned. The
sentences that judge the result have other wordings than those that were fitted.
"""
import argparse
import hashlib
import itertools
import json
import os
import subprocess

import numpy
import torch

import llama_torch
import safetensors_io
import train_toy

# Eight tokens each, so that both soft prompts have the paper's length; different, so that the two passes say different things.
CONTEXTS = ("Which breast is treated, left or right?", "Radiotherapy target side of the patient:")
SEGMENT = " side"
LENGTH = 8
SIDES = {"left": ("left", "left-sided", "Lt", "L", "LEFT"), "right": ("right", "right-sided", "Rt", "R", "RIGHT")}
STAGES = [f"N{n}, cT{t}" for n, t in itertools.product(range(4), range(1, 5))]
SURGERIES = ("breast conserving surgery", "total mastectomy surgery", "unknown type surgery")
# {s}: the side in one of five spellings, {n}: stages, {o}: surgery.
FITTED = (
    "{s} side", "{n}, {o}, {s} side", "{s} breast", "{s} breast cancer, {n}", "tumour in the {s} breast", "{n}, {s} side", "{o}, {s} side",
    "Please contour the {s} breast", "carcinoma of the {s} breast, status post {o}", "The patient has a tumour on the {s} side.",
    "{s} breast after {o}", "whole breast radiotherapy, {s}", "Ca mammae {s}, {n}", "draw the target on the {s} side", "{n}; {o}; {s}",
    "Irradiate the {s} breast after {o}.", "side: {s}", "invasive ductal carcinoma, {s} breast, {n}, {o}",
)
JUDGED = (
    "The {s} breast was operated on.", "{o}, {n}, tumor of the {s} side", "woman of 54 years with cancer in her {s} breast, {n}",
    "target: {s} breast", "{n}, s/p {o}, {s}", "adjuvant radiotherapy of the {s} breast after {o}",
)


def sentences(templates, random, count):
    """(text, 0 for left or 1 for right), every template with both sides, stages and surgeries by chance."""
    rows = []
    for template in templates:
        for number, side in itertools.product(range(count), (0, 1)):
            words = list(SIDES.values())[side]
            # Half of them in the plain word, which is what the fields of the manifest give.
            word = words[0] if number % 2 == 0 else words[random.integers(len(words))]
            text = template.format(s=word, n=STAGES[random.integers(len(STAGES))], o=SURGERIES[random.integers(len(SURGERIES))])
            rows.append((text, side))
    return sorted(set(rows))


def tokenize(arguments, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    answer = subprocess.run([arguments.ctvk, "tokenize", "--llm", arguments.llm, "--jsonl"], input=lines, text=True, check=True,
                            capture_output=True)
    return [json.loads(line)["tokens"] for line in answer.stdout.splitlines()]


def soft_prompts(arguments, model):
    """contexts [P, L, D] and segment [D]: embeddings of the words above, cut or repeated to the length."""
    *rows, segment = tokenize(arguments, list(CONTEXTS) + [SEGMENT])
    rows = [(row * LENGTH)[:LENGTH] for row in rows]
    return torch.stack([model.embed_tokens(row) for row in rows]), model.embed_tokens(segment[-1:])[0]


def encode_all(arguments, model, soft, texts):
    """[sentences, P, D]"""
    tokens = tokenize(arguments, texts)
    with torch.no_grad():
        return numpy.stack([model.encode(row, *soft).numpy() for row in tokens])


def fit(embedding, side, tokens, ridge):
    """The linear layer that maps each prompt's embedding [N, P, D] to tokens [side][P, C], in least squares with a ridge on what is not the
    mean. -> weight [C, D], bias [C]."""
    x = embedding.reshape(-1, embedding.shape[-1]).astype(numpy.float64)
    y = tokens[side].reshape(-1, tokens.shape[-1]).astype(numpy.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = x - mean_x, y - mean_y
    weight = numpy.linalg.solve(x.T @ x + ridge * numpy.trace(x.T @ x) / x.shape[1] * numpy.eye(x.shape[1]), x.T @ y).T
    return weight.astype(numpy.float32), (mean_y - weight @ mean_x).astype(numpy.float32)


def judge(embedding, side, weight, bias, tokens):
    """Share of sentences whose tokens lie nearer to their own side's, and the mean distance relative to that between the sides."""
    got = embedding @ weight.T + bias
    distance = numpy.stack([((got - tokens[s]) ** 2).sum((1, 2)) for s in (0, 1)], axis=1) ** 0.5
    own = distance[numpy.arange(len(side)), side]
    return (own < distance[numpy.arange(len(side)), 1 - side]).mean(), own.mean() / ((tokens[0] - tokens[1]) ** 2).sum() ** 0.5


def teach(arguments):
    torch.set_num_threads(arguments.threads)
    random = numpy.random.default_rng(arguments.seed)
    toy = safetensors_io.load(os.path.join(arguments.toy, "network.safetensors"), "float32")
    words = safetensors_io.load(os.path.join(arguments.toy, "prompt_embeddings.safetensors"), "float32")
    model = llama_torch.Llama(arguments.llm)
    soft = soft_prompts(arguments, model)
    fitted, judged = sentences(FITTED, random, arguments.count), sentences(JUDGED, random, arguments.count)
    texts = [text for text, _ in fitted + judged]
    embedding = encode_all(arguments, model, soft, texts)
    side = numpy.array([s for _, s in fitted + judged])
    cut = len(fitted)
    for level in range(5):
        weight, bias = toy[f"txt2vis.{level}.weight"], toy[f"txt2vis.{level}.bias"]
        tokens = numpy.stack([words[f"{name} side"] @ weight.T + bias for name in train_toy.SIDES])
        weight, bias = fit(embedding[:cut], side[:cut], tokens, arguments.ridge)
        toy[f"txt2vis.{level}.weight"], toy[f"txt2vis.{level}.bias"] = weight, bias
        right, distance = judge(embedding[cut:], side[cut:], weight, bias, tokens)
        print(f"level {level}: {len(judged)} sentences of other wordings: side right in {100 * right:.1f} %, distance {distance:.2f} of that "
              "between the sides", flush=True)
    cached = encode_all(arguments, model, soft, [f"{name} side" for name in train_toy.SIDES])
    write(arguments, toy, soft, {f"{name} side": value for name, value in zip(train_toy.SIDES, cached)})


def write(arguments, weights, soft, words):
    """As train_toy.write, with soft prompts and the language model named."""
    half = {name: value.astype(numpy.float16) for name, value in weights.items()}
    for name, value in (("contexts", soft[0]), ("segment_token", soft[1])):
        half[name] = value.numpy().astype(numpy.float32)
    with open(arguments.llm, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    manifest = json.loads(json.dumps(train_toy.MANIFEST))
    manifest["version"] = "0.2.0"
    manifest["network"]["text"]["embedding_dim"] = int(soft[1].shape[0])
    manifest["network"]["text"]["encoder"] = {
        "type": "llama-gguf", "file": os.path.basename(arguments.llm), "sha256": digest, "soft_prompt": "contexts",
        "segment_token_embedding": "segment_token", "max_tokens": 120, "layers": arguments.layers}
    train_toy.write_files(arguments.output, manifest, half, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("toy")
    parser.add_argument("output")
    parser.add_argument("--llm", required=True)
    parser.add_argument("--ctvk", default="build/ctvk")
    parser.add_argument("--count", type=int, default=10, help="sentences of each template and side")
    parser.add_argument("--ridge", type=float, default=0.05)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    teach(parser.parse_args())


if __name__ == "__main__":
    main()
