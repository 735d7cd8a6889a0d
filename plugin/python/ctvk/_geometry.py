"""Arrays and their place in the patient, as this library and others describe them."""
from typing import Any, Optional, Sequence, Tuple

import numpy

from . import _abi

_SCALARS = {"uint8": 1, "int16": 2, "uint16": 3, "float32": 4, "int8": 5, "int32": 6, "uint32": 7, "float64": 8, "int64": 9, "uint64": 10}
_EXACT = {"bool": "uint8", "float16": "float32"}  # what the library does not know, as something that holds the same numbers
_CONVENTIONS = {"RAS": 1, "LPS": 2}


def itk_affine(spacing: Sequence[float], origin: Sequence[float], direction: Sequence[float]) -> numpy.ndarray:
    """The 4 x 4 affine, in LPS, of an ITK image's spacing (mm), origin (mm) and direction (9 numbers, row by row).

    >>> itk_affine((1, 2, 3), (10, 20, 30), (1, 0, 0, 0, 1, 0, 0, 0, 1))[:3, 3].tolist()
    [10.0, 20.0, 30.0]
    """
    affine = numpy.eye(4)
    affine[:3, :3] = numpy.asarray(direction, dtype=numpy.float64).reshape(3, 3) * numpy.asarray(spacing, dtype=numpy.float64)
    affine[:3, 3] = origin
    return affine


def from_sitk(image: Any, view: Optional[Any] = None) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Array [i, j, k] and LPS affine of a SimpleITK image. view: its z-y-x array (SimpleITK.GetArrayViewFromImage), of which
    nothing is copied, and which the caller keeps no longer than the image; none: the voxels are copied, and stand alone.

    Use as model.segment(*ctvk.from_sitk(image), convention="LPS", prompt=...). labels.transpose(2, 1, 0) is z-y-x again, so that
    SimpleITK.GetImageFromArray takes it; CopyInformation(image) then puts it where the image lies.
    """
    if view is None:
        import SimpleITK

        view = SimpleITK.GetArrayFromImage(image)
    return numpy.asarray(view).transpose(2, 1, 0), itk_affine(image.GetSpacing(), image.GetOrigin(), image.GetDirection())


def as_volume(array: Any, affine: Any, convention: str, slope: float, intercept: float) -> Tuple[numpy.ndarray, _abi.Volume]:
    """The array as the library can read it (the caller keeps it while it is read), and its description."""
    voxels = numpy.asarray(array)
    if voxels.ndim != 3:
        raise ValueError(f"the image has {voxels.ndim} dimensions, not 3")
    if convention not in _CONVENTIONS:
        raise ValueError(f"convention {convention!r} is neither 'RAS' nor 'LPS'")
    if not voxels.dtype.isnative:
        voxels = voxels.astype(voxels.dtype.newbyteorder("="))
    if voxels.dtype.name in _EXACT:
        voxels = voxels.astype(_EXACT[voxels.dtype.name])
    if voxels.dtype.name not in _SCALARS:
        raise ValueError(f"voxels of type {voxels.dtype.name} are not whole or floating numbers of at most 64 bits")
    matrix = numpy.asarray(affine, dtype=numpy.float64)
    if matrix.shape not in ((4, 4), (3, 4)) or (matrix.shape == (4, 4) and not numpy.array_equal(matrix[3], (0, 0, 0, 1))):
        raise ValueError("the affine is not 3 x 4, or 4 x 4 with a last row of 0 0 0 1")
    volume = _abi.Volume(type=_SCALARS[voxels.dtype.name], data=voxels.ctypes.data, convention=_CONVENTIONS[convention], slope=float(slope),
                         intercept=float(intercept))
    volume.dim[:], volume.stride[:], volume.affine[:] = voxels.shape, voxels.strides, matrix[:3].ravel()
    return voxels, volume
