"""A whole synthetic patient: from a seed, a hospital and facts to a CT, its target and its anatomy."""
from dataclasses import dataclass

import numpy

from . import breast, lungs, organs, rules, sampling, scanner, skeleton, soft_tissue
from .body import Body
from .canvas import Canvas
from .facts import Facts, draw_facts
from .hospitals import HOSPITALS
from .outline import Outline
from .tissue import Palette, Structure


@dataclass(frozen=True)
class Patient:
    """image: int16 HU [x, y, z]; label: uint8, 1 in the target; structures: uint8 (tissue.Structure); affine: voxel index to RAS mm. Index x
    grows to the patient's right (the first axis of RAS), y to the front, z to the head, so the LEFT breast has the smaller x indices."""

    image: numpy.ndarray
    affine: numpy.ndarray
    label: numpy.ndarray
    facts: Facts
    structures: numpy.ndarray
    spacing: tuple


def working_spacing(spacing):
    """mm of the grid that shapes are drawn on: finer than a coarse CT, never finer than the smallest detail is worth."""
    across = float(numpy.clip(0.66 * min(spacing[:2]), 1.5, 2.7))
    return across, across, float(numpy.clip(spacing[2], 2.0, 4.0))


def paint(canvas, body):
    """Draws the anatomy from the outside in. -> Outline"""
    palette = Palette(body.random(10), body.contrast)
    outline = Outline(canvas, body)
    soft_tissue.fat_and_skin(canvas, body, outline, palette)
    breast.paint(canvas, body, outline, palette)
    soft_tissue.muscles(canvas, body, outline, palette)
    soft_tissue.nodes(canvas, body, palette)
    lung = organs.thorax(canvas, body, outline, palette)
    organs.heart(canvas, body, outline, palette)
    organs.vessels(canvas, body, palette)
    lungs.paint(canvas, body, palette, lung)
    organs.tubes_of_air(canvas, body, palette)
    skeleton.paint(canvas, body, outline, palette)
    return outline


def make_patient(seed, hospital, facts=None, spacing=None, asked=None):
    """seed: whole number, at least 0; hospital: "internal" or "external"; facts: drawn by the seed where None; spacing: mm (x, y, z), the
    hospital's own where None. The same arguments give the same arrays; another spacing shows the same anatomy. asked: Facts that the target is
    drawn for on the body that `facts` shaped, as a wrong prompt would ask; `facts` themselves where None."""
    if hospital not in HOSPITALS:
        raise ValueError(f"hospital {hospital!r}: unknown (known: {', '.join(HOSPITALS)})")
    seed, place = int(seed), HOSPITALS[hospital]
    root = [seed, list(HOSPITALS).index(hospital)]
    facts = facts or draw_facts(numpy.random.default_rng(root + [0]), hospital)
    random = numpy.random.default_rng(root + [1])
    own = place.spacings[random.integers(len(place.spacings))]
    spacing = tuple(float(s) for s in (own if spacing is None else spacing))
    grid, position = sampling.Grid(random, place, spacing), sampling.Position(random, place)
    body = Body(root, place, facts)
    canvas = Canvas(working_spacing(spacing))
    outline = paint(canvas, body)
    target = rules.target(canvas, body, outline, asked or facts)
    image, distance, structures = sampling.sample(canvas, grid, position, [(canvas.hu, 1, True), (target, 1, False), (canvas.code, 0, False)])
    couch = scanner.add_couch(image, grid, place.couch, random, position.tilt)
    structures[couch & (structures == Structure.AIR)] = Structure.COUCH
    label = (distance > 0).astype(numpy.uint8)
    image = scanner.expose(image, grid, place, numpy.random.default_rng(root + [2]))
    scanner.outside_view(grid, label, structures)
    return Patient(image, grid.affine, label, facts, structures, spacing)
