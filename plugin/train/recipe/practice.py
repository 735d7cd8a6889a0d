"""The experiment's hospitals: whose women, scanners and words they have (patients/hospitals.py), and what their physicians draw.

Internal and external physicians draw the same target for the same facts (patients/rules.py). The planning hospital is the external one in
everything that a picture or a text tells, the same women in the same words; but what it keeps is the planning target volume, the target with a
margin for set-up and breathing on all sides (ICRU Report 62). A hospital that differs in what it draws is the usual reason to adapt a model.
"""
import numpy
from scipy import ndimage

# Name: the hospital whose women, scanners and words it has, and the margin in mm around the target of the rules.
HOSPITALS = {"internal": ("internal", 0.0), "external": ("external", 0.0), "planning": ("external", 10.0)}


def writes(hospital):
    """The hospital of patients/ whose patients and words `hospital` has."""
    return HOSPITALS[hospital][0]


def drawn(hospital, label, spacing):
    """What `hospital` draws for the target `label` [x, y, z], spacing in mm: uint8. Voxel centres up to the margin from one inside."""
    margin = HOSPITALS[hospital][1]
    if not margin or not label.any():
        return label
    return (ndimage.distance_transform_edt(label == 0, sampling=spacing) <= margin).astype(numpy.uint8)
