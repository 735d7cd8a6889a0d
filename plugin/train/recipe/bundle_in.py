"""A bundle as a model that can learn on."""
import json
import os
import subprocess

import torch

import llama_torch
import llmseg
import safetensors_io
from recipe import text_side
from recipe.config import Config, Grid, Refused
from recipe.model import Model


class BundleGrid(Grid):
    """A bundle's own preprocessing, whatever it says."""

    def take(self, manifest):
        self.layout = {"preprocess": manifest["preprocess"], "inference": manifest["inference"]}
        return self

    def manifest(self):
        return self.layout


def identity_of(folder, ctvk):
    """{name, version, sha256} as `ctvk inspect` gives them; the bundle is checked by it."""
    try:
        done = subprocess.run([ctvk, "inspect", folder, "--json"], capture_output=True, text=True)
    except OSError as problem:
        raise Refused(f"{ctvk}: {problem.strerror} (build ctvk, or name it with --ctvk)") from None
    if done.returncode:
        raise Refused(done.stderr.strip().removeprefix("ctvk: error: "))
    found = json.loads(done.stdout)
    return {name: found[name] for name in ("name", "version", "sha256")}


def config_of(manifest):
    """Grid and sizes; numbers of training that the bundle does not know are the recipe's."""
    network, pre = manifest["network"], manifest["preprocess"]
    if network["in_channels"] != 1 or network["out_channels"] != 2:
        raise Refused("the bundle: one image and one target are learned, it has "
                      f"{network['in_channels']} and {network['out_channels'] - 1}")
    grid = BundleGrid(pre.get("spacing_mm") or [1.0, 1.0, 1.0], manifest["inference"]["window"], pre["intensity"]["window"],
                      manifest["inference"]["overlap"]).take(manifest)
    return Config(text="llm" if network["text"] else "none", features=network["feature_size"], grid=grid,
                  prompts=network["text"]["prompts"] if network["text"] else 1)


def load(folder, llm, tokens):
    """(manifest, Config, Model)"""
    manifest, network = llmseg.load_bundle(folder)
    config, model = config_of(manifest), Model.__new__(Model)
    torch.nn.Module.__init__(model)
    model.net, model.kind, model.tokens, model.text, model.tuning = network.attention(folded=True), config.text, tokens, None, config.text == "llm"
    text = manifest["network"]["text"]
    if text:
        encoder = text.get("encoder")
        if not encoder:
            raise Refused(f"{folder}: its text has no language model, so there are no soft prompts to learn")
        if safetensors_io.sha256(llm) != encoder["sha256"]:
            raise Refused(f"{llm}: is not the bundle's language model {encoder['file']} (name it with --llm)")
        tensors = safetensors_io.load(os.path.join(folder, manifest["network"]["weights"]))
        vectors = [torch.from_numpy(tensors[encoder[key]].astype("float32")) for key in ("soft_prompt", "segment_token_embedding")]
        model.text = text_side.TextSide(llama_torch.Llama(llm), vectors[0], vectors[1].reshape(-1))
    return manifest, config, model
