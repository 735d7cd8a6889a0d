"""ctvk-draw: the picture's pixels, read back. Each contour is where its label map says, left is left, with --compare each in a column of its own; bad
input is refused. Standard library only."""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from files import gz, nifti, read, write
from runs import check, environment, finish

DRAW = os.environ["CTVK_DRAW"]
# One voxel is 5 mm; x grows to the patient's right (files.py's own header runs the other way).
DIM, MM = (40, 36, 20), 5.0
GRID = {"dim": (3, *DIM, 1, 1, 1, 1), "matrix": ((MM, 0, 0, -100), (0, MM, 0, -90), (0, 0, MM, -50))}
RED, BLUE = (255, 64, 84), (74, 150, 255)


def label(x, z):
    """NIfTI bytes of a box: x and z ranges of voxels."""
    voxels = bytes(i in x and 20 <= j < 30 and k in z for k in range(DIM[2]) for j in range(DIM[1]) for i in range(DIM[0]))
    return gz(nifti(data=voxels, datatype=2, bits=8, **GRID))


def draw(*arguments, code=0):
    done = subprocess.run([DRAW, *arguments], capture_output=True, text=True, env=environment(), timeout=60)
    check(done.returncode == code, f"{arguments[-4:]}: exit {done.returncode}, not {code}: {done.stderr}")
    return done.stderr


def pixels(path):
    """(width, height, rows of bytes) of an 8-bit RGB PNG."""
    data, at, packed = read(path), 8, b""
    check(data[:8] == b"\x89PNG\r\n\x1a\n", "a PNG")
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        check(struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body), f"checksum of {kind}")
        if kind == b"IHDR":
            width, height = struct.unpack_from(">2I", body)
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    raw, rows, above = zlib.decompress(packed), [], bytes(3 * width)
    for y in range(height):
        method, row = raw[y * (3 * width + 1)], bytearray(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(3 * width if method else 0):
            before = (row[i - 3] if i >= 3 else 0) if method == 1 else above[i]
            row[i] = (row[i] + before) & 255
        rows.append(bytes(row))
        above = row
    return width, height, rows


def places(picture, ink, top):
    """Middles of the pixels of this colour below `top`, as (x, y)."""
    width, height, rows = picture
    return [(x, y) for y in range(top, height) for x in range(width) if tuple(rows[y][3 * x:3 * x + 3]) == ink]


def compared(base):
    """Two columns, three rows: from the front, the level that only the second reaches, the middle of both."""
    out = f"{base}/compare.png"
    draw("--image", f"{base}/ct.nii.gz", "--label", f"{base}/left.nii.gz", "left", "--label", f"{base}/high.nii.gz", "right", "--compare", "--scale", "1",
         "--output", out)
    picture = pixels(out)
    width, height, _ = picture
    # 12 pixels of margin around and between panels of 200 x 100 (from the front) and 200 x 180 (axial), four lines above them.
    check((width, height) == (2 * 200 + 3 * 12, 12 + 88 + 100 + 2 * (12 + 180) + 12 + 6), f"{width} x {height} pixels")
    red, blue = places(picture, RED, 12 + 88), places(picture, BLUE, 12 + 88)
    check(red and all(x < 212 for x, _ in red) and blue and all(x > 224 for x, _ in blue), "each contour in its own column")
    rows = {"front": (100, 200), "upper": (212, 392), "middle": (404, 584)}
    for ink, found, column in (("red", red, 12), ("blue", blue, 224)):
        for row, (first, last) in rows.items():
            inside = [(x - column, y - first) for x, y in found if first <= y < last]
            if (ink, row) == ("red", "upper"):
                check(not inside, "the first does not reach the upper level")
                continue
            # x from -102.5 mm (left, drawn at the right) to 97.5 mm: voxels 5 to 9 are -77.5 to -52.5 mm, 30 to 34 are 47.5 to 72.5 mm.
            low, high = (150, 175) if ink == "red" else (25, 50)
            check(inside and all(low - 2.5 <= x <= high + 2.5 for x, _ in inside), f"{ink}, {row}: left is left: {sorted({x for x, _ in inside})}")
            if row == "front":
                # Voxels 4 to 11 end at 7.5 mm, 4 to 17 at 37.5 mm; the view's top is 47.5 mm.
                top = min(y for _, y in inside)
                check(abs(top - (40 if ink == "red" else 10)) <= 2, f"{ink}: its top is at {top}")
            else:
                check(all(30 - 3 <= y <= 80 + 3 for _, y in inside), f"{ink}, {row}: front is up: {sorted({y for _, y in inside})}")


def together(base):
    """Without --compare both lie in one view; one level: no upper plane where contours end together."""
    out = f"{base}/together.png"
    both = ("--image", f"{base}/ct.nii.gz", "--label", f"{base}/left.nii.gz", "a", "--label", f"{base}/right.nii.gz", "b", "--scale", "1", "--output", out)
    draw(*both)
    picture = pixels(out)
    for ink, low in ((RED, 150), (BLUE, 25)):
        axial = [x - 12 for x, y in places(picture, ink, 12) if y < 192 and x < 212]
        check(axial and all(low - 3 <= x <= low + 28 for x in axial), f"{ink}: in the axial view")
    draw(*both, "--compare", "--note", "a note", "--title", "a title")
    check(pixels(out)[1] == 12 + 26 + 88 + 100 + 12 + 180 + 12 + 26 + 6, "no upper level where there is none")
    draw(*both[:2], "--label", f"{base}/empty.nii.gz", "nothing", "--compare", "--output", out)
    check(not places(pixels(out), RED, 12 + 88), "an empty label map has no contour")


def refused(base):
    given = ("--image", f"{base}/ct.nii.gz", "--output", f"{base}/no.png")
    for arguments, code, names in ((given, 2, "--label"), ((*given, "--compare"), 2, "--label"),
                                   ((*given, "--label", f"{base}/other.nii.gz", "x", "--compare"), 3, "not on the grid"),
                                   ((*given, "--label", f"{base}/none.nii.gz", "x"), 3, "none.nii.gz"),
                                   ((*given, "--label", f"{base}/left.nii.gz", "x", "--scale", "0"), 2, "--scale")):
        error = draw(*arguments, code=code)
        check(names in error and error.count("\n") == 1, f"{names}: {error}")
    check(not os.path.exists(f"{base}/no.png"), "nothing was written")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        body = [0 if 3 <= i < 37 and 3 <= j < 33 else -1000 for _ in range(DIM[2]) for j in range(DIM[1]) for i in range(DIM[0])]
        write(f"{base}/ct.nii.gz", gz(nifti(data=struct.pack(f"<{len(body)}h", *body), **GRID)))
        write(f"{base}/left.nii.gz", label(range(5, 10), range(4, 12)))
        write(f"{base}/right.nii.gz", label(range(30, 35), range(4, 12)))
        write(f"{base}/high.nii.gz", label(range(30, 35), range(4, 18)))
        write(f"{base}/empty.nii.gz", label(range(0), range(0)))
        write(f"{base}/other.nii.gz", gz(nifti(data=bytes(40 * 36 * 20), datatype=2, bits=8)))
        compared(base)
        together(base)
        refused(base)
    return finish("draw")


if __name__ == "__main__":
    sys.exit(main())
