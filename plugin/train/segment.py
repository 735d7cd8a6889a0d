"""A bundle on a CT with this implementation: what `ctvk segment` computes, without Vulkan.

segment.py BUNDLE IMAGE.nii.gz LABEL.nii.gz [--prompt TEXT | --text-embedding FILE]   prompts come from the bundle's cache
"""
import argparse
import os

import nibabel
import numpy
import torch

import llmseg
import preprocess
import safetensors_io


def segment(bundle, image_path, prompt=None, embedding=None):
    """(label map, logits, nibabel image); embedding: [prompts, width], in place of a prompt."""
    manifest, model = llmseg.load_bundle(bundle)
    text, spec = None, manifest["network"]["text"]
    if spec and embedding is not None:
        text = torch.from_numpy(embedding)[None]
    elif spec:
        cache = safetensors_io.load(os.path.join(bundle, spec["cache"]), "float32") if "cache" in spec else {}
        if prompt not in cache:
            raise SystemExit(f"prompt {prompt!r}: not in the bundle's cache (known: {', '.join(cache)})")
        text = torch.from_numpy(cache[prompt])[None]
    image = nibabel.load(image_path)
    prepared = preprocess.Prepared(numpy.asarray(image.dataobj), image.affine, manifest)

    def network(window):
        with torch.no_grad():
            return model(torch.from_numpy(numpy.array(window))[None, None], text)[0].numpy()

    logits = preprocess.sliding(prepared.data, manifest, network)
    return prepared.restore(logits), logits, image


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("image")
    parser.add_argument("label")
    parser.add_argument("--prompt")
    parser.add_argument("--text-embedding", help=".safetensors with text_embedding")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    embedding = arguments.text_embedding and safetensors_io.load(arguments.text_embedding, "float32")["text_embedding"]
    label, _, image = segment(arguments.bundle, arguments.image, arguments.prompt, embedding)
    nibabel.save(nibabel.Nifti1Image(label, image.affine), arguments.label)
    ml = abs(numpy.linalg.det(image.affine[:3, :3])) / 1000
    for value in range(1, int(label.max()) + 1):
        print(f"label {value}: {(label == value).sum()} voxels, {(label == value).sum() * ml:.1f} ml")


if __name__ == "__main__":
    main()
