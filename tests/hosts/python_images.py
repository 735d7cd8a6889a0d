"""The demo's CT as nibabel, SimpleITK and MONAI hold it: each gives the label map of the command. Run by python_wheel.py where these and the wheel are
installed."""
import os
import subprocess
import tempfile
import unittest

import ctvk
import ctvk._abi
import nibabel
import numpy
import SimpleITK
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImage, Orientation

ROOT = os.environ["CTVK_SOURCE"]
DEMO, CT = f"{ROOT}/manifest/demo", f"{ROOT}/tests/data/ct/lidc-idri-0314_small.nii.gz"
PROMPT = "N0, cT2, breast conserving surgery, left side"


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        cls.path = f"{cls.scratch.name}/label.nii.gz"
        subprocess.run([os.environ["CTVK_COMMAND"], "segment", "--model", DEMO, "--image", CT, "--prompt", PROMPT, "--output", cls.path, "--quiet"], check=True)
        cls.want = numpy.asarray(nibabel.load(cls.path).dataobj)
        cls.model = ctvk.Model(DEMO)

    @classmethod
    def tearDownClass(cls):
        cls.model.close()
        cls.scratch.cleanup()

    def test_this_is_the_wheel(self):
        for path in (ctvk.__file__, ctvk._abi.Library().path):
            self.assertTrue(path.startswith(os.environ["CTVK_VENV"] + "/"), path)
        self.assertEqual(set(numpy.unique(self.want)), {0, 1})
        self.assertGreater(self.want.sum(), 10000)

    def test_nibabel(self):
        ct = nibabel.load(CT)
        labels, record = self.model.segment(ct.dataobj, ct.affine, prompt=PROMPT)
        self.assertTrue(numpy.array_equal(labels, self.want))
        self.assertEqual(record["labels"][1]["voxels"], int(self.want.sum()))
        kept = nibabel.Nifti1Image(labels, ct.affine)
        self.assertTrue(numpy.array_equal(kept.affine, nibabel.load(self.path).affine))

    def test_simpleitk(self):
        """z-y-x and LPS, there and back."""
        ct, want = SimpleITK.ReadImage(CT), SimpleITK.ReadImage(self.path)
        view = SimpleITK.GetArrayViewFromImage(ct)
        for pair in (ctvk.from_sitk(ct), ctvk.from_sitk(ct, view)):
            self.assertEqual(pair[0].shape, ct.GetSize())
        self.assertTrue(numpy.shares_memory(pair[0], view))
        labels = self.model.segment(*pair, convention="LPS", prompt=PROMPT).labels
        made = SimpleITK.GetImageFromArray(labels.transpose(2, 1, 0))
        made.CopyInformation(ct)
        difference = SimpleITK.GetArrayFromImage(SimpleITK.Abs(SimpleITK.Cast(made, SimpleITK.sitkInt8) - SimpleITK.Cast(want, SimpleITK.sitkInt8)))
        self.assertEqual(difference.sum(), 0)
        self.assertEqual(made.GetOrigin(), ct.GetOrigin())
        self.assertTrue(numpy.array_equal(labels, self.want))

    def test_monai(self):
        """A transform among MONAI's own, on the image as it lies and turned to RAS first."""
        read, segment = LoadImage(ensure_channel_first=True), ctvk.Segment(self.model, prompt=PROMPT)
        for first, flips in (([], (1, 1)), ([Orientation("RAS")], (-1, -1))):
            image = Compose([read, *first])(CT)
            before = image.clone()
            labels = segment(image)
            self.assertIsInstance(labels, MetaTensor)
            self.assertEqual((labels.dtype, labels.shape), (torch.uint8, image.shape))
            self.assertTrue(torch.equal(labels.affine, image.affine))
            self.assertTrue(torch.equal(image, before))
            self.assertTrue(numpy.array_equal(numpy.asarray(labels)[0, ::flips[0], ::flips[1]], self.want))
        back = Orientation("LPS")(labels)
        self.assertTrue(numpy.array_equal(numpy.asarray(back)[0], self.want))
        for wrong in (image[0], torch.cat([image, image])):
            with self.assertRaises(ValueError):
                segment(wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
