"""Geometry of other libraries' images."""
from typing import Any, Sequence, Tuple

import numpy


def itk_affine(spacing: Sequence[float], origin: Sequence[float], direction: Sequence[float]) -> numpy.ndarray:
    """The 4 x 4 affine, in LPS, of an ITK image's spacing (mm), origin (mm) and direction (9 numbers, row by row).

    >>> itk_affine((1, 2, 3), (10, 20, 30), (1, 0, 0, 0, 1, 0, 0, 0, 1))[:3, 3].tolist()
    [10.0, 20.0, 30.0]
    """
    affine = numpy.eye(4)
    affine[:3, :3] = numpy.asarray(direction, dtype=numpy.float64).reshape(3, 3) * numpy.asarray(spacing, dtype=numpy.float64)
    affine[:3, 3] = origin
    return affine


def from_sitk(image: Any, view: Any) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Array [i, j, k] and LPS affine of a SimpleITK image. view: its z-y-x array (SimpleITK.GetArrayViewFromImage(image)); nothing is copied.

    Use as model.segment(*ctvk.from_sitk(image, view), convention="LPS", prompt=...); labels.transpose(2, 1, 0) is z-y-x again.
    """
    return numpy.asarray(view).transpose(2, 1, 0), itk_affine(image.GetSpacing(), image.GetOrigin(), image.GetDirection())
