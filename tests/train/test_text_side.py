"""recipe/text_side.py against llama_torch.Llama: embeddings and gradients of a batch, whose prompts are cut, equal or of other lengths; and, with
the real language model, the embedding that `ctvk embed` gives."""
import json
import os
import subprocess

import numpy
import torch

from support import TinyLlama, check, close, finish, folder

import llama_torch
import safetensors_io
import seeded_weights
from recipe import text_side, words

BASE = folder("train-text-side")
PROMPTS = [[3, 39, 0, 7], [5], [3, 39, 0, 7], [8, 1, 2, 30, 31, 4, 9], []]


def both(llama, prompts, soft, length, learn=True):
    """(text side's embeddings and two gradients, those of one prompt after the other)"""
    start = text_side.starting_vectors(llama, soft, length, 5)
    side = text_side.TextSide(llama, *(v.to(llama.dtype) for v in start), learn=learn)
    weight = torch.randn(len(prompts), soft, llama.settings.width, dtype=llama.dtype, generator=torch.Generator().manual_seed(3))
    got = side(prompts)
    if not learn:
        return got
    (got * weight).sum().backward()
    contexts, segment = (v.to(llama.dtype).requires_grad_() for v in start)
    want = torch.stack([llama.encode(p[:text_side.MAX_TOKENS - 2], contexts, segment) for p in prompts])
    (want * weight).sum().backward()
    return [v.detach().numpy() for v in (got, side.contexts.grad, side.segment_token.grad)], [
        v.detach().numpy() for v in (want, contexts.grad, segment.grad)]


def tiny():
    for name, model in (("grouped", TinyLlama()), ("one layer", TinyLlama(layers=1)), ("ungrouped", TinyLlama(heads=6, groups=6, key=8)),
                        ("partly rotated", TinyLlama(**{"llama.rope.dimension_count": 6}))):
        llama = llama_torch.Llama(model.write(f"{BASE}/{name}.gguf"), torch.float64)
        for soft, length in ((3, 5), (1, 1)):
            for what, got, want in zip(("embeddings", "gradient of contexts", "gradient of <SEG>"), *both(llama, PROMPTS, soft, length)):
                close(got, want, 1e-12, f"{name}, {soft} soft prompts of {length}: {what}")
    long = [[7] * 118, [7] * 300, [9] * 117]
    for what, got, want in zip(("embeddings", "gradient"), *both(llama, long, 2, 8)):
        close(got, want, 1e-12, f"prompts that are cut: {what}")
    check(not both(llama, PROMPTS, 2, 3, learn=False).requires_grad, "frozen soft prompts have no gradient")
    torch.manual_seed(1)
    check([tuple(p.shape) for p in text_side.TextSide(llama, *text_side.starting_vectors(llama, 2, 8, 1)).state_dict().values()] == [(2, 8, 48), (48,)],
          "a checkpoint holds the soft prompts and <SEG>, not the language model")


def library():
    """A bundle's text, without a cache, through Vulkan."""
    path = words.default_llm()
    check(os.path.exists(path), f"{path}: the language model is needed (`./run demo` fetches it)")
    if not os.path.exists(path):
        return
    prompt, tokens = "N1, cT2, breast conserving surgery, left side", words.Tokens(os.environ["CTVK_COMMAND"], path)
    llama = llama_torch.Llama(path)
    start = text_side.starting_vectors(llama, 2, 8, 5)
    with torch.no_grad():
        got = text_side.TextSide(llama, *start)([tokens("another, longer prompt of the batch; it has more words"), tokens(prompt)])[1].numpy()
    manifest = {"schema": "ctvk-bundle/1", "name": "text", "version": "1", "intended_use": "test", "network": {
        "architecture": "llmseg", "weights": "network.safetensors", "in_channels": 1, "out_channels": 2, "feature_size": 16, "text": {
            "embedding_dim": 576, "prompts": 2, "encoder": {
                "type": "llama-gguf", "file": os.path.basename(path), "sha256": safetensors_io.sha256(path), "soft_prompt": "contexts",
                "segment_token_embedding": "segment_token", "max_tokens": 120}}}}
    from recipe.config import Grid
    manifest.update(Grid().manifest(), labels=[{"value": 0, "name": "background"}, {"value": 1, "name": "CTV"}])
    bundle = folder("train-text-side/bundle")
    weights = seeded_weights.weights(manifest)
    weights.update(contexts=start[0].numpy(), segment_token=start[1].numpy())
    safetensors_io.save(f"{bundle}/network.safetensors", weights)
    with open(f"{bundle}/manifest.json", "w", encoding="utf-8") as file:
        json.dump(manifest, file)
    out = f"{BASE}/embedding.safetensors"
    done = subprocess.run([os.environ["CTVK_COMMAND"], "embed", "--model", bundle, "--prompt", prompt, "--output", out, "--llm", path, "--quiet"],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"ctvk embed: {done.stderr}")
    # float32 sums of thirty layers in another order.
    close(got, safetensors_io.load(out)["text_embedding"], 1e-4, "the library's embedding of the same soft prompts and words")
    check(numpy.abs(got[0] - got[1]).max() > 1e-2, "the two soft prompts say different things")


torch.set_num_threads(1)
tiny()
library()
finish()
