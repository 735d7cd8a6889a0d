"""Small files for the command's tests: a bundle with seeded random weights, NIfTI images, safetensors. Standard library only."""
import array
import gzip
import hashlib
import json
import os
import random
import struct

WINDOW = 32
FEATURES = 16
TEXT_DIM = 16
PROMPTS = 2
SIDES = ("left", "right")


def channels(level):
    return FEATURES if level < 2 else FEATURES << (level - 1)


def attention(name, c, inner):
    shapes = {}
    for part in ("q_proj", "k_proj", "v_proj"):
        shapes[f"{name}.{part}.weight"] = (inner, c)
        shapes[f"{name}.{part}.bias"] = (inner,)
    shapes[f"{name}.out_proj.weight"] = (c, inner)
    shapes[f"{name}.out_proj.bias"] = (c,)
    return shapes


def alignment(level):
    c, mlp = channels(level), FEATURES << level
    shapes = {f"txt2vis.{level}.weight": (c, TEXT_DIM), f"txt2vis.{level}.bias": (c,)}
    for layer in range(2):
        base = f"attn_transformer.{level}.layers.{layer}"
        shapes.update(attention(f"{base}.self_attn", c, c))
        shapes.update(attention(f"{base}.cross_attn_token_to_image", c, c // 2))
        shapes.update(attention(f"{base}.cross_attn_image_to_token", c, c // 2))
        shapes.update({f"{base}.mlp.lin1.weight": (mlp, c), f"{base}.mlp.lin1.bias": (mlp,),
                       f"{base}.mlp.lin2.weight": (c, mlp), f"{base}.mlp.lin2.bias": (c,)})
        for norm in range(1, 5):
            shapes[f"{base}.norm{norm}.weight"] = (c,)
            shapes[f"{base}.norm{norm}.bias"] = (c,)
    return shapes


def network_shapes(text=True):
    shapes, before = {}, 1
    for level, name in enumerate(("encoder1", "encoder2", "encoder3", "encoder4", "encoder10")):
        c = channels(level)
        for conv, source, k in (("conv1", before, 3), ("conv2", c, 3), ("conv3", before, 1)):
            shapes[f"{name}.layer.{conv}.conv.weight"] = (c, source, k, k, k)
        before = c
    for level in (4, 3, 2, 1):
        below, c, name = channels(level), channels(level - 1), f"decoder{level}"
        shapes[f"{name}.transp_conv.conv.weight"] = (below, c, 2, 2, 2)
        shapes[f"{name}.conv_block.conv1.conv.weight"] = (c, 2 * c, 3, 3, 3)
        shapes[f"{name}.conv_block.conv2.conv.weight"] = (c, c, 3, 3, 3)
        if level == 4:
            shapes[f"{name}.conv_block.conv3.conv.weight"] = (c, 2 * c, 1, 1, 1)
    shapes["out.transp_conv.conv.weight"] = (FEATURES, 2, 2, 2, 2)
    if text:
        for level in range(5):
            shapes.update(alignment(level))
    return shapes


def count_of(shape):
    n = 1
    for extent in shape:
        n *= extent
    return n


def seeded(shapes, seed=1):
    """{name: (shape, float32 bytes)}: uniform numbers scaled by the fan-in, so that activations stay finite."""
    generator = random.Random(seed)
    pool = array.array("f", (generator.uniform(-1, 1) for _ in range(100003)))
    tensors, at = {}, 0
    for name, shape in sorted(shapes.items()):
        n = count_of(shape)
        scale = 1.7 / max(1, n // shape[0]) ** 0.5
        values = array.array("f", (pool[(at + i) % len(pool)] * scale for i in range(n)))
        at += n
        tensors[name] = (shape, values.tobytes())
    return tensors


def network(text=True):
    """Seeded weights of a network that finds something and leaves something: the last layer's weights add up to nothing over its inputs, so
    that both classes win somewhere."""
    tensors = seeded(network_shapes(text))
    name = "out.transp_conv.conv.weight"
    shape, data = tensors[name]
    values, row = array.array("f", data), count_of(shape[1:])
    for i in range(row):
        mean = sum(values[i::row]) / shape[0]
        for c in range(shape[0]):
            values[c * row + i] -= mean
    tensors[name] = (shape, values.tobytes())
    return tensors


def safetensors(tensors, dtype="F32"):
    header, body, at = {}, [], 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        body.append(data)
        at += len(data)
    return raw_safetensors(header, b"".join(body))


def raw_safetensors(header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def embedding(seed, dim=TEXT_DIM, prompts=PROMPTS):
    generator = random.Random(seed)
    return (prompts, dim), array.array("f", (generator.gauss(0, 1) for _ in range(prompts * dim))).tobytes()


def manifest(text=True):
    value = {
        "schema": "ctvk-bundle/1", "name": "tiny", "version": "1.0.0", "intended_use": "test of the command",
        "network": {"architecture": "llmseg", "weights": "network.safetensors", "in_channels": 1, "out_channels": 2,
                    "feature_size": FEATURES, "text": None},
        "preprocess": {"orientation": "RAS", "spacing_mm": None, "antialias": False,
                       "intensity": {"window": [-1000, 1000], "range": [0, 1], "clip": True},
                       "crop_foreground": True, "pad_to_window": True, "rotate90": 1},
        "inference": {"window": [WINDOW] * 3, "overlap": 0.5, "blend": "gaussian", "sigma_scale": 0.125},
        "labels": [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV", "color": "#e6194b"}],
    }
    if text:
        value["network"]["text"] = {"embedding_dim": TEXT_DIM, "prompts": PROMPTS, "cache": "prompts.safetensors",
                                    "template": "N0, {side} side", "fields": {"side": list(SIDES)}}
    return value


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else json.dumps(data).encode())


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sha256(path):
    return hashlib.sha256(read(path)).hexdigest()


def make_bundle(folder, text=True):
    weights = safetensors(network(text))
    value = manifest(text)
    write(f"{folder}/network.safetensors", weights)
    if text:
        write(f"{folder}/prompts.safetensors", safetensors({f"N0, {side} side": embedding(i + 1) for i, side in enumerate(SIDES)}))
    value["files"] = {"network.safetensors": {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}}
    write(f"{folder}/manifest.json", value)


def header(dim=(3, 40, 36, 20, 1, 1, 1, 1), datatype=4, bits=16, spacing=(1.0, 1.0, 2.0), slope=1.0, inter=0.0, sform=True, offset=352.0,
           magic=b"n+1\0", size=348, matrix=None):
    """The 348 bytes of a NIfTI-1 header and 4 bytes without extension."""
    h = bytearray(352)
    struct.pack_into("<i", h, 0, size)
    struct.pack_into("<8h", h, 40, *dim)
    struct.pack_into("<2h", h, 70, datatype, bits)
    struct.pack_into("<8f", h, 76, 1.0, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", h, 108, offset, slope, inter)
    h[123] = 2
    if sform:
        rows = matrix or ((-spacing[0], 0, 0, 20), (0, -spacing[1], 0, 18), (0, 0, spacing[2], -7))
        struct.pack_into("<2h", h, 252, 0, 1)
        for i, row in enumerate(rows):
            struct.pack_into("<4f", h, 280 + 16 * i, *row)
    h[344:348] = magic
    return bytes(h)


def voxels(dim=(40, 36, 20), seed=7):
    """A bright box in air, with noise: int16."""
    generator = random.Random(seed)
    values = array.array("h")
    for z in range(dim[2]):
        for y in range(dim[1]):
            for x in range(dim[0]):
                inside = 4 <= x < dim[0] - 5 and 3 <= y < dim[1] - 4 and 2 <= z < dim[2] - 1
                values.append(generator.randint(-100, 200) if inside else -1000)
    return values.tobytes()


def nifti(data=None, **changes):
    return header(**changes) + (voxels() if data is None else data)


def gz(data):
    return gzip.compress(data, 6, mtime=0)


def read_nifti(path):
    """(dim, datatype, matrix bytes with codes, extension texts, voxel bytes)"""
    data = read(path)
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    dim = struct.unpack_from("<8h", data, 40)
    offset = int(struct.unpack_from("<f", data, 108)[0])
    texts, at = [], 352
    while data[348] and at + 8 <= offset:
        size, code = struct.unpack_from("<2i", data, at)
        if size < 16:
            break
        texts.append((code, data[at + 8:at + size].rstrip(b"\0")))
        at += size
    return dim, struct.unpack_from("<h", data, 70)[0], data[252:328], texts, data[offset:]
