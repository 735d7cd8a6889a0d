"""The peer of `./run bench`: one window of a bundle through PyTorch, in the published form of the attention.

bench_peer.py BUNDLE --window 96 96 32 [--vision-only] [--repeat 3] [--input FILE --tensor NAME] [--text FILE]
prints one line of JSON: {"window": [...], "text": true, "seconds": [...], "peak_rss_mib": ...}. The bundle's own window is the default.
Seconds are of the forward pass alone; the first, which also warms caches up, stands in "warm_up_seconds".
"""
import argparse
import hashlib
import json
import os
import resource
import time

import numpy
import torch

import llmseg
import safetensors_io


def input_window(arguments, window):
    """A window [x, y, z]: from a .npy or .safetensors file, else random values in [0, 1) by seed."""
    if not arguments.input:
        return numpy.random.default_rng(arguments.seed).random(window, dtype=numpy.float32)
    if arguments.input.endswith(".npy"):
        data = numpy.load(arguments.input)
    else:
        tensors = safetensors_io.load(arguments.input, "float32")
        data = tensors[arguments.tensor] if arguments.tensor else next(iter(tensors.values()))
    data = data.reshape(data.shape[-3:]).astype(numpy.float32)
    if tuple(data.shape) != tuple(window):
        raise SystemExit(f"{arguments.input}: {data.shape} is not the window {tuple(window)} (give --window)")
    return data


def text_tokens(arguments, spec):
    """[prompts, width] from a file's text_embedding, else random by seed: the time does not depend on the values."""
    if arguments.text:
        return safetensors_io.load(arguments.text, "float32")["text_embedding"]
    random = numpy.random.default_rng([arguments.seed, 1])
    return random.standard_normal((spec["prompts"], spec["embedding_dim"])).astype(numpy.float32)


def run(arguments):
    torch.set_num_threads(arguments.threads)
    with open(os.path.join(arguments.bundle, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    spec = manifest["network"]["text"]
    vision_only = arguments.vision_only or spec is None
    _, model = llmseg.load_bundle(arguments.bundle, vision_only)
    model.attention(folded=arguments.folded, unused=not arguments.skip_unused)
    window = arguments.window or manifest["inference"]["window"]
    image = torch.from_numpy(numpy.ascontiguousarray(input_window(arguments, window)))[None, None]
    text = None if vision_only else torch.from_numpy(text_tokens(arguments, spec))[None]
    passes = [image] * arguments.repeat
    if not arguments.no_warm_up:
        passes.insert(0, torch.rand(1, 1, *arguments.warm_up_window) if arguments.warm_up_window else image)
    seconds = []
    with torch.no_grad():
        for data in passes:
            began = time.perf_counter()
            logits = model(data, text)
            seconds.append(time.perf_counter() - began)
    if arguments.output:
        safetensors_io.save(arguments.output, {"logits": logits[0].numpy()})
    warm_up = [] if arguments.no_warm_up else seconds[:1]
    return {
        "window": list(window),
        "text": not vision_only,
        "seconds": [round(s, 4) for s in seconds[len(warm_up):]],
        "warm_up_seconds": [round(s, 4) for s in warm_up],
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "threads": arguments.threads,
        "torch": torch.__version__,
        "attention": "folded" if arguments.folded else "ordinary",
        "logits_sha256": hashlib.sha256(logits.numpy().tobytes()).hexdigest(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--window", type=int, nargs=3, metavar=("X", "Y", "Z"))
    parser.add_argument("--vision-only", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--no-warm-up", action="store_true", help="count the first pass too")
    parser.add_argument("--warm-up-window", type=int, nargs=3, metavar=("X", "Y", "Z"), help="window of the first pass (default: the same)")
    parser.add_argument("--input", help="window from a .npy or .safetensors file")
    parser.add_argument("--tensor", help="tensor of the .safetensors file")
    parser.add_argument("--text", help=".safetensors with text_embedding")
    parser.add_argument("--output", help="write the logits here")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folded", action="store_true", help="the folded attention: not the published form, faster")
    parser.add_argument("--skip-unused", action="store_true", help="leave out the last attention, whose result the published code drops")
    print(json.dumps(run(parser.parse_args())))


if __name__ == "__main__":
    main()
