"""The published checkpoint (a PyTorch state dict) to a bundle for ctvk.

convert_llmseg.py model_best.pt BUNDLE [--llm Llama-2-7b-chat.Q4_0.gguf] [--dtype float16] [--spacing none]
Tensors alone are read (torch_file.py); no part of a pickle is ever run. Sizes come from the tensors. The language model's weights are never
copied: the manifest names the GGUF file and its hash, and without --llm the bundle takes embeddings and cached prompts only. The bundle appears
when it is whole. Exit 1 and one line where something is missing, misshapen or not what it should be.
"""
import argparse
import json
import os
import shutil
import sys

import numpy

import gguf_io
import llama_torch
import llmseg
import published
import safetensors_io
import torch_file
from published import Refused

# The published code reserves 128 positions for the soft prompt and everything else.
POSITIONS = 128
# Below this cosine the GGUF file holds another model: a 4-bit copy of the same weights stays above 0.99.
SAME_MODEL = 0.95

FIELDS = {"n_stage": ["N0", "N1", "N2", "N3"], "t_stage": ["cT0", "cT1", "cT2", "cT3", "cT4"],
          "surgery": ["breast conserving surgery", "total mastectomy surgery", "unknown type surgery"], "side": ["left", "right", "unknown"]}
CITATION = ("Oh et al., LLM-driven multimodal target volume contouring in radiation oncology, Nature Communications 15, 9186, 2024; "
            "converted by plugin/train/convert_llmseg.py")


def cosine(a, b):
    a, b = a.astype(numpy.float64).ravel(), b.astype(numpy.float64).ravel()
    return a @ b / max(numpy.linalg.norm(a) * numpy.linalg.norm(b), 1e-300)


def check_llm(path, width, tower):
    """(vocabulary, how alike) of the GGUF: it must be the language model that the checkpoint was trained with, as far as that can be seen."""
    gguf = gguf_io.Gguf(path)
    settings = llama_torch.Settings(gguf)
    if settings.width != width:
        raise Refused(f"{path}: width {settings.width}, but the checkpoint's text has {width}")
    if tower.layers and tower.layers != settings.layers:
        raise Refused(f"{path}: {settings.layers} layers, but the checkpoint's language model has {tower.layers}")
    table = gguf.tensors.get("token_embd.weight")
    if table is None or len(table.shape) != 2:
        raise Refused(f"{path}: no embedding table token_embd.weight")
    alike = {}
    if tower.table is not None:
        rows = numpy.linspace(0, min(table.shape[0], tower.table.shape[0]) - 1, 256).astype(int)
        alike["embeddings"] = cosine(gguf.rows("token_embd.weight", list(rows)), tower.table.load()[rows])
    last = f"layers.{settings.layers - 1}.mlp.down_proj.weight"
    if last in tower.tensors:
        mine = gguf.rows(f"blk.{settings.layers - 1}.ffn_down.weight")
        if mine.shape != tuple(tower.tensors[last].shape):
            raise Refused(f"{path}: its last layer has other sizes than the checkpoint's language model")
        alike["last layer"] = cosine(mine, tower.tensors[last].load())
    for what, value in alike.items():
        if not value >= SAME_MODEL:
            raise Refused(f"{path}: is another language model than the checkpoint's ({what}: cosine {value:.3f})")
    return table.shape[0], alike


def text_manifest(arguments, contexts):
    prompts, length, width = contexts
    spec = {"embedding_dim": width, "prompts": prompts, "template": "{n_stage}, {t_stage}, {surgery}, {side} side", "fields": FIELDS}
    if arguments.llm:
        spec["encoder"] = {"type": "llama-gguf", "file": os.path.basename(arguments.llm), "sha256": safetensors_io.sha256(arguments.llm),
                           "soft_prompt": "contexts", "segment_token_embedding": "segment_token", "max_tokens": POSITIONS - length}
    return spec


