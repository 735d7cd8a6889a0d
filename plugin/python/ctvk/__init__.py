"""ctvk: radiotherapy target volumes from a CT and clinical text, on any Vulkan device. Not for clinical use.

    import ctvk, nibabel
    ct = nibabel.load("CT.nii.gz")
    with ctvk.Model("manifest/demo") as model:
        labels, record = model.segment(ct.dataobj, ct.affine, prompt="left side")

Everything goes through the C ABI of libctvk.so.1 (include/ctvk); this package adds nothing but names.
"""
from ._geometry import from_sitk, itk_affine
from ._model import Cancelled, Device, Error, Model, Segmentation, devices

__all__ = ["Cancelled", "Device", "Error", "Model", "Segmentation", "devices", "from_sitk", "itk_affine"]
