"""Trains the toy model of manifest/demo on random synthetic chests: minutes on two CPU cores, seeded.

train_toy.py OUTPUT_FOLDER writes a whole bundle: manifest.json, network.safetensors (float16) and
prompt_embeddings.safetensors. It is a toy: it shows that the prompt moves the contour, and nothing else.
"""
import argparse
import hashlib
import json
import multiprocessing
import os
import time

import numpy
import torch

import llmseg
import phantom_toy
import safetensors_io

FEATURES, PROMPTS, WIDTH = 16, 2, 32
WINDOW = (96, 64, 32)
SIDES = ("left", "right")


def embeddings(seed):
    """Fixed random embeddings: the toy's whole language."""
    random = numpy.random.default_rng([seed, 1])
    return {f"{side} side": random.standard_normal((PROMPTS, WIDTH)).astype(numpy.float32) for side in SIDES}


def make(seed):
    chest = phantom_toy.Chest(seed)
    chest.hu = chest.hu.astype(numpy.float16)
    return chest.hu, chest.left, chest.right


class Pool:
    """Chests made before training by worker processes; the order and the content depend on the seed alone."""

    def __init__(self, seed, count, workers):
        with multiprocessing.Pool(workers) as pool:
            self.chests = pool.map(make, [(seed, i) for i in range(count)], chunksize=8)

    def sample(self, random):
        hu, left, right = self.chests[random.integers(len(self.chests))]
        chest = argparse.Namespace(hu=hu.astype(numpy.float32), left=left, right=right)
        chest.hu = (chest.hu + 1000) * random.uniform(0.92, 1.08) - 1000 + random.uniform(-15, 15)
        if random.random() < 0.5:
            chest.hu = chest.hu + random.uniform(0, 40) * random.standard_normal(hu.shape, dtype=numpy.float32)
        image, left, right = phantom_toy.window(chest, WINDOW, random)
        return torch.from_numpy(image)[None, None], torch.from_numpy(numpy.stack([left, right]))


def loss_of(logits, target):
    """Cross entropy and soft Dice of the foreground, per prompt. logits [S, 2, ...], target bool [S, ...]."""
    target = target.float()
    margin = logits[:, 1] - logits[:, 0]
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(margin, target)
    p = torch.sigmoid(margin).flatten(1)
    t = target.flatten(1)
    dice = (2 * (p * t).sum(1) + 50) / (p.sum(1) + t.sum(1) + 50)
    return entropy + (1 - dice).mean(), dice.mean()


def train(arguments):
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    began = time.time()
    pool = Pool(arguments.seed, arguments.chests, arguments.threads)
    print(f"{arguments.chests} chests in {time.time() - began:.0f} s", flush=True)
    random = numpy.random.default_rng([arguments.seed, 2])
    model = llmseg.LLMSeg(1, 2, FEATURES, WIDTH).attention(folded=True)
    words = embeddings(arguments.seed)
    text = torch.from_numpy(numpy.stack([words[f"{side} side"] for side in SIDES]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=arguments.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, arguments.rate, total_steps=arguments.steps, pct_start=0.1)
    mean = 0.0
    for step in range(1, arguments.steps + 1):
        image, target = pool.sample(random)
        logits = model(image, text)
        loss, dice = loss_of(logits, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean += 0.02 * (float(dice) - mean)
        if step % 100 == 0:
            print(f"step {step} dice {mean / (1 - 0.98**step):.3f} {time.time() - began:.0f} s", flush=True)
        if step % 1000 == 0 and step < arguments.steps:
            write(arguments.output, model, words)
    write(arguments.output, model, words)


MANIFEST = {
    "schema": "ctvk-bundle/1",
    "name": "toy-breast-demo",
    "version": "0.1.0",
    "intended_use": "demonstration only, not for clinical use",
    "license": "Apache-2.0",
    "citation": "Toy model, trained for minutes on synthetic chests by plugin/train/train_toy.py. Architecture: Oh et al., LLM-driven "
                "multimodal target volume contouring in radiation oncology, Nature Communications 15, 9186, 2024.",
    "network": {
        "architecture": "llmseg",
        "weights": "network.safetensors",
        "in_channels": 1,
        "out_channels": 2,
        "feature_size": FEATURES,
        "text": {
            "embedding_dim": WIDTH,
            "prompts": PROMPTS,
            "cache": "prompt_embeddings.safetensors",
            "template": "{side} side",
            "fields": {"side": list(SIDES)},
        },
    },
    "preprocess": {
        "orientation": "RAS",
        "spacing_mm": list(phantom_toy.SPACING),
        "antialias": True,
        "intensity": {"window": [-1000, 1000], "range": [0, 1], "clip": True},
        "crop_foreground": True,
        "pad_to_window": True,
        "rotate90": 0,
    },
    "inference": {"window": list(WINDOW), "overlap": 0.5, "blend": "gaussian", "sigma_scale": 0.125},
    "labels": [
        {"value": 0, "name": "background"},
        {"value": 1, "name": "toy breast", "color": "#e6194b"},
    ],
}


def write(folder, model, words):
    half = {name: value.detach().numpy().astype(numpy.float16) for name, value in model.state_dict().items()}
    write_files(folder, MANIFEST, half, words)


def write_files(folder, manifest, weights, words):
    """A bundle folder: weights as they are given, cached prompts, and the manifest with both files' hashes."""
    os.makedirs(folder, exist_ok=True)
    safetensors_io.save(os.path.join(folder, "network.safetensors"), weights)
    safetensors_io.save(os.path.join(folder, "prompt_embeddings.safetensors"), words)
    manifest = dict(manifest, files={})
    for name in ("network.safetensors", "prompt_embeddings.safetensors"):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--chests", type=int, default=400)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
