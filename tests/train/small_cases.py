"""Patients of a few voxels for the tests of the recipe: no generator, no tokenizer, a language model of two layers."""
import numpy

from support import TinyLlama

import cohort
from patients import Facts
from recipe import data
from recipe.config import Config, Grid

GRID = Grid(spacing_mm=[4.0, 4.0, 4.0], window=[64, 32, 32])


def facts(side="left"):
    return Facts(side, "breast conserving surgery", "cT2", "N1")


def write_prompt(facts, hospital, random, drop=()):
    return ", ".join("unknown" if name in drop else getattr(facts, name) for name in ("nodes", "stage", "surgery", "side"))


def tokens(text):
    """A letter or a mark is a token."""
    return [ord(letter) % 40 for letter in text if not letter.isspace()]


def config(**more):
    settings = {"patients": 3, "steps": 6, "batch": 2, "texts": 3, "drop": 0.3, "mirror": 0.5, "length": 3, "tune_from": 0.5, "grid": GRID, **more}
    return Config(**settings)


def case(seed, shape=(72, 36, 32)):
    """A bright block in noise, on the side that the facts say: the left is where x is small."""
    random = numpy.random.default_rng(seed)
    side = ("left", "right")[seed % 2]
    image, label = random.uniform(0.1, 0.3, shape), numpy.zeros(shape, bool)
    x = 9 if side == "left" else shape[0] - 17
    label[x:x + 8, 12:20, 10:22] = True
    label[x + 2, 12, 10] = False
    return cohort.Case(seed, "internal", facts(side), (image + 0.4 * label).astype(numpy.float16), label, {}, "", None)


def cases(settings):
    return data.Cases.of_cohort([case(seed) for seed in range(settings.patients)], settings, write_prompt)


def llm(path):
    return TinyLlama().write(path)
