"""From a patient's CT to the network's grid and back, by the steps of preprocess.py: what is learned is what the library will see."""
import numpy

import preprocess

# What undoes steps 1 to 6 (preprocess.Prepared), as it goes into a JSON file.
GEOMETRY = ("input_shape", "plan", "oriented", "spacing", "new_spacing", "resampled", "crop", "cropped", "before", "turns")


def prepare(hu, affine, label, manifest):
    """(image float16 [x, y, z] in the window's range, label bool of the same shape or None, geometry). label: on the CT's grid."""
    prepared = preprocess.Prepared(hu, affine, manifest)
    geometry = {name: getattr(prepared, name) for name in GEOMETRY}
    image = prepared.data.astype(numpy.float16)
    return image, None if label is None else label_on(label, geometry, manifest), geometry


def label_on(label, geometry, manifest):
    """A mask on the network's grid: its share of a voxel, by the same resampling as the image, is at least a half."""
    share = preprocess.apply_plan(numpy.asarray(label) > 0, [tuple(step) for step in geometry["plan"]]).astype(numpy.float32)
    if geometry["new_spacing"]:
        share = preprocess.resample(share, geometry["spacing"], geometry["new_spacing"], geometry["resampled"], manifest["preprocess"]["antialias"])
    share = share[tuple(slice(a, b) for a, b in geometry["crop"])]
    window = manifest["inference"]["window"] if manifest["preprocess"]["pad_to_window"] else share.shape
    return numpy.ascontiguousarray(numpy.rot90(preprocess.pad_to(share, window)[0] >= 0.5, geometry["turns"], axes=(0, 1)))


def restore(logits, geometry):
    """Label map (uint8) on the CT's grid from blended logits [classes, x, y, z]."""
    prepared = preprocess.Prepared.__new__(preprocess.Prepared)
    for name in GEOMETRY:
        setattr(prepared, name, geometry[name])
    prepared.plan = [(axis, flip) for axis, flip in geometry["plan"]]
    prepared.input_shape, prepared.resampled = tuple(geometry["input_shape"]), tuple(geometry["resampled"])
    return prepared.restore(logits)
