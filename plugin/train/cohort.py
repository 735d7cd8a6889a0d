"""Cohorts of synthetic patients: made by seed, kept on the network's grid, taken up where a stop left them.

cohort.py make FOLDER --hospital internal --first 0 --count 400 [--workers 2]   what training and tests read
cohort.py export FOLDER --hospital external --first 500000 --count 20           a site's folder: NIfTI images, labels, prompts.csv (finetune.py)

A cohort's folder holds cohort.json (grid, and the hash of the generator's code: another one is refused, a number must not depend on which
of two generators made the first half) and, by patient, image and target on the network's grid, the target on the CT's own grid, facts.
"""
import argparse
import csv
import dataclasses
import hashlib
import importlib.util
import multiprocessing
import os
import sys
import time

import nibabel
import numpy

from recipe import grid, practice
from recipe.config import Grid, Refused, read_json, write_json

# What every training is tested at; practice.HOSPITALS has one more, for fine-tuning.
HOSPITALS = ("internal", "external")
# First seeds of the cohorts; far apart, so that no patient is in two of them.
TRAIN, VALIDATION, TEST, ADAPT = 0, 100_000, 200_000, 500_000


def generator_hash():
    """SHA-256 over the code that makes patients."""
    folder = importlib.util.find_spec("patients").submodule_search_locations[0]
    digest = hashlib.sha256()
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".py")):
        with open(os.path.join(folder, name), "rb") as file:
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


@dataclasses.dataclass
class Case:
    """One patient of a cohort. image float16 and label bool [x, y, z] on the network's grid; geometry leads back to the CT's."""
    seed: int
    hospital: str
    facts: object
    image: object
    label: object
    geometry: dict
    native: str  # NIfTI file of the target on the CT's grid
    swapped: str  # the same of the other side's target, or None

    @property
    def name(self):
        return f"{self.hospital}-{self.seed:06d}"

    @property
    def writes(self):
        """The hospital in whose words its physicians write."""
        return practice.writes(self.hospital)


def stem(folder, hospital, seed):
    return os.path.join(folder, f"{hospital}-{seed:06d}")


def save_label(path, patient):
    part = path.replace(".nii.gz", ".part.nii.gz")
    nibabel.save(nibabel.Nifti1Image(numpy.ascontiguousarray(patient.label, numpy.uint8), patient.affine), part)
    os.replace(part, path)


def patient_of(seed, hospital, spacing, **more):
    """A patient as the hospital has her, with the target that its physicians draw. more: as make_patient's."""
    from patients import make_patient
    patient = make_patient(seed, practice.writes(hospital), spacing=spacing, **more)
    return dataclasses.replace(patient, label=practice.drawn(hospital, patient.label, patient.spacing))


def make_one(job):
    """Makes one patient's files; the .npz comes last, what has one is whole."""
    folder, hospital, seed, spacing, layout, swapped = job
    patient = patient_of(seed, hospital, spacing)
    image, label, geometry = grid.prepare(patient.image, patient.affine, patient.label, layout)
    base = stem(folder, hospital, seed)
    save_label(base + ".nii.gz", patient)
    if swapped and patient.facts.side != "bilateral":
        other = {"left": "right", "right": "left"}[patient.facts.side]
        asked = dataclasses.replace(patient.facts, side=other)
        save_label(base + "-swapped.nii.gz", patient_of(seed, hospital, spacing, facts=patient.facts, asked=asked))
    write_json(base + ".json", {"seed": seed, "hospital": hospital, "facts": dataclasses.asdict(patient.facts), "geometry": geometry})
    with open(base + ".part", "wb") as file:
        numpy.savez_compressed(file, image=image, label=numpy.packbits(label), shape=numpy.array(label.shape))
    os.replace(base + ".part", base + ".npz")
    return seed


def settle(folder, layout, spacing):
    """cohort.json: made, or there and the same."""
    os.makedirs(folder, exist_ok=True)
    path, want = os.path.join(folder, "cohort.json"), {"grid": layout, "rendered_mm": spacing and list(spacing), "generator_sha256": generator_hash()}
    if not os.path.exists(path):
        write_json(path, want)
    have = read_json(path)
    other = [name for name in want if have.get(name) != want[name]]
    if other:
        raise Refused(f"{folder}: its patients were made otherwise ({', '.join(other)}); name a new folder")