def manifest_of(arguments, sizes, text):
    spacing = None if arguments.spacing == ["none"] else [float(s) for s in arguments.spacing]
    labels = [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV", "color": "#e6194b"}]
    return {
        "schema": "ctvk-bundle/1", "name": arguments.name, "version": arguments.version, "intended_use": arguments.intended_use,
        "license": arguments.license, "citation": CITATION,
        "network": {"architecture": "llmseg", "weights": "network.safetensors", "in_channels": sizes[0], "out_channels": sizes[1],
                    "feature_size": sizes[2], "text": text},
        "preprocess": {"orientation": "RAS", "spacing_mm": spacing, "antialias": False,
                       "intensity": {"window": [-1000, 1000], "range": [0, 1], "clip": True},
                       "crop_foreground": True, "pad_to_window": True, "rotate90": 1},
        "inference": {"window": arguments.window, "overlap": 0.5, "blend": "gaussian", "sigma_scale": 0.125},
        "labels": (labels + [{"value": i, "name": f"label {i}"} for i in range(2, sizes[1])])[:sizes[1]],
    }


def convert(arguments, say):
    """(manifest, tensors to write)"""
    tensors, prefix = published.strip_prefix(torch_file.File(arguments.checkpoint).tensors())
    sizes = published.sizes_of(tensors)
    wanted = {name: tuple(value.shape) for name, value in llmseg.LLMSeg(*sizes).state_dict().items()}
    text, soft = None, {}
    if sizes[3] is not None:
        if "contexts" not in tensors or len(tensors["contexts"].shape) != 3 or tensors["contexts"].shape[2] != sizes[3]:
            raise Refused(f"contexts: {'has the shape ' + str(list(tensors['contexts'].shape)) if 'contexts' in tensors else 'missing'}"
                          f" (the soft prompts are [prompts, length, {sizes[3]}])")
        published.check_shapes(tensors, wanted)
        tower = published.Tower(tensors)
        vocabulary, alike = check_llm(arguments.llm, sizes[3], tower) if arguments.llm else (None, {})
        # The soft prompts meet the language model's own vectors: they stay in float32 whatever the network's weights are.
        soft["contexts"] = published.load(tensors, "contexts", "float32")
        text = text_manifest(arguments, tensors["contexts"].shape)
        if arguments.llm:
            soft["segment_token"], source = published.segment_token(tensors, tower, sizes[3], arguments.segment_row, vocabulary)
            say(f"<SEG>: {source}")
            say(f"language model: {os.path.basename(arguments.llm)}, not copied" + "".join(f"; {what}: cosine {c:.4f}" for what, c in alike.items()))
        else:
            say("language model: none named (--llm), so only embeddings and cached prompts will work")
    else:
        published.check_shapes(tensors, wanted)
        if arguments.llm:
            raise Refused("--llm: this checkpoint has no text")
    out = {name: published.load(tensors, name, arguments.dtype) for name in wanted}
    out.update(soft)
    towered = sum(bool(published.TOWER.fullmatch(name)) for name in tensors)
    say(f"prefix {prefix!r} stripped" if prefix else "names as published")
    say(f"{len(out)} tensors written; left out: {towered} of the language model, {len([n for n in tensors if n not in out]) - towered} others")
    return manifest_of(arguments, sizes, text), out


def write_bundle(folder, manifest, tensors):
    """Beside its place first, then renamed: a bundle is there whole or not at all."""
    if os.path.exists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise Refused(f"{folder}: is there already (name a new folder)")
    folder = os.path.abspath(folder)
    part = f"{folder}.part{os.getpid()}"
    try:
        os.makedirs(part)
        path = os.path.join(part, "network.safetensors")
        safetensors_io.save(path, tensors)
        manifest["files"] = {"network.safetensors": {"sha256": safetensors_io.sha256(path), "bytes": os.path.getsize(path)}}
        with open(os.path.join(part, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=2, ensure_ascii=False)
            file.write("\n")
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("bundle", help="folder to make")
    parser.add_argument("--llm", metavar="FILE.gguf", help="the language model that the checkpoint was trained with, as a GGUF file")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float32", help="of the network's weights (default float32)")
    parser.add_argument("--segment-row", type=int, help="row of <SEG> in the embedding table; negative counts from its end")
    parser.add_argument("--window", type=int, nargs=3, default=[384, 384, 128])
    parser.add_argument("--spacing", nargs="+", default=["1", "1", "3"], help="mm per axis, or none where CTs come resampled")
    parser.add_argument("--name", default="llmseg")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--license", default="as the checkpoint's source says")
    parser.add_argument("--intended-use", default="research only, not for clinical use")
    arguments = parser.parse_args(words)
    if arguments.spacing != ["none"]:
        try:
            if len(arguments.spacing) != 3 or not all(0.01 <= float(s) <= 100 for s in arguments.spacing):
                raise ValueError
        except ValueError:
            parser.error("--spacing: three numbers of millimetres, or none")
    if any(n % 32 or not 32 <= n <= 2048 for n in arguments.window):
        parser.error("--window: three multiples of 32")
    return arguments


def main(words=None):
    arguments, notes = parse(words), []
    try:
        manifest, tensors = convert(arguments, notes.append)
        write_bundle(arguments.bundle, manifest, tensors)
    except (Refused, torch_file.CheckpointError, gguf_io.GgufError, OSError) as problem:
        sys.exit(f"convert_llmseg: {problem}")
    print("\n".join(notes + [f"{arguments.bundle}: written"]))


if __name__ == "__main__":
    main()
