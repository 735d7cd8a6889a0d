"""A segmentation as one step of a MONAI pipeline. Nothing of MONAI is needed: it is an array transform by its form alone."""
from typing import Any

import numpy

from ._model import Model


class Segment:
    """Turns a CT [1, i, j, k] with an `affine` (a MetaTensor as LoadImage(ensure_channel_first=True) gives it, in Hounsfield units, RAS) into
    its label map [1, i, j, k], uint8, with the same meta data, on the CPU. options: as of Model.segment.

        Compose([LoadImage(ensure_channel_first=True), ctvk.Segment(model, prompt="N0, cT2, breast conserving surgery, left side"), SaveImage()])("CT.nii.gz")
    """

    def __init__(self, model: Model, **options: Any):
        self.model, self.options = model, options

    def __call__(self, image: Any) -> Any:
        import torch

        image = image.detach().cpu()
        if image.ndim != 4 or image.shape[0] != 1:
            raise ValueError(f"the image is of shape {tuple(image.shape)}, not [1, i, j, k] (LoadImage(ensure_channel_first=True) gives one)")
        labels = self.model.segment(numpy.asarray(image)[0], numpy.asarray(image.affine), **self.options).labels
        return torch.zeros_like(image, dtype=torch.uint8).copy_(torch.from_numpy(numpy.ascontiguousarray(labels))[None])
