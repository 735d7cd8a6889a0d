"""Segments a CT and draws the contour on three planes through its centre (packages: ctvk, nibabel, matplotlib).

python draw_contour.py --model BUNDLE --image CT.nii.gz --prompt "N0, cT2, breast conserving surgery, left side" --output PICTURE.png

Not for clinical use.
"""
import argparse
import sys

import ctvk
import matplotlib

matplotlib.use("Agg")  # a file, no window
import matplotlib.pyplot as plt  # noqa: E402
import nibabel  # noqa: E402
import numpy  # noqa: E402

PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}


def progress(fraction, stage):
    print(f"\r{100 * fraction:3.0f} % {stage:<12}", end="\n" if fraction == 1 else "", file=sys.stderr)


def draw(hu, labels, spacing, title, path):
    """hu, labels: [i, j, k] to the patient's right, front, head; spacing in mm."""
    marked = numpy.argwhere(labels)
    centre = numpy.round(marked.mean(axis=0)).astype(int) if len(marked) else numpy.array(labels.shape) // 2
    figure, views = plt.subplots(1, 3, figsize=(15, 5), facecolor="black")
    for view, (name, axis) in zip(views, PLANES.items()):
        across, up = (a for a in range(3) if a != axis)
        plane, mask = (numpy.take(volume, centre[axis], axis=axis).T for volume in (hu, labels))
        view.imshow(plane, cmap="gray", vmin=-160, vmax=240, origin="lower", aspect=spacing[up] / spacing[across])
        if mask.any():
            view.contour(mask, levels=[0.5], colors="#ff4054", linewidths=1.5)
        if across == 0:
            view.invert_xaxis()  # the patient's right is on the left
        view.set_title(name, color="white")
        view.axis("off")
    figure.suptitle(title, color="white")
    figure.savefig(path, dpi=100, facecolor="black", bbox_inches="tight")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--model", "--image", "--prompt", "--output"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    ct = nibabel.as_closest_canonical(nibabel.load(arguments.image))
    hu = numpy.asarray(ct.dataobj)
    try:
        with ctvk.Model(arguments.model) as model:
            result = model.segment(hu, ct.affine, prompt=arguments.prompt, on_progress=progress if sys.stderr.isatty() else None)
            names = model.labels
    except ctvk.Error as error:
        sys.exit(f"{error.name}: {error}")
    for label in result.record["labels"]:
        if label["value"]:
            print(f"{label['name']}: {label['volume_ml']:.1f} ml")
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    title = f'"{arguments.prompt}": {", ".join(name for value, name in names.items() if value)}; unreviewed, not for clinical use'
    draw(hu, result.labels != 0, ct.header.get_zooms()[:3], title, arguments.output)


if __name__ == "__main__":
    main()
