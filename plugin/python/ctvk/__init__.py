"""ctvk: radiotherapy target volumes from a CT and clinical text, on any Vulkan device. Not for clinical use.

    import ctvk, nibabel
    ct = nibabel.load("CT.nii.gz")
    with ctvk.Model("manifest/demo") as model:
        labels, record = model.segment(ct.dataobj, ct.affine, prompt="N0, cT2, breast conserving surgery, left side")

Everything goes through the C ABI of libctvk.so.1 (include/ctvk); this package adds nothing but names.
"""
from ._context import Cancelled, Device, Error, devices
from ._evaluation import Evaluation, Scores, evaluate
from ._geometry import from_sitk, itk_affine
from ._model import Model, Segmentation
from ._transform import Segment

__all__ = ["Cancelled", "Device", "Error", "Evaluation", "Model", "Scores", "Segment", "Segmentation", "devices", "evaluate", "from_sitk", "itk_affine"]
