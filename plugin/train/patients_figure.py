"""Draws docs/patients.png: ten synthetic patients beside ten slices of the real CT, at the same levels. About two minutes on one core.

patients_figure.py OUTPUT.png [--ct tests/data/ct/lidc-idri-0314_small.nii.gz]

First and third column: synthetic, the target in red, with facts. Second and fourth: the real CT (LIDC-IDRI-0314, CC BY 3.0, see
tests/data/ct/README.md). Patient's right at the picture's left; soft tissue window, -160 to 240 HU.
"""
import argparse
import os
import struct
import zlib

import nibabel
import numpy
from scipy import ndimage

from patients import Facts, Structure, make_patient

CT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data", "ct", "lidc-idri-0314_small.nii.gz")
SPACING, TILE, ZOOM = (1.5625, 1.5625, 3.0), (272, 208), 1.5
WINDOW, GREYS = (-160, 240), 64
RED, WHITE, CAPTION = 64, 65, 18
BCS, MASTECTOMY = "breast conserving surgery", "total mastectomy"
# Seed, hospital, facts, slice of the real CT at about the same level.
ROWS = (
    (1, "internal", Facts("left", BCS, "cT1", "N0"), 27), (2, "external", Facts("right", BCS, "cT2", "N0"), 33),
    (3, "internal", Facts("left", MASTECTOMY, "cT3", "N0"), 38), (4, "external", Facts("bilateral", BCS, "cT2", "N1"), 43),
    (5, "internal", Facts("right", MASTECTOMY, "cT4", "N1"), 48), (6, "external", Facts("left", BCS, "cT4", "N2"), 54),
    (7, "internal", Facts("right", BCS, "cT2", "N3"), 59), (8, "external", Facts("left", MASTECTOMY, "cT2", "N3"), 65),
    (9, "internal", Facts("left", BCS, "cT1", "N2"), 71), (10, "external", Facts("right", MASTECTOMY, "cT3", "N3"), 76),
)
# The slice of the real CT that cuts the upper end of the breastbone.
STERNUM_TOP = 74
# Letters of 3 x 5 points, a row a digit.
FONT = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,-", (
    "25755 65656 34443 65556 74647 74644 34553 55755 72227 11153 55655 44447 57755 57775 75557 75744 25563 65655 34216 72222 55557 55552 55775 "
    "55255 55222 71247 75557 26227 71747 71717 55711 74717 74757 71111 75757 75717 00000 00024 00700").split()))


def write_text(picture, x, y, text, scale=2):
    for letter in text:
        for row, bits in enumerate(FONT[letter]):
            for column in range(3):
                if int(bits) >> (2 - column) & 1:
                    picture[y + row * scale:y + (row + 1) * scale, x + column * scale:x + (column + 1) * scale] = WHITE
        x += 4 * scale


def about_body(slice_):
    """The part of TILE voxels about the body's middle; it may reach beyond the slice."""
    body = numpy.argwhere(ndimage.binary_opening(slice_ > -400, iterations=2))
    middle = (body.min(axis=0) + body.max(axis=0)) // 2 if len(body) else numpy.array(slice_.shape) // 2
    return [numpy.s_[int(m) - n // 2:int(m) - n // 2 + n] for m, n in zip(middle, TILE)]


def window_of(array, parts, fill):
    """array[parts], filled beyond its edges."""
    room = max(TILE)
    padded = numpy.pad(array, room, constant_values=fill)
    return padded[tuple(slice(p.start + room, p.stop + room) for p in parts)]


def tile(slice_, label, caption):
    """One picture: palette indices [rows, columns]. slice_, label: [x, y], x to the patient's right, y to the front."""
    parts = about_body(slice_)
    hu = ndimage.zoom(window_of(slice_, parts, -1000).astype(numpy.float32), ZOOM, order=1)
    grey = numpy.clip((hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]) * GREYS, 0, GREYS - 1).astype(numpy.uint8)
    if label is not None:
        inside = ndimage.zoom(window_of(label, parts, 0).astype(numpy.float32), ZOOM, order=1) > 0.5
        grey[inside & ~ndimage.binary_erosion(inside)] = RED
    picture = numpy.zeros((grey.shape[1] + CAPTION, grey.shape[0]), numpy.uint8)
    picture[CAPTION:] = grey.T[::-1, ::-1]
    write_text(picture, 4, 4, caption)
    return picture


def sternum_top(patient):
    return int(numpy.flatnonzero((patient.structures == Structure.STERNUM).any(axis=(0, 1)))[-1])


def synthetic(number, seed, hospital, facts, real_slice):
    patient = make_patient(seed, hospital, facts, SPACING)
    k = sternum_top(patient) + real_slice - STERNUM_TOP
    surgery = "BCS" if facts.surgery == BCS else "MASTECTOMY"
    caption = f"{number} {hospital} {facts.side} {surgery} {facts.stage} {facts.nodes}".upper()
    return tile(patient.image[:, :, k], patient.label[:, :, k], caption)


def write_png(path, picture):
    """An 8-bit palette PNG: greys, red, white."""
    palette = bytes(v for g in range(GREYS) for v in [g * 255 // (GREYS - 1)] * 3) + bytes((255, 64, 64, 255, 255, 255))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = numpy.pad(picture, ((0, 0), (1, 0))).tobytes()
    head = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], 8, 3, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", palette))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def draw(ct_path):
    image = nibabel.as_closest_canonical(nibabel.load(ct_path))
    ct = numpy.asarray(image.dataobj)
    tiles = []
    for number, row in enumerate(ROWS, 1):
        tiles += [synthetic(number, *row), tile(ct[:, :, row[-1]], None, f"REAL CT, SLICE {row[-1]}")]
    return numpy.concatenate([numpy.concatenate(tiles[i:i + 4], axis=1) for i in range(0, len(tiles), 4)], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--ct", default=CT)
    arguments = parser.parse_args()
    write_png(arguments.output, draw(arguments.ct))


if __name__ == "__main__":
    main()
