"""The reduced CT of tests/data/ct: reduce_ct.py SOURCE.nii.gz OUTPUT.nii.gz

2 x 2 pixels of each slice become one, their mean; the slices stay. Orientation and patient coordinates are kept: the new pixel's
centre is the centre of its four. Values are int16 HU, rounded; air below -1000 is set to -1000.
"""
import sys

import nibabel
import numpy


def main():
    source = nibabel.load(sys.argv[1])
    data = numpy.asarray(source.dataobj).astype(numpy.float64)
    x, y, z = data.shape[0] // 2, data.shape[1] // 2, data.shape[2]
    data = data[: 2 * x, : 2 * y].reshape(x, 2, y, 2, z).mean(axis=(1, 3))
    data = numpy.maximum(numpy.rint(data), -1000).astype(numpy.int16)
    affine = source.affine @ numpy.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    image = nibabel.Nifti1Image(data, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(1, 0)
    nibabel.save(image, sys.argv[2])


if __name__ == "__main__":
    main()
