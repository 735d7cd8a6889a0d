"""A trained model as a bundle (ctvk-bundle/1): float16 network, soft prompts, cached embeddings of every combination of the fields, a self-test,
hashes of all files."""
import os
import shutil

import numpy

import safetensors_io
from recipe import selftest, words
from recipe.config import Refused, write_json

ARCHITECTURE = "Architecture: Oh et al., LLM-driven multimodal target volume contouring in radiation oncology, Nature Communications 15, 9186, 2024."


def text_spec(model, config, llm):
    """network.text of the manifest."""
    if config.text == "none":
        return None
    if config.text not in ("llm", "frozen"):
        raise Refused("one-hot facts are an experiment: the library has no way in for them, so there is no bundle of them")
    encoder = {"type": "llama-gguf", "file": os.path.basename(llm), "sha256": safetensors_io.sha256(llm), "soft_prompt": "contexts",
               "segment_token_embedding": "segment_token", "max_tokens": 120, "layers": model.text.llama.settings.layers}
    return {"embedding_dim": model.text.llama.settings.width, "prompts": config.prompts, "encoder": encoder,
            "cache": "prompt_embeddings.safetensors", "template": words.TEMPLATE,
            "fields": {name: list(values) for name, values in words.FIELDS.items()}}


def manifest_of(model, config, llm, name, version, provenance):
    return {
        "schema": "ctvk-bundle/1", "name": name, "version": version, "intended_use": "demonstration only, never for clinical use",
        "license": "Apache-2.0", "citation": f"Trained on synthetic patients by plugin/train/train.py. {ARCHITECTURE}",
        "network": {"architecture": "llmseg", "weights": "network.safetensors", "in_channels": 1, "out_channels": 2,
                    "feature_size": config.features, "text": text_spec(model, config, llm)},
        "preprocess": config.grid.preprocess(), "inference": config.grid.inference(),
        "labels": [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV", "color": "#e6194b"}],
        "provenance": provenance}


def tensors_of(model):
    """Network in float16; what meets the language model's own vectors stays float32."""
    tensors = {name: value.detach().numpy().astype(numpy.float16) for name, value in model.net.state_dict().items()}
    if not all(numpy.isfinite(value).all() for value in tensors.values()):
        raise Refused("a weight does not fit into float16")
    if model.kind in ("llm", "frozen"):
        tensors["contexts"] = model.text.contexts.detach().numpy().astype(numpy.float32)
        tensors["segment_token"] = model.text.segment_token.detach().numpy().astype(numpy.float32)
    return tensors


def cache_of(model, prompts):
    """{prompt: embedding float32 [P, D]}"""
    texts = [words.Text(prompt) for prompt in prompts]
    model.tokens.learn(prompts)
    return dict(zip(prompts, model.embed_all(texts).numpy().astype(numpy.float32)))


def hashed(folder, manifest):
    """manifest with `files`: every file of the folder but manifest.json itself."""
    names = sorted(name for name in os.listdir(folder) if name != "manifest.json")
    paths = {name: os.path.join(folder, name) for name in names}
    return dict(manifest, files={name: {"sha256": safetensors_io.sha256(path), "bytes": os.path.getsize(path)} for name, path in paths.items()})


def seal(folder, manifest, prompts, case):
    """What comes last into a folder that holds the network: self-test, hashes, manifest. case: as selftest.add takes it, None: no self-test."""
    path = os.path.join(folder, "manifest.json")
    manifest = {key: value for key, value in manifest.items() if key not in ("files", "selftest")}
    if case:
        write_json(path, manifest)
        manifest["selftest"] = selftest.add(folder, manifest, prompts, case)
    manifest = hashed(folder, manifest)
    write_json(path, manifest)
    return manifest


def write(folder, model, manifest, prompts, say=print, case=None):
    """Beside its place first, then renamed: a bundle is there whole or not at all. prompts: what is cached; case: of the self-test."""
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise Refused(f"{folder}: is there already (name a new folder)")
    folder = os.path.abspath(folder)
    part, files, text = f"{folder}.part{os.getpid()}", {manifest["network"]["weights"]: tensors_of(model)}, manifest["network"]["text"]
    if text and text.get("cache"):
        say(f"{len(prompts)} prompts for the cache")
        files[text["cache"]] = cache_of(model, prompts)
    try:
        os.makedirs(part)
        for name, tensors in files.items():
            safetensors_io.save(os.path.join(part, name), tensors)
        manifest = seal(part, manifest, prompts, case)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    say(f"{folder}: written, {sum(entry['bytes'] for entry in manifest['files'].values()) / 1e6:.1f} MB")
