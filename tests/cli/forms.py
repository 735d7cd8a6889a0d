"""Where the patient lies by an image's header: sform before qform before spacing alone. Each way to say one affine gives the label map that
the plain sform gives; a wrong choice would mirror the patient, and the label map with it."""
import os
import struct
import sys
import tempfile

from files import header, make_bundle, read_nifti, voxels, write
from runs import check, finish, segment

SPACING, ORIGIN = (1.0, 1.0, 2.0), (20.0, 18.0, -7.0)
HALF = 0.5 ** 0.5
# Rotations by their quaternion's (b, c, d), and what they are: columns of the three axes.
TURNS = {
    "none": ((0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    "half about x": ((1, 0, 0), ((1, 0, 0), (0, -1, 0), (0, 0, -1))),
    "half about z": ((0, 0, 1), ((-1, 0, 0), (0, -1, 0), (0, 0, 1))),
    "quarter about z": ((0, 0, HALF), ((0, 1, 0), (-1, 0, 0), (0, 0, 1))),
    "quarter about x": ((HALF, 0, 0), ((1, 0, 0), (0, 0, 1), (0, -1, 0))),
}
CASES = (("none", 1), ("none", -1), ("half about x", 1), ("half about z", 1), ("quarter about z", -1), ("quarter about x", 1))


def rows(columns, qfac=1):
    """The affine's three rows: axes times spacing, the third one turned by qfac, and the origin."""
    factor = (SPACING[0], SPACING[1], SPACING[2] * qfac)
    return tuple(tuple(columns[k][i] * factor[k] for k in range(3)) + (ORIGIN[i],) for i in range(3))


def image(sform=None, quaternion=None, qfac=1.0):
    h = bytearray(header(spacing=SPACING, sform=sform is not None, matrix=sform))
    struct.pack_into("<f", h, 76, qfac)
    if quaternion:
        struct.pack_into("<h", h, 252, 1)
        struct.pack_into("<6f", h, 256, *quaternion, *ORIGIN)
    return bytes(h) + voxels()


def label(base, data):
    write(f"{base}/ct.nii", data)
    segment(base, "--prompt", "N0, left side", "--quiet", image="ct.nii", output="label.nii")
    return read_nifti(f"{base}/label.nii")[4]


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/text", True)
        wanted = {}
        for name, qfac in CASES:
            quaternion, columns = TURNS[name]
            wanted[name, qfac] = label(base, image(sform=rows(columns, qfac)))
            found = label(base, image(quaternion=quaternion, qfac=float(qfac)))
            check(found == wanted[name, qfac], f"{name}, qfac {qfac}: qform alone")
        check(len(set(wanted.values())) == len(wanted), "every orientation has a label map of its own, or nothing was tested")
        both = label(base, image(sform=rows(TURNS["half about z"][1]), quaternion=TURNS["none"][0], qfac=-1.0))
        check(both == wanted["half about z", 1], "sform before qform")
        check(label(base, image(quaternion=TURNS["none"][0], qfac=0.0)) == wanted["none", 1], "qfac 0 is 1, as the standard has it")
        check(label(base, image()) == wanted["none", 1], "neither: spacing alone, axes as they are") # the origin moves no label
    return finish("forms")


if __name__ == "__main__":
    sys.exit(main())