def make(folder, hospital, first, count, layout=None, spacing=None, swapped=False, workers=2, say=print):
    """Makes what is missing of patients first .. first + count - 1. swapped: also the target that the wrong side's words ask for on
    the same body."""
    layout = layout or Grid().manifest()
    settle(folder, layout, spacing)
    missing = [seed for seed in range(first, first + count) if not os.path.exists(stem(folder, hospital, seed) + ".npz")]
    jobs = [(folder, hospital, seed, spacing, layout, swapped) for seed in missing]
    if not jobs:
        return
    say(f"{hospital}: {len(jobs)} patients to make, {count - len(jobs)} are there")
    began = time.monotonic()
    # Fresh processes: a fork would inherit the threads of PyTorch's pools as locks that nobody opens.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs))) as pool:
        for done, _ in enumerate(pool.imap_unordered(make_one, jobs), 1):
            if done % 20 == 0 or done == len(jobs):
                each = (time.monotonic() - began) / done
                say(f"{hospital}: {done} of {len(jobs)}, {each:.1f} s each, {each * (len(jobs) - done) / 60:.0f} min left")


def load(folder, hospital, first, count):
    """[Case] in the order of the seeds."""
    from patients import Facts
    cases = []
    for seed in range(first, first + count):
        base = stem(folder, hospital, seed)
        if not os.path.exists(base + ".npz"):
            raise Refused(f"{base}.npz: not there (cohort.py make {folder} --hospital {hospital} --first {first} --count {count})")
        record, data = read_json(base + ".json"), numpy.load(base + ".npz")
        shape = tuple(int(n) for n in data["shape"])
        label = numpy.unpackbits(data["label"], count=int(numpy.prod(shape))).reshape(shape).astype(bool)
        swapped = base + "-swapped.nii.gz"
        cases.append(Case(seed, hospital, Facts(**record["facts"]), data["image"], label, record["geometry"], base + ".nii.gz",
                          swapped if os.path.exists(swapped) else None))
    return cases


def export(folder, hospital, first, count, spacing=None):
    """A folder as a site would bring it: images/NAME.nii.gz, labels/NAME.nii.gz, prompts.csv."""
    from patients import write_prompt
    for part in ("images", "labels"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)
    with open(os.path.join(folder, "prompts.csv"), "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["case", "prompt"])
        for seed in range(first, first + count):
            patient = patient_of(seed, hospital, spacing)
            name = f"{hospital}-{seed:06d}"
            for part, data in (("images", numpy.asarray(patient.image, numpy.int16)), ("labels", numpy.asarray(patient.label, numpy.uint8))):
                nibabel.save(nibabel.Nifti1Image(numpy.ascontiguousarray(data), patient.affine), os.path.join(folder, part, name + ".nii.gz"))
            table.writerow([name, write_prompt(patient.facts, practice.writes(hospital), numpy.random.default_rng([seed, 21]))])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "export"))
    parser.add_argument("folder")
    parser.add_argument("--hospital", choices=tuple(practice.HOSPITALS), default="internal")
    parser.add_argument("--first", type=int, default=TRAIN)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--spacing", type=float, nargs=3, help="render the CT at this spacing (mm) in place of the hospital's own")
    parser.add_argument("--grid", type=float, nargs=3, default=Grid().spacing_mm, help="spacing of the network's grid (mm)")
    parser.add_argument("--window", type=int, nargs=3, default=Grid().window, help="voxels of the network's window")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args(words)
    spacing = arguments.spacing and tuple(arguments.spacing)
    try:
        if arguments.what == "make":
            layout = Grid(arguments.grid, arguments.window).manifest()
            make(arguments.folder, arguments.hospital, arguments.first, arguments.count, layout, spacing, workers=arguments.workers)
        else:
            export(arguments.folder, arguments.hospital, arguments.first, arguments.count, spacing)
    except (Refused, OSError) as problem:
        sys.exit(f"cohort: {problem}")


if __name__ == "__main__":
    main()
