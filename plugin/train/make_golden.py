"""Writes the small golden cases of tests/data/golden: make_golden.py OUTPUT_FOLDER

Weights come from the seeded generator, images are synthetic. `input` is float16 where that is exact (an intensity window of 2048 HU
makes it so), logits hold every third voxel along each axis, taps every fourth; the way
back of a whole volume is tested with made-up logits (expected_bands). The network runs in float64 and the result is rounded
once; how far its float32 run is from that is printed, so that a case whose numbers hang on the order of sums is seen here.
"""
import gzip
import json
import os
import sys

import nibabel
import numpy
import torch
from scipy import ndimage

import llmseg
import preprocess
import safetensors_io
import seeded_weights

LOGITS_STEP, TAPS_STEP = 3, 4
BANDS = ((0, 0.4), (1, 0), (2, -0.6))

CASES = {
    "one-window": {
        "shape": (30, 62, 30), "orientation": "RAS", "spacing": (1, 1, 3), "seed": 12,
        "classes": 2, "text": (64, 2), "window": [32, 64, 32], "rotate90": 2, "overlap": 0.5,
    },
    "sliding-LPS": {
        "shape": (45, 71, 39), "orientation": "LPS", "spacing": (0.9, 1.1, 2.5), "seed": 6,
        "classes": 3, "text": (16, 2), "window": [64, 64, 32], "rotate90": 1, "overlap": 0.5,
    },
    "spacing": {
        "shape": (43, 43, 40), "orientation": "PIR", "spacing": (3.0, 1.2, 1.5), "seed": 6, "target": [2, 2, 1.5], "antialias": True,
        "classes": 2, "text": (32, 3), "window": [32, 64, 32], "rotate90": 0, "overlap": 0.5,
    },
    "vision-only": {
        "shape": (32, 37, 66), "orientation": "RAS", "spacing": (1, 1, 1), "seed": 15,
        "classes": 2, "text": None, "window": [32, 32, 64], "rotate90": 0, "overlap": 0.25, "crop": False,
    },
}


def manifest_of(name, case):
    text = case["text"] and {"embedding_dim": case["text"][0], "prompts": case["text"][1]}
    names = ["background", "CTV", "boost"]
    return {
        "schema": "ctvk-bundle/1", "name": name, "version": "1.0.0", "intended_use": "numerical test only", "license": "Apache-2.0",
        "citation": "made by plugin/train/make_golden.py",
        "network": {"architecture": "llmseg", "weights": "network.safetensors", "in_channels": 1, "out_channels": case["classes"],
                    "feature_size": 16, "text": text},
        "preprocess": {"orientation": "RAS", "spacing_mm": case.get("target"), "antialias": case.get("antialias", False),
                       "intensity": {"window": [-1024, 1024], "range": [0, 1], "clip": True},
                       "crop_foreground": case.get("crop", True), "pad_to_window": True, "rotate90": case["rotate90"]},
        "inference": {"window": case["window"], "overlap": case["overlap"], "blend": "gaussian", "sigma_scale": 0.125},
        "labels": [{"value": i, "name": names[i]} for i in range(case["classes"])],
    }


