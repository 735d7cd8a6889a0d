"""A site's own folder for finetune.py: read and checked as a whole before anything is learned; every fault names its case.

    FOLDER/images/NAME.nii.gz   CT in Hounsfield units
    FOLDER/labels/NAME.nii.gz   target on the same grid, 0 and 1
    FOLDER/prompts.csv          columns case, prompt and, where a patient has several CTs, patient;
                                or prompts.json: {"NAME": "prompt"} or {"NAME": {"prompt": …, "patient": …}}
"""
import csv
import json
import os

import nibabel
import numpy

import cohort
from recipe import grid, words
from recipe.config import Refused

ENDINGS = (".nii.gz", ".nii")
# Further than this (mm) and a label belongs to another image.
NEAR = 1e-2
# Air has -1000; a picture without anything below is none in Hounsfield units, or shows no air around a patient.
AIR = -500


def names_of(folder):
    """{case: path}"""
    if not os.path.isdir(folder):
        raise Refused(f"{folder}: no such folder (a site's folder holds images/, labels/ and prompts.csv or prompts.json)")
    found = {}
    for name in sorted(os.listdir(folder)):
        ending = next((e for e in ENDINGS if name.endswith(e)), None)
        if ending:
            case = name[:-len(ending)]
            if case in found:
                raise Refused(f"{folder}: {case} is there as .nii and as .nii.gz (remove one)")
            found[case] = os.path.join(folder, name)
    return found


def prompts_of(folder):
    """{case: (prompt, patient)}"""
    table, text = os.path.join(folder, "prompts.csv"), os.path.join(folder, "prompts.json")
    if os.path.exists(table) == os.path.exists(text):
        raise Refused(f"{folder}: " + ("prompts.csv and prompts.json are both there (remove one)" if os.path.exists(text) else
                                       "prompts.csv or prompts.json is missing"))
    path = table if os.path.exists(table) else text
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            entries = read_table(path, file) if path == table else read_object(path, file)
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as problem:
        raise Refused(f"{path}: {problem} (UTF-8 is expected)") from None
    found = {}
    for case, prompt, patient in entries:
        if case in found:
            raise Refused(f"{path}: case {case} is there twice")
        found[case] = (prompt, patient or case)
    return found


def read_table(path, file):
    reader = csv.DictReader(file)
    if not {"case", "prompt"} <= set(reader.fieldnames or ()):
        raise Refused(f"{path}: columns {', '.join(reader.fieldnames or ['none'])}; case and prompt are expected")
    return [(row["case"] or "", row["prompt"] or "", row.get("patient")) for row in reader]


def read_object(path, file):
    content, entries = json.load(file), []
    if not isinstance(content, dict):
        raise Refused(f"{path}: an object of cases is expected")
    for case, value in content.items():
        value = {"prompt": value} if isinstance(value, str) else value
        if not isinstance(value, dict) or not isinstance(value.get("prompt"), str) or not isinstance(value.get("patient", ""), str):
            raise Refused(f"{path}: case {case}: a prompt, or an object with prompt and patient, is expected")
        entries.append((case, value["prompt"], value.get("patient")))
    return entries


def open_volume(path, what):
    try:
        image = nibabel.load(path)
        data = numpy.asarray(image.dataobj)
    except Exception as problem:  # nibabel and zlib raise many kinds for a damaged file
        return None, None, f"{what} {path}: cannot be read ({problem})"
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3 or min(data.shape) < 2:
        return None, None, f"{what}: shape {data.shape}, three axes are expected"
    if not numpy.isfinite(image.affine).all() or abs(numpy.linalg.det(image.affine[:3, :3])) < 1e-9:
        return None, None, f"{what}: its affine is no grid"
    return data, image.affine, None


def check_label(label, affine, image, image_affine):
    """What is wrong with a label on its image; None: nothing."""
    if label.shape != image.shape:
        return f"label of shape {label.shape} on an image of shape {image.shape}"
    corners = numpy.array([[x, y, z, 1.0] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * [*(n - 1 for n in image.shape), 1]
    apart = float(numpy.linalg.norm((corners @ (affine - image_affine).T)[:, :3], axis=1).max())
    if apart > NEAR:
        return f"label lies on another grid than its image ({apart:.3g} mm apart)"
    values = numpy.unique(label)
    if not numpy.isin(values, (0, 1)).all():
        return f"label holds the values {', '.join(f'{v:g}' for v in values[:6])}; 0 and 1 are expected"
    return None if (values == 1).any() else "label is empty"


def read_case(name, paths, layout):
    """(cohort.Case without facts, None), or (None, what is wrong)"""
    image, image_affine, wrong = open_volume(paths[0], "image")
    if wrong is None:
        label, affine, wrong = open_volume(paths[1], "label")
    if wrong is None:
        wrong = check_label(label, affine, image, image_affine)
    if wrong is None and not numpy.isfinite(image).all():
        wrong = "image holds NaN or infinite values"
    if wrong is None and image.min() > AIR:
        wrong = f"image has no value below {image.min():g}; Hounsfield units are expected, with air around the patient"
    if wrong:
        return None, wrong
    volume, target, geometry = grid.prepare(image, image_affine, label, layout)
    if not target.any():
        return None, "label vanishes on the network's grid, or lies outside the body"
    return cohort.Case(name, "site", None, volume, target, geometry, paths[1], None), None


def read(folder, layout):
    """([Case], [Text], [patient of each]) or Refused with every fault of every case."""
    images, labels, prompts = names_of(os.path.join(folder, "images")), names_of(os.path.join(folder, "labels")), prompts_of(folder)
    faults, cases, texts, patients = [], [], [], []
    for name in sorted(set(images) | set(labels) | set(prompts)):
        missing = [what for what, there in (("image", images), ("label", labels), ("prompt", prompts)) if name not in there]
        if not missing and not prompts[name][0].strip():
            missing = ["prompt"]
        if missing:
            faults.append(f"{name or 'a case without a name'}: no {', no '.join(missing)}")
            continue
        case, wrong = read_case(name, (images[name], labels[name]), layout)
        if wrong:
            faults.append(f"{name}: {wrong}")
            continue
        cases.append(case)
        texts.append(words.Text(prompts[name][0]))
        patients.append(prompts[name][1])
    if faults:
        raise Refused(f"{folder}: nothing was trained, {len(faults)} cases are wrong\n  " + "\n  ".join(faults))
    if len(set(patients)) < 3:
        raise Refused(f"{folder}: {len(set(patients))} patients; 3 or more are needed (to learn from, to stop by, to test)")
    return cases, texts, patients


def split(patients, held, test, seed):
    """Places of the cases to learn from, to stop by and to test: by patient, at least one patient each."""
    names = sorted(set(patients))
    order = [names[i] for i in numpy.random.default_rng([seed, 41]).permutation(len(names))]
    test = min(max(1, round(test * len(names))), len(names) - 2)
    held = min(max(1, round(held * len(names))), len(names) - test - 1)
    parts = order[test + held:], order[test:test + held], order[:test]
    return [[i for i, patient in enumerate(patients) if patient in part] for part in parts]
