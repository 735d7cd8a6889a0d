"""Host memory: a CT of 512 x 512 x 400 takes the CT itself and the label map where the cropped or resampled grid is small; without a crop the
accumulators come to it, and nothing else of the CT's size: windows are made one by one. The rest, the driver's share included, is what a
small CT takes with the same window."""
import array
import os
import subprocess
import sys
import tempfile

from files import header, make_bundle
from runs import COMMAND, bundle_like, check, environment, finish

MIB = 1 << 20
LARGE, SMALL = (512, 512, 400), (64, 64, 64)
SLID, TWO = (200, 200, 160), (130, 64, 64)  # 2 x 2 x 3 windows, two windows
BOX = (28, 30, 25)  # the part that is no air: one window
# One slab of planes while the CT is prepared or restored (32 MiB), and blocks that the C library keeps.
SLACK = 64 * MIB
# Below what the whole CT of SLID takes as float32 (24 MiB), so that a volume held beside the accumulators is found.
SLID_SLACK = 16 * MIB


def image(path, dim):
    """int16, air with a box; written plane by plane."""
    air = array.array("h", [-1000]) * dim[0]
    body = array.array("h", air)
    body[20:20 + BOX[0]] = array.array("h", [100]) * BOX[0]
    empty, full = air.tobytes() * dim[1], air.tobytes() * 20 + body.tobytes() * BOX[1] + air.tobytes() * (dim[1] - 20 - BOX[1])
    with open(path, "wb") as file:
        file.write(header(dim=(3, *dim, 1, 1, 1, 1), spacing=(0.9, 0.9, 1.5)))
        for z in range(dim[2]):
            file.write(full if 20 <= z < 20 + BOX[2] else empty)


def resampled(value):
    """58 x 58 x 50 voxels of 8 x 8 x 12 mm: the whole CT becomes one window."""
    value["preprocess"].update(spacing_mm=[8, 8, 12], antialias=True, crop_foreground=False)
    value["inference"]["window"] = [64, 64, 64]


def slid(value):
    """No crop: windows side by side."""
    value["preprocess"].update(crop_foreground=False, pad_to_window=True)
    value["inference"].update(window=[128, 128, 64], overlap=0)


def peak(base, bundle, name):
    """Peak resident bytes of one run."""
    process = subprocess.Popen([COMMAND, "segment", "--model", f"{base}/{bundle}", "--image", f"{base}/{name}", "--prompt", "N0, left side",
                                "--output", f"{base}/label.nii", "--report", f"{base}/r.json", "--quiet"], env=environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    check(process.returncode == 0, f"{bundle} {name}: exit {process.returncode}")
    return usage.ru_maxrss * 1024


def measure(base, bundle, name, dim, kept, slack, small="small.nii"):
    """kept: bytes a voxel that may be held beside the CT's two. small: of one window, or of several where `name` is: they pass through other buffers."""
    voxels = dim[0] * dim[1] * dim[2]
    peak(base, bundle, small)  # a driver that compiles takes memory for that: not while it is measured
    grown = peak(base, bundle, name) - peak(base, bundle, small)
    bound = voxels * (2 + kept) + slack
    print(f"{bundle}: {grown / MIB:.0f} MiB more than a small CT, at most {bound / MIB:.0f} MiB: the CT {voxels * 2 / MIB:.0f}, "
          f"label map and accumulators {voxels * kept / MIB:.0f}")
    check(grown <= bound, f"{bundle}: {grown / MIB:.0f} MiB")
    check(grown >= voxels * 2, f"{bundle}: only {grown / MIB:.0f} MiB more: the CT was not there, nothing was measured")
    check(os.path.getsize(f"{base}/label.nii") > SMALL[0] * SMALL[1] * SMALL[2], "a label map")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/crop", True)
        bundle_like(f"{base}/crop", f"{base}/resampled", resampled)
        bundle_like(f"{base}/crop", f"{base}/slid", slid)
        for name, dim in (("large.nii", LARGE), ("slid.nii", SLID), ("small.nii", SMALL), ("two.nii", TWO)):
            image(f"{base}/{name}", dim)
        measure(base, "crop", "large.nii", LARGE, 1, SLACK)
        measure(base, "resampled", "large.nii", LARGE, 1, SLACK)
        # Two classes, float32, and the label map; no volume of weights.
        measure(base, "slid", "slid.nii", SLID, 2 * 4 + 1, SLID_SLACK, "two.nii")
    return finish("memory")


if __name__ == "__main__":
    sys.exit(main())
