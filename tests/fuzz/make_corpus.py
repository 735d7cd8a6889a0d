"""Writes the seeds of the fuzz corpora (corpus/): small sound files and the common kinds of damage. Findings of the fuzzers are added
by hand as files whose names say what they were."""
import gzip
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def write(kind, name, data):
    folder = os.path.join(HERE, "corpus", kind)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def manifest(**changes):
    base = {
        "schema": "ctvk-bundle/1", "name": "n", "version": "1", "intended_use": "test",
        "network": {"architecture": "llmseg", "weights": "w.safetensors", "in_channels": 1, "out_channels": 2, "feature_size": 16,
                    "text": {"embedding_dim": 32, "prompts": 2, "cache": "c.safetensors", "template": "{side} side",
                             "fields": {"side": ["left", "right"]},
                             "encoder": {"type": "llama-gguf", "file": "l.gguf", "sha256": "0" * 64, "soft_prompt": "contexts",
                                         "segment_token_embedding": "segment_token", "max_tokens": 120}}},
        "preprocess": {"orientation": "RAS", "spacing_mm": [1, 1, 3], "antialias": True,
                       "intensity": {"window": [-1000, 1000], "range": [0, 1], "clip": True},
                       "crop_foreground": True, "pad_to_window": True, "rotate90": 1},
        "inference": {"window": [64, 64, 32], "overlap": 0.5, "blend": "gaussian", "sigma_scale": 0.125},
        "labels": [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV", "color": "#e6194b"}],
        "files": {"w.safetensors": {"sha256": "a" * 64, "bytes": 123}},
    }
    base.update(changes)
    return json.dumps(base).encode()


def manifests():
    write("manifest", "sound.json", manifest())
    write("manifest", "vision.json", manifest(network={"architecture": "llmseg", "weights": "w", "in_channels": 1, "out_channels": 2,
                                                       "feature_size": 32, "text": None}))
    write("manifest", "escape.json", manifest(name="\u00e9\U0001f600\"\\", unknown={"deep": [[[[1]]]]}))
    write("manifest", "huge_number.json", manifest(inference={"window": [64, 64, 1e999], "overlap": 0.5}).replace(b"Infinity", b"1e999"))
    write("manifest", "twice.json", b'{"schema":"ctvk-bundle/1","schema":"ctvk-bundle/1"}')
    write("manifest", "nested.json", b"[" * 60 + b"]" * 60)
    write("manifest", "not_utf8.json", manifest().replace(b"background", b"\xff\xc0\x80\xed\xa0\x80"))


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype, shape, first, last):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def tensor_files():
    write("safetensors", "sound", safetensors({"__metadata__": {"format": "pt"}, "a": tensor("F32", [2, 3], 0, 24),
                                               "b": tensor("F16", [4], 24, 32), "c": tensor("BF16", [], 32, 34),
                                               "d": tensor("I64", [1], 34, 42), "e": tensor("F32", [0, 5], 42, 42)}, bytes(42)))
    write("safetensors", "empty", safetensors({}))
    write("safetensors", "overlap", safetensors({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [2], 4, 12)}, bytes(12)))
    write("safetensors", "overflow", safetensors({"a": tensor("F32", [1 << 32, 1 << 32, 4], 0, 0)}))
    write("safetensors", "beyond", safetensors({"a": tensor("F32", [4], 8, 24)}, bytes(16)))
    write("safetensors", "twice", safetensors(b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},'
                                              b'"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}', bytes(2)))
    write("safetensors", "long_header", safetensors({}, length=1 << 63))


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(metadata=(), tensors=(), data=b"", version=3, keys=None, count=None, alignment=32):
    """metadata: (key, type, bytes of the value); tensors: (name, shape, type, offset)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors) if count is None else count, len(metadata) if keys is None else keys)
    for key, kind, value in metadata:
        out += text(key) + struct.pack("<I", kind) + value
    for name, shape, kind, offset in tensors:
        out += text(name) + struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, kind, offset)
    return out + bytes(-len(out) % alignment) + data


def array(element, count, values):
    return struct.pack("<IQ", element, count) + values


def gguf_files():
    scalars = [(f"k{i}", i, bytes([1] + [0] * (size - 1))) for i, size in
               enumerate((1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8)) if size]
    write("gguf", "sound", gguf([("general.architecture", 8, text("llama")), ("general.alignment", 4, struct.pack("<I", 8)),
                                 ("a", 9, array(8, 2, text("x") + text(""))), ("b", 9, array(6, 2, bytes(8))),
                                 ("c", 9, array(5, 1, bytes(4))), ("k", 9, array(9, 1, array(0, 2, b"ab")))] + scalars,
                                [("t", (4, 2), 0, 0), ("u", (32,), 2, 32)], bytes(56), alignment=8))
    blocks = ((1, 1, 2), (30, 1, 2), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34), (12, 256, 144), (13, 256, 176), (14, 256, 210))
    tensors, offset = [], 0
    for kind, elements, size in blocks:
        tensors.append((f"t{kind}", (elements,), kind, offset))
        offset += size + -size % 32
    write("gguf", "types", gguf(tensors=tensors, data=bytes(range(256)) * 4, version=2))
    write("gguf", "empty", gguf())
    write("gguf", "version_1", gguf(version=1))
    write("gguf", "big_endian", gguf(version=3 << 24))
    write("gguf", "many_keys", gguf(keys=1 << 62))
    write("gguf", "many_tensors", gguf(count=(1 << 64) - 1))
    write("gguf", "long_text", gguf([("a", 8, struct.pack("<Q", (1 << 64) - 8))]))
    write("gguf", "long_array", gguf([("a", 9, array(12, (1 << 61) + 1, bytes(8)))]))
    write("gguf", "deep", gguf([("a", 9, array(9, 1, b"") * 5 + array(0, 1, b"x"))]))
    write("gguf", "alignment", gguf([("general.alignment", 4, struct.pack("<I", 12))], [("t", (1,), 0, 0)], bytes(32)))
    write("gguf", "twice", gguf([("a", 7, b"\1"), ("a", 7, b"\0")]))
    write("gguf", "same_name", gguf(tensors=[("t", (1,), 0, 0), ("t", (1,), 0, 32)], data=bytes(64)))
    write("gguf", "overlap", gguf(tensors=[("t", (16,), 0, 0), ("u", (16,), 0, 32)], data=bytes(96)))
    write("gguf", "overflow", gguf(tensors=[("t", (1 << 32, 1 << 32), 0, 0)], data=bytes(32)))
    write("gguf", "beyond", gguf(tensors=[("t", (16,), 0, (1 << 64) - 32)], data=bytes(64)))
    write("gguf", "not_read", gguf(tensors=[("t", (256,), 16, 0)], data=bytes(96)))


def nifti(datatype=4, bitpix=16, dim=(3, 2, 2, 2, 1, 1, 1, 1), order="<", data=None, sform=1, qform=0, offset=352.0, extension=b"", slope=1.0,
          pixdim=(1.0, 1.0, 1.0, 3.0, 0, 0, 0, 0), magic=b"n+1\0"):
    head = struct.pack(order + "i10s18sihcB8h3fhhhh8ffffhBB4f2i80s24shh3f3f12f16s4s", 348, b"", b"", 0, 0, b"r", 0, *dim, 0, 0, 0, 0,
                       datatype, bitpix, 0, *pixdim, offset, slope, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, b"", b"", qform, sform,
                       0.1, 0.2, 0.3, 1, 2, 3, -1, 0, 0, 10, 0, -1, 0, 20, 0, 0, 3, -30, b"", magic)
    assert len(head) == 348
    data = bytes(dim[1] * dim[2] * dim[3] * bitpix // 8) if data is None else data
    return head + (extension or bytes(4)) + data


def images():
    sound = nifti()
    write("nifti", "int16.nii", sound)
    write("nifti", "int16.nii.gz", gzip.compress(sound, mtime=0))
    write("nifti", "members.nii.gz", gzip.compress(sound[:100], mtime=0) + gzip.compress(sound[100:], mtime=0) + gzip.compress(b"", mtime=0))
    write("nifti", "big_endian.nii", nifti(order=">"))
    write("nifti", "float64_qform.nii", nifti(64, 64, sform=0, qform=1))
    write("nifti", "spacing_only.nii", nifti(2, 8, sform=0))
    write("nifti", "one_of_four.nii", nifti(16, 32, dim=(4, 2, 2, 2, 1, 0, 0, 0)))
    comment = struct.pack("<ii", 32, 6) + b'{"labels":["a"]}'.ljust(24, b"\0")
    write("nifti", "extension.nii", nifti(offset=384.0, extension=b"\1\0\0\0" + comment))
    write("nifti", "bomb.nii.gz", gzip.compress(sound + bytes(300000), mtime=0))
    write("nifti", "promise.nii.gz", gzip.compress(nifti(dim=(3, 32767, 32767, 32767, 1, 1, 1, 1), data=b"12"), mtime=0))
    write("nifti", "complex.nii", nifti(32, 64))
    write("nifti", "nan.nii", nifti(16, 32, data=struct.pack("<8f", *[float("nan")] * 8)))
    write("nifti", "nifti2.nii", struct.pack("<i8s", 540, b"n+2\0\r\n\x1a\n") + bytes(540))
    write("nifti", "analyze.hdr", nifti(magic=bytes(4))[:348])


def paths():
    names = ["a/b", "in", "out/passwd", "up/x", "loop", "../x", "/etc/passwd", "a/../a/b", "a//b", "./a/b", "a", "", "a\\b", "a/b/", "\x01",
             "x" * 300]
    for i, name in enumerate(names):
        write("bundle_path", f"{i:02}", name.encode())


def prompts():
    texts = {"prompt": "N1, cT2, breast conserving surgery, left side", "merges": "abc aab  aaaa\tbc cccc 's 111111 xyz", "markup": "<s>[T]x[T] <|im_start|>", "user": "a\t\tx\t\t\t\t b",
             "scripts": "\u4e2d\u6587\uff0ce\u0301\u00a0\U0001f600\u0663\u00bd\r\n\n ", "empty": "", "zero": "a\0b"}
    for name, value in texts.items():
        write("tokenizer_spm", name, value.encode())
        for i, rule in enumerate(("gpt2", "llama3", "smollm", "default")):
            write("tokenizer_bpe", f"{name}_{rule}", bytes([i]) + value.encode())
    for name, value in {"surrogate": b"a\xed\xa0\x80", "overlong": b"\xc0\xaf", "cut": b"ab\xf0\x9f\x98"}.items():
        write("tokenizer_spm", name, value)
        write("tokenizer_bpe", name, b"\0" + value)


def main():
    manifests()
    tensor_files()
    gguf_files()
    images()
    paths()
    prompts()
    return 0


if __name__ == "__main__":
    sys.exit(main())