def image_of(case):
    """Blobs in air, a border of pure air, HU in steps of 32 so that it packs well; affine with the orientation asked for."""
    random = numpy.random.default_rng(case["seed"])
    shape = case["shape"]
    field = ndimage.gaussian_filter(random.standard_normal(shape), 2.5)
    fine = ndimage.gaussian_filter(random.standard_normal(shape), 0.7)
    hu = 600 * field / field.std() + 60 * fine / fine.std() - 100
    hu = numpy.clip(numpy.rint(hu / 32) * 32, -1024, 1504)
    border = numpy.zeros(shape, bool)
    border[2:-3, 1:-2, 1:-1] = True
    hu = numpy.where(border, hu, -1024).astype(numpy.int16)
    affine = numpy.eye(4)
    affine[:3, :3] = 0
    letters = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    for axis, letter in enumerate(case["orientation"]):
        patient, sign = letters[letter]
        affine[patient, axis] = sign * case["spacing"][axis]
    affine[:3, 3] = (-31.5, 12.25, -104)
    image = nibabel.Nifti1Image(hu, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(1, 0)
    return image


def bands_of(prepared):
    """Label map of three classes whose logits are straight lines of the preprocessed value: the way back, whole, without a network."""
    logits = numpy.stack([numpy.float32(slope) * prepared.data + numpy.float32(at) for slope, at in BANDS])
    return prepared.restore(logits)


def save_nifti(image, path):
    """Without a time stamp in the gzip header: the same case is the same bytes."""
    with open(path, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=9) as packed:
            packed.write(image.to_bytes())


def make(name, case, root):
    folder = os.path.join(root, name)
    os.makedirs(folder, exist_ok=True)
    manifest = manifest_of(name, case)
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
    image = image_of(case)
    save_nifti(image, os.path.join(folder, "image.nii.gz"))
    _, model = llmseg.load_bundle(folder, weights=seeded_weights.weights(manifest))
    text = None
    if case["text"]:
        width, prompts = case["text"]
        words = seeded_weights.uniform(f"{name}.text_embedding", width * prompts).reshape(prompts, width) * numpy.float32(2)
        safetensors_io.save(os.path.join(folder, "text_embedding.safetensors"), {"text_embedding": words})
        text = torch.from_numpy(words)[None]
    prepared = preprocess.Prepared(numpy.asarray(image.dataobj), image.affine, manifest)
    expected, single = {}, {}
    half = prepared.data.astype(numpy.float16)
    expected["input"] = (half if (half.astype(numpy.float32) == prepared.data).all() else prepared.data)[None]

    def runner(network, taps):
        kind = next(network.parameters()).dtype
        words_of_kind = None if text is None else text.to(kind)

        def tap(tap_name, value):
            step = TAPS_STEP
            taps.setdefault(f"first_window.{tap_name}", value[0, :, ::step, ::step, ::step].float().numpy().copy())

        def run(window):
            with torch.no_grad():
                return network(torch.from_numpy(numpy.array(window))[None, None].to(kind), words_of_kind, tap)[0].numpy()

        return run

    single["logits"] = preprocess.sliding(prepared.data, manifest, runner(model, single))
    logits = preprocess.sliding(prepared.data, manifest, runner(model.double(), expected))
    step = LOGITS_STEP
    expected["logits"] = numpy.ascontiguousarray(logits[:, ::step, ::step, ::step])
    single["logits"] = single["logits"][:, ::step, ::step, ::step]
    worst = max((numpy.linalg.norm(single[key] - expected[key]) / numpy.linalg.norm(expected[key]), key) for key in single)
    safetensors_io.save(os.path.join(folder, "expected.safetensors"), expected,
                        {"taps": f"every {TAPS_STEP}th voxel along each axis", "logits": f"every {step}rd voxel along each axis"})
    save_nifti(label_image(bands_of(prepared), image), os.path.join(folder, "expected_bands.nii.gz"))
    label = prepared.restore(logits)
    save_nifti(label_image(label, image), os.path.join(folder, "expected_label.nii.gz"))
    shares = numpy.bincount(label.ravel(), minlength=case["classes"]) / label.size
    print(name, "after preprocessing", prepared.data.shape, expected["input"].dtype, "shares of labels", numpy.round(shares, 3),
          "float32 against float64: worst %s %.1e" % worst[::-1])
    if shares.min() < 0.02:
        raise SystemExit(f"{name}: a class is all but missing (choose another seed)")


def label_image(label, image):
    out = nibabel.Nifti1Image(label, image.affine)
    out.set_sform(image.affine, 1)
    out.set_qform(image.affine, 1)
    out.header.set_xyzt_units("mm")
    out.header.set_slope_inter(1, 0)
    return out


def main():
    torch.set_num_threads(1)
    for name, case in CASES.items():
        make(name, case, sys.argv[1])


if __name__ == "__main__":
    main()
