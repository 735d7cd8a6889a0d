"""What the benchmark runs: bundles of one window, the image that gives exactly this window, and the numbers for PyTorch."""
import json
import os
import shutil
import sys

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRAIN = os.path.join(ROOT, "plugin", "train")
sys.path[:0] = [TRAIN, os.path.join(ROOT, "tests", "cli")]

import files
import safetensors_io
import seeded_weights

GOLDEN = os.path.join(ROOT, os.pardir, "shared", "golden", "net-f48-one-window")
WINDOWS = ((96, 96, 32), (192, 192, 64), (384, 384, 128))
WIDTH, PROMPTS = 576, 2


def manifest(window, text, encoder=None, features=48):
    spec = {"embedding_dim": WIDTH, "prompts": PROMPTS}
    if encoder:
        spec["encoder"] = encoder
    return {
        "schema": "ctvk-bundle/1", "name": f"bench-f{features}", "version": "1.0.0", "intended_use": "benchmark only",
        "network": {"architecture": "llmseg", "weights": "network.safetensors", "in_channels": 1, "out_channels": 2,
                    "feature_size": features, "text": spec if text else None},
        "preprocess": {"orientation": "RAS", "spacing_mm": None, "antialias": False,
                       "intensity": {"window": [-1000, 1000], "range": [0, 1], "clip": True},
                       "crop_foreground": False, "pad_to_window": True, "rotate90": 0},
        "inference": {"window": list(window), "overlap": 0.5, "blend": "gaussian", "sigma_scale": 0.125},
        "labels": [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV"}],
    }


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def random_text():
    return seeded_weights.uniform("bench.text_embedding", PROMPTS * WIDTH).reshape(PROMPTS, WIDTH)


class Network:
    """The f48 network's weights and text embedding, written once under `folder`; `source` says in words what they are."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.weights = os.path.join(folder, "network.safetensors")
        self.text = os.path.join(folder, "text_embedding.safetensors")
        if os.path.isdir(GOLDEN):
            shutil.copyfile(os.path.join(GOLDEN, "network.safetensors"), self.weights)
            shutil.copyfile(os.path.join(GOLDEN, "text_embedding.safetensors"), self.text)
            self.source = "weights of the golden case net-f48-one-window"
        else:
            safetensors_io.save(self.weights, seeded_weights.weights(manifest(WINDOWS[0], True)))
            safetensors_io.save(self.text, {"text_embedding": random_text()})
            self.source = "SEEDED RANDOM WEIGHTS: the golden cases are not beside this clone (the work is the same, the numbers mean nothing)"


class Case:
    """One window, with text or vision only."""

    def __init__(self, network, window, text):
        self.window, self.text_file = window, network.text if text else None
        self.name = f"{' x '.join(map(str, window))}, {'with text' if text else 'vision only'}"
        self.folder = os.path.join(network.folder, f"{'x'.join(map(str, window))}-{'text' if text else 'vision'}")
        os.makedirs(self.folder, exist_ok=True)
        weights = self.path("network.safetensors")
        if os.path.exists(weights):
            os.remove(weights)
        os.link(network.weights, weights)
        write_json(self.path("manifest.json"), manifest(window, text))
        hu = numpy.random.default_rng(1).integers(-1000, 1001, window, dtype=numpy.int16)
        # NIfTI stores x fastest; an identity matrix is RAS, so nothing is turned.
        matrix = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
        longer = [("longer.nii", numpy.concatenate((hu, hu), axis=2))] if max(window) <= 192 else []
        for name, voxels in [("ct.nii", hu)] + longer:
            with open(self.path(name), "wb") as file:
                file.write(files.header(dim=(3, *voxels.shape, 1, 1, 1, 1), spacing=(1.0, 1.0, 1.0), matrix=matrix) + voxels.tobytes(order="F"))
        numpy.save(self.path("window.npy"), ((hu.astype(numpy.float64) + 1000) / 2000).astype(numpy.float32))

    def path(self, name):
        return os.path.join(self.folder, name)

    def difference(self):
        """Relative L2 distance of the two programs' logits, and removes them; None where one is missing."""
        both = [self.path("ctvk.safetensors"), self.path("torch.safetensors")]
        if not all(map(os.path.exists, both)):
            return None
        a, b = (safetensors_io.load(path)["logits"] for path in both)
        for path in both:
            os.remove(path)
        return float(numpy.linalg.norm(a - b) / numpy.linalg.norm(b))
