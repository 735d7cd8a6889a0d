"""Compares this implementation with golden cases: input, taps of the first window, blended logits, label map.

check_golden.py FOLDER...   each FOLDER is a case, or holds cases; exit 1 where one disagrees.
"""
import argparse
import os
import sys

import nibabel
import numpy
import torch

import llmseg
import preprocess
import safetensors_io

TOLERANCE = 1e-5
# Where a level has so few voxels, the instance norm divides nearly equal numbers by their small spread, and the order of a sum shows.
FEW_VOXELS, FEW_TOLERANCE = 4, 1e-4


def relative(a, b):
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return numpy.linalg.norm(a - b) / max(numpy.linalg.norm(b), 1e-30)


def run_case(folder, folded, threads, weights=None):
    """List of (what, relative L2 error, tolerance) and the share of equal labels."""
    torch.set_num_threads(threads)
    manifest, model = llmseg.load_bundle(folder, weights=weights)
    model.attention(folded=folded)
    want = safetensors_io.load(os.path.join(folder, "expected.safetensors"), "float32")
    image = nibabel.load(os.path.join(folder, "image.nii.gz"))
    prepared = preprocess.Prepared(numpy.asarray(image.dataobj), image.affine, manifest)
    text = None
    if manifest["network"]["text"]:
        text = torch.from_numpy(safetensors_io.load(os.path.join(folder, "text_embedding.safetensors"), "float32")["text_embedding"])[None]
    same = prepared.data[None].shape == want["input"].shape
    errors = [("input", relative(prepared.data[None], want["input"]) if same else float("inf"), TOLERANCE)]
    seen = []
    step = manifest["inference"]["window"][0] // want.get("first_window.out", want["input"]).shape[1] or 1

    def tap(name, value):
        expected = want.get(f"first_window.{name}")
        if expected is None or name in seen:
            return
        seen.append(name)
        value = value[0].numpy()
        limit = FEW_TOLERANCE if value[0].size <= FEW_VOXELS else TOLERANCE
        errors.append((name, relative(value[:, ::step, ::step, ::step], expected), limit))

    def network(window):
        with torch.no_grad():
            return model(torch.from_numpy(numpy.array(window))[None, None], text, tap)[0].numpy()

    logits = preprocess.sliding(prepared.data, manifest, network)
    errors.append(("logits", relative(logits, want["logits"]), TOLERANCE))
    label = numpy.asarray(nibabel.load(os.path.join(folder, "expected_label.nii.gz")).dataobj)
    return errors, float((prepared.restore(logits) == label).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--folded", action="store_true", help="the folded form of the cross-attentions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    failed = 0
    for root in arguments.folders:
        cases = [root] if os.path.exists(os.path.join(root, "manifest.json")) else sorted(
            os.path.join(root, name) for name in os.listdir(root) if name.startswith("net-"))
        for folder in cases:
            errors, equal = run_case(folder, arguments.folded, arguments.threads)
            name, worst, _ = max(errors, key=lambda e: e[1] / e[2])
            good = all(error <= limit for _, error, limit in errors) and equal >= 0.9999
            failed += not good
            print(f"{os.path.basename(folder):24} {'ok  ' if good else 'FAIL'} {len(errors):2} tensors, worst {name} {worst:.1e}, "
                  f"logits {errors[-1][1]:.1e}, labels equal {100 * equal:.4f} %")
            if arguments.verbose:
                for entry in errors:
                    print("    %-24s %.2e (limit %.0e)" % entry)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
