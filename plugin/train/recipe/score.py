"""Predictions for patients of a cohort, and their scores by `ctvk evaluate`: no second implementation of a metric."""
import json
import os
import subprocess
import tempfile

import nibabel
import numpy
import torch

import preprocess
from recipe import grid, words
from recipe.config import Refused

TOLERANCE = 3
METRICS = ("dice", "iou", "hd95_mm", "nsd")


def logits_of(net, image, embeddings, manifest):
    """Blended logits, one [2, x, y, z] for each embedding (None: one, of a vision-only network). The encoder, which does not see the text, runs
    once for all of them."""
    count = 1 if embeddings is None else len(embeddings)

    def network(window):
        with torch.no_grad():
            return net(torch.from_numpy(numpy.array(window, numpy.float32))[None, None], embeddings).flatten(0, 1).numpy()

    return preprocess.sliding(image.astype(numpy.float32), manifest, network).reshape(count, 2, *image.shape)


def dice_of(a, b):
    """Of two masks; two empty ones agree."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def quick(model, cases, config):
    """For the log of a training: mean Dice on the network's grid with the template's prompt."""
    texts = [words.Text(words.internal_text(case.facts), words.one_hot(case.facts)) for case in cases]
    embeddings = model.embed_all(texts)
    model.eval()
    values = []
    for place, case in enumerate(cases):
        logits = logits_of(model.net, case.image, None if embeddings is None else embeddings[place:place + 1], config.grid.manifest())
        values.append(dice_of(logits[0, 1] > logits[0, 0], case.label))
    model.train()
    return {"validation_dice": round(float(numpy.mean(values)), 6)}


class Judge:
    """Calls `ctvk evaluate` on masks of one grid."""

    def __init__(self, command):
        self.command, self.folder = command, tempfile.TemporaryDirectory(prefix="ctvk-score-")

    def __call__(self, reference, prediction):
        """{dice, iou, hd95_mm, nsd, volume_ml}; reference: NIfTI file, prediction: uint8 array on its grid. hd95_mm is None where one of the two
        is empty."""
        path = os.path.join(self.folder.name, "prediction.nii")
        nibabel.save(nibabel.Nifti1Image(numpy.ascontiguousarray(prediction, numpy.uint8), nibabel.load(reference).affine), path)
        words_ = [self.command, "evaluate", "--reference", reference, "--prediction", path, "--tolerance", str(TOLERANCE), "--json"]
        done = subprocess.run(words_, capture_output=True, text=True)
        if done.returncode:
            raise Refused(f"{self.command} evaluate: {done.stderr.strip()}")
        labels = json.loads(done.stdout)["labels"]
        if not labels:  # neither mask holds a voxel
            return {"dice": 1.0, "iou": 1.0, "hd95_mm": None, "nsd": 1.0, "volume_ml": 0.0}
        label = labels[0]
        return {"dice": label["dice"], "iou": label["iou"], "hd95_mm": label["hd95_mm"], "nsd": label["nsd"][str(TOLERANCE)],
                "volume_ml": label["volume_prediction_ml"]}


def label_map(logits, geometry):
    """Label map on the CT's grid."""
    return grid.restore(logits, geometry)
