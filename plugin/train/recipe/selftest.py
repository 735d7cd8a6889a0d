"""The self-test of a bundle: a small synthetic patient and a prompt of the cache, with what this implementation makes of them. `ctvk verify` runs it.

The answer is kept as every STRIDE-th voxel of the logits, not as a hash: devices round differently. A label map would tell less; one that a
barely trained network leaves empty would tell nothing.
"""
import os
import shutil

import nibabel
import numpy

import safetensors_io
import segment
from recipe.config import Refused

IMAGE, EXPECTED = "selftest.nii.gz", "selftest.safetensors"
# A few thousand logits of each class, 0.1 MB.
STRIDE = 4
# Lavapipe and SwiftShader stay below 1e-6; a weight or a step that is wrong does not come near this.
TOLERANCE = 1e-3
# Far from the seeds of every cohort.
SEED, SPACING = 900_001, (6.0, 6.0, 6.0)
HU = (-1024, 2000)
# As a case: the patient of SEED.
SYNTHETIC = "synthetic"


def patient():
    """(HU int16 [x, y, z], affine, facts): nobody, a formula and a seed."""
    from patients import make_patient
    made = make_patient(SEED, "internal", spacing=SPACING)
    return numpy.clip(numpy.rint(made.image), *HU).astype(numpy.int16), made.affine, made.facts


def prompt_of(facts, cached):
    """The cached prompt that says the patient's facts; else the first one."""
    from patients.prompts import internal_text
    text = internal_text(facts)
    return text if text in cached else cached[0]


def of_bundle(folder, manifest):
    """The case of a bundle, for another one to take over; None: it has none."""
    case = manifest.get("selftest")
    return case and (os.path.join(folder, case["image"]), case.get("prompt"))


def add(folder, manifest, cached, case):
    """Writes a case into a bundle's folder, whose manifest.json and other files lie there. case: SYNTHETIC, or (NIfTI file, prompt or None).
    Returns manifest["selftest"]."""
    text = manifest["network"]["text"]
    if case != SYNTHETIC:
        shutil.copyfile(case[0], os.path.join(folder, IMAGE))
        prompt = case[1]
    else:
        hu, affine, facts = patient()
        nibabel.save(nibabel.Nifti1Image(hu, affine), os.path.join(folder, IMAGE))
        prompt = prompt_of(facts, list(cached)) if text else None
    if text and prompt not in cached:
        raise Refused(f"self-test: its prompt {prompt!r} is not in the bundle's cache")
    label, logits, _ = segment.segment(folder, os.path.join(folder, IMAGE), prompt)
    if not numpy.isfinite(logits).all():
        raise Refused("self-test: the network gives no finite logits")
    half = STRIDE // 2
    sample = numpy.ascontiguousarray(logits[:, half::STRIDE, half::STRIDE, half::STRIDE], numpy.float32)
    safetensors_io.save(os.path.join(folder, EXPECTED), {"logits": sample})
    voxels = [int(n) for n in numpy.bincount(label.ravel(), minlength=manifest["network"]["out_channels"])]
    return {"image": IMAGE, **({"prompt": prompt} if text else {}), "expected": EXPECTED, "stride": STRIDE, "tolerance": TOLERANCE, "voxels": voxels}
