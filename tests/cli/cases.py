"""The table of damaged input. An argument's @ stands for the case's own folder, made anew from the sound files."""
import gzip
import json
import os
import struct

import files

NAN = struct.pack("<f", float("nan"))


class Case:
    def __init__(self, name, code, names, arguments, damage=None, env=None):
        self.name, self.code, self.names, self.arguments = name, code, names, arguments
        self.damage = damage or (lambda folder: None)
        self.env = env or {}


def segment(*more, model="@text", image="@ct.nii.gz", output="@out/label.nii.gz"):
    return ["segment", "--model", model, "--image", image, "--output", output, "--quiet"] + list(more)


LEFT = ("--prompt", "N0, left side")


def command_lines():
    def case(name, names, arguments, code=2, **more):
        return Case(f"command line: {name}", code, names, arguments, **more)

    yield case("nothing", "command", [])
    yield case("empty word", "command \"\"", [""])
    yield case("unknown command", "frobnicate", ["frobnicate"])
    yield case("embed without output", "--output", ["embed", "--model", "@text", "--prompt", "N0, left side"])
    yield case("embed without a prompt", "--prompt", ["embed", "--model", "@text", "--output", "@out/e.safetensors"])
    yield case("embed with two prompts", "--field", ["embed", "--model", "@text", "--output", "@out/e.safetensors", *LEFT, "--field", "side=left"])
    yield case("embed for a vision-only model", "vision-only", ["embed", "--model", "@vision", "--output", "@out/e.safetensors", *LEFT])
    yield case("embed with a memory limit that is none", "--memory-limit", ["embed", "--model", "@text", "--output", "@out/e.safetensors", *LEFT,
                                                                           "--memory-limit", "little"])
    yield case("tokenize without a model", "--llm", ["tokenize", "--prompt", "left"])
    yield case("tokenize without a text", "--prompt", ["tokenize", "--llm", "@ct.nii"])
    yield case("tokenize with a text and lines", "--jsonl", ["tokenize", "--llm", "@ct.nii", "--prompt", "left", "--jsonl"])
    yield case("evaluate alone", "--reference", ["evaluate"])
    yield case("evaluate without a prediction", "--prediction", ["evaluate", "--reference", "@ct.nii.gz"])
    yield case("option before command", "--model", ["--model", "@text"])
    yield case("version with more", "--version", ["--version", "now"])
    yield case("control bytes", "command", ["\x1b[31mred\nctvk: error: fake"])
    yield case("segment alone", "--model", ["segment"])
    yield case("no model", "--model", ["segment", "--image", "@ct.nii.gz", "--output", "@out/label.nii.gz"])
    yield case("no image", "--image", ["segment", "--model", "@text", "--output", "@out/label.nii.gz"])
    yield case("no output", "--output", ["segment", "--model", "@text", "--image", "@ct.nii.gz"])
    yield case("value missing at the end", "--output", ["segment", "--model", "@text", "--image", "@ct.nii.gz", "--output"])
    yield case("value missing before an option", "--model", ["segment", "--model", "--image", "@ct.nii.gz"])
    yield case("empty model", "--model", segment(*LEFT, model=""))
    yield case("empty image", "--image", segment(*LEFT, image=""))
    yield case("empty output", "--output", segment(*LEFT, output=""))
    yield case("unknown option", "--modell", segment("--modell", "x"))
    yield case("unknown short option", "-m", segment("-m", "x"))
    yield case("stray word", "stray", segment("stray"))
    yield case("stray word after --", "stray", segment("--", "stray"))
    yield case("option twice", "--model", segment("--model", "@text"))
    yield case("switch with a value", "--progress", segment("--progress=1"))
    yield case("progress and quiet", "--quiet", segment("--progress"))
    yield case("quiet twice", "--quiet", segment("--quiet"))
    for text in ("0", "-1", "many", "1.5", "1e3", "12MiB", "99999999999999999999999", " 12", "0x10", ""):
        yield case(f"memory limit {text!r}", "--memory-limit", segment(*LEFT, f"--memory-limit={text}"))
    yield case("precision unknown", "--precision", segment(*LEFT, "--precision", "f64"))
    yield case("precision in capitals", "--precision", segment(*LEFT, "--precision", "F16"))
    yield case("output without extension", "--output", segment(*LEFT, output="@out/label"))
    yield case("output as png", "--output", segment(*LEFT, output="@out/label.png"))
    yield case("output is only an extension", "--output", segment(*LEFT, output=".nii"))
    yield case("probability as png", "--probability", segment(*LEFT, "--probability", "@out/p.png"))
    yield case("output over the image", "--output", segment(*LEFT, output="@ct.nii.gz"))
    yield case("output over the image by another path", "--output", segment(*LEFT, output="@out/../ct.nii.gz"))
    yield case("report over the prompt", "--report", segment("--prompt-file", "@prompt.txt", "--report", "@prompt.txt"))
    yield case("two outputs in one file", "--probability", segment(*LEFT, "--probability", "@out/label.nii.gz"))
    yield case("report and logits in one file", "--report", segment(*LEFT, "--logits", "@out/a", "--report", "@out/a"))
    yield case("report names a folder", "--report", segment(*LEFT, "--report", "@out/"))
    yield case("prompt twice in two forms", "--prompt-file", segment(*LEFT, "--prompt-file", "@prompt.txt"))
    yield case("prompt and field", "--field", segment(*LEFT, "--field", "side=left"))
    yield case("prompt and embedding", "--text-embedding", segment(*LEFT, "--text-embedding", "@good.safetensors"))
    yield case("no prompt", "prompt", segment())
    yield case("empty prompt", "prompt", segment("--prompt", ""))
    yield case("white prompt", "prompt", segment("--prompt", " \t "))
    yield case("prompt of only a mark", "prompt", segment("--prompt", "<SEG>"))
    yield case("prompt that is not UTF-8", "prompt", segment("--prompt", "left \udcff side"))
    yield case("prompt with an overlong form", "prompt", segment("--prompt", "left \udcc0\udcaf"))
    yield case("prompt that is not cached", "prompt", segment("--prompt", "N3, right side"), code=4)
    yield case("prompt too long", "prompt", segment("--prompt", "x" * 70000))
    yield case("field without value", "--field", segment("--field", "side"))
    yield case("field without name", "--field", segment("--field", "=left"))
    yield case("field unknown", "side", segment("--field", "stage=N0"))
    yield case("field value unknown", "left", segment("--field", "side=middle"))
    yield case("field value empty", "side", segment("--field", "side="))
    yield case("field twice", "side", segment("--field", "side=left", "--field", "side=left"))
    yield case("too many fields", "--field", segment(*(["--field", "side=left"] * 100)))
    yield case("devices with a word", "extra", ["devices", "extra"])
    yield case("devices with an unknown option", "--yaml", ["devices", "--yaml"])
    yield case("inspect alone", "BUNDLE", ["inspect"])
    yield case("inspect two", "BUNDLE", ["inspect", "@text", "@vision"])
    yield case("verify alone", "BUNDLE", ["verify"])
    yield case("verify with an option", "--json", ["verify", "@text", "--json"])


def paths():
    def case(name, code, names, arguments, damage=None, **more):
        return Case(f"path: {name}", code, names, arguments, damage, **more)

    def make_fifo(name):
        return lambda folder: os.mkfifo(f"{folder}/{name}")

    yield case("image missing", 3, "none.nii.gz", segment(*LEFT, image="@none.nii.gz"))
    yield case("image is a folder", 3, "text", segment(*LEFT, image="@text"))
    yield case("image is a pipe", 3, "pipe.nii", segment(*LEFT, image="@pipe.nii"), make_fifo("pipe.nii"))
    yield case("output folder missing", 3, "--output", segment(*LEFT, output="@none/label.nii.gz"))
    yield case("output folder is a file", 3, "--output", segment(*LEFT, output="@ct.nii.gz/label.nii.gz"))
    yield case("output is a folder", 3, "taken.nii.gz", segment(*LEFT, output="@taken.nii.gz"),
               lambda folder: os.mkdir(f"{folder}/taken.nii.gz"))
    yield case("output is a pipe", 3, "pipe.nii", segment(*LEFT, output="@pipe.nii"), make_fifo("pipe.nii"))
    yield case("report is a device", 3, "/dev/null", segment(*LEFT, "--report", "/dev/null"))
    yield case("report folder missing", 3, "--report", segment(*LEFT, "--report", "@none/report.json"))
    yield case("logits folder missing", 3, "--logits", segment(*LEFT, "--logits", "@none/logits.safetensors"))
    yield case("llm missing", 4, "none.gguf", segment(*LEFT, "--llm", "@none.gguf"))
    yield case("llm for a bundle that names none", 4, "tiny", segment("--prompt", "N1, left side", "--llm", "@ct.nii"))
    yield case("vocabulary missing", 3, "none.gguf", ["tokenize", "--llm", "@none.gguf", "--prompt", "left"])
    yield case("vocabulary is a folder", 3, "text", ["tokenize", "--llm", "@text", "--prompt", "left"])
    yield case("vocabulary is no GGUF", 3, "ct.nii", ["tokenize", "--llm", "@ct.nii", "--prompt", "left"])
    yield case("embed into a missing folder", 3, "--output", ["embed", "--model", "@text", *LEFT, "--output", "@none/e.safetensors"])
    yield case("prompt file missing", 3, "none.txt", segment("--prompt-file", "@none.txt"))
    yield case("prompt file is a folder", 3, "out", segment("--prompt-file", "@out"))
    yield case("prompt file too long", 3, "long.txt", segment("--prompt-file", "@long.txt"),
               lambda folder: files.write(f"{folder}/long.txt", b"x" * 70000))
    yield case("prompt file with zero bytes", 3, "zero.txt", segment("--prompt-file", "@zero.txt"),
               lambda folder: files.write(f"{folder}/zero.txt", b"N0\0left"))
    yield case("prompt file empty", 2, "prompt", segment("--prompt-file", "@empty.txt"),
               lambda folder: files.write(f"{folder}/empty.txt", b"\n"))
    yield case("prompt file is a silent pipe", 2, "prompt", segment("--prompt-file", "@pipe"), make_fifo("pipe"))
    yield case("prompt file not UTF-8", 2, "prompt", segment("--prompt-file", "@latin.txt"),
               lambda folder: files.write(f"{folder}/latin.txt", "Größe, left side".encode("latin-1")))
    yield case("bundle missing", 4, "none", segment(*LEFT, model="@none"))
    yield case("bundle is a file", 4, "ct.nii.gz", segment(*LEFT, model="@ct.nii.gz"))
    yield case("bundle without manifest", 4, "manifest.json", segment(*LEFT, model="@out"))
    yield case("inspect: bundle missing", 4, "none", ["inspect", "@none"])
    yield case("verify: bundle missing", 4, "none", ["verify", "@none"])
    yield case("device missing", 5, "no such card", segment(*LEFT, "--device", "no such card"))
    yield case("device number too large", 5, "99", segment(*LEFT, "--device", "99"))
    yield case("device from the environment", 5, "nothing", segment(*LEFT), env={"CTVK_DEVICE": "nothing like it"})
    yield case("a mask that nobody knows", 2, "warps", segment(*LEFT), env={"CTVK_MASK": "fp16,warps"})
    yield case("no driver", 5, "Vulkan", segment(*LEFT), env={"VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"})
    yield case("devices without a driver", 5, "Vulkan", ["devices"],
               env={"VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"})
    yield case("inspect: device missing", 5, "nothing", ["inspect", "@text", "--device", "nothing like it"])
    yield case("memory limit too small", 6, "device memory", segment(*LEFT, "--memory-limit", "8"))


def change_manifest(change, bundle="text"):
    def damage(folder):
        path = f"{folder}/{bundle}/manifest.json"
        value = json.loads(files.read(path))
        change(value)
        files.write(path, value)
    return damage


def put(path, value):
    """Sets the key at a dotted path."""
    def change(manifest):
        at = manifest
        *folders, last = path.split(".")
        for key in folders:
            at = at[key]
        at[last] = value
    return change_manifest(change)


def drop(path):
    def change(manifest):
        at = manifest
        *folders, last = path.split(".")
        for key in folders:
            at = at[key]
        del at[last]
    return change_manifest(change)


def raw_manifest(text):
    return lambda folder: files.write(f"{folder}/text/manifest.json", text)


def manifests():
    def case(name, names, damage, code=4, command=None):
        return Case(f"manifest: {name}", code, names, command or segment(*LEFT), damage)

    for name, text in (("empty", b""), ("not JSON", b"hello"), ("cut short", b'{"schema": "ctvk-bundle/1", '), ("an array", b"[]"),
                       ("a number", b"7"), ("too deep", b"[" * 20000 + b"]" * 20000), ("too long", b'{"a": "' + b"x" * (2 << 20) + b'"}'),
                       ("not UTF-8", b'{"schema": "\xff"}'), ("with zero bytes", b'{"schema"\0: 1}'), ("with rest", b'{"schema": "ctvk-bundle/1"} x')):
        yield case(name, "manifest.json", raw_manifest(text))
    for path in ("schema", "name", "version", "network", "network.architecture", "network.weights", "network.in_channels",
                 "network.out_channels", "network.feature_size", "network.text", "network.text.embedding_dim", "network.text.prompts",
                 "preprocess", "preprocess.orientation", "preprocess.intensity", "preprocess.intensity.window", "inference",
                 "inference.window", "inference.overlap", "labels"):
        yield case(f"{path} missing", path.split(".")[-1], drop(path))
    for path, value in (("schema", "ctvk-bundle/2"), ("schema", 1), ("name", 5), ("network", []), ("network.architecture", "unet"),
                        ("network.in_channels", 2), ("network.out_channels", 1), ("network.out_channels", 3), ("network.feature_size", "48"),
                        ("network.feature_size", 17), ("network.feature_size", -16), ("network.feature_size", 1e300),
                        ("network.text", "yes"), ("network.text.embedding_dim", 0),
                        ("network.text.prompts", 1.5), ("network.text.fields", {"side": "left"}),
                        ("preprocess.orientation", "RAR"), ("preprocess.spacing_mm", [1, 1]), ("preprocess.spacing_mm", [0, 1, 1]),
                        ("preprocess.intensity.window", [1000, -1000]), ("preprocess.rotate90", "one"), ("inference.window", [33, 32, 32]),
                        ("inference.window", [32, 32]), ("inference.window", [1e9, 32, 32]), ("inference.overlap", 1),
                        ("inference.overlap", -0.5), ("inference.blend", "average"), ("inference.sigma_scale", 0), ("labels", {}),
                        ("labels", [{"value": 0, "name": "background"}]),
                        ("labels", [{"value": 0, "name": "background"}, {"value": 9, "name": "CTV"}])):
        yield case(f"{path} = {json.dumps(value)[:40]}", path.split(".")[-1], put(path, value))
    # Sound by themselves, but the files say otherwise.
    yield case("network wider than its weights", "encoder1", put("network.feature_size", 32))
    yield case("text wider than its cache", "prompts.safetensors", put("network.text.embedding_dim", 17))
    for value in ("/etc/passwd", "../ct.nii.gz", "a/../../ct.nii.gz", "", "none.safetensors", "."):
        yield case(f"weights at {value!r}", "weights" if value != "none.safetensors" else "none.safetensors", put("network.weights", value)
                   ) if value != "." else case("weights are a folder", "sub", lambda folder: (os.mkdir(f"{folder}/text/sub"),
                                                                                              put("network.weights", "sub")(folder)))
    yield case("cache outside", "cache", put("network.text.cache", "../good.safetensors"))
    yield case("cache missing", "none.safetensors", put("network.text.cache", "none.safetensors"))
    yield case("weights by a link to outside", "network.safetensors", lambda folder: (
        os.rename(f"{folder}/text/network.safetensors", f"{folder}/moved"), os.symlink("../moved", f"{folder}/text/network.safetensors")))
    yield case("hash wrong", "network.safetensors", put("files", {"network.safetensors": {"sha256": "0" * 64}}))
    yield case("hash ill-typed", "sha256", put("files", {"network.safetensors": {"sha256": "abc"}}))
    yield case("length wrong", "network.safetensors", put("files", {"network.safetensors": {"sha256": "0" * 64, "bytes": 3}}))
    yield case("listed file missing", "extra.bin", put("files", {"extra.bin": {"sha256": "0" * 64}}))
    yield case("listed file outside", "ct.nii", put("files", {"../ct.nii": {"sha256": "0" * 64}}))
    yield case("inspect: hash wrong", "network.safetensors", put("files", {"network.safetensors": {"sha256": "0" * 64}}),
               command=["inspect", "@text"])
    yield case("verify: hash wrong", "network.safetensors", put("files", {"network.safetensors": {"sha256": "0" * 64}}),
               command=["verify", "@text"])


def damage_weights(change):
    """change(header, body) -> bytes of the new file; the manifest's hashes go, so that the file itself is judged."""
    def damage(folder):
        path = f"{folder}/text/network.safetensors"
        data = files.read(path)
        length = struct.unpack_from("<Q", data)[0]
        new = change(json.loads(data[8:8 + length]), data[8 + length:])
        os.unlink(path)
        files.write(path, new)
        drop("files")(folder)
    return damage


def edit(name, **fields):
    def change(header, body):
        header[name].update(fields)
        return files.raw_safetensors(header, body)
    return damage_weights(change)


FIRST = "encoder1.layer.conv1.conv.weight"


def without(header, name):
    return {key: value for key, value in header.items() if key != name}


def set_value(header, body, name, value):
    at = header[name]["data_offsets"][0]
    return files.raw_safetensors(header, body[:at] + value + body[at + 4:])


def weights():
    def case(name, names, damage, command=None):
        return Case(f"weights: {name}", 4, names, command or segment(*LEFT), damage)

    raw = "network.safetensors"
    for name, data in (("empty", b""), ("seven bytes", b"\1\0\0\0\0\0\0"), ("no header", b"\0" * 8), ("endless header", b"\xff" * 64),
                       ("header beyond the file", struct.pack("<Q", 1 << 20) + b"{}"), ("header no JSON", files.raw_safetensors(b"hello   ", b"")),
                       ("header an array", files.raw_safetensors(b"[]      ", b"")), ("no tensor", files.raw_safetensors({}, b""))):
        yield case(name, "" if name == "no tensor" else raw, damage_weights(lambda header, body, data=data: data))
    yield case("cut short", raw, damage_weights(lambda header, body: files.raw_safetensors(header, body[:-100])))
    yield case("tensor missing", FIRST, damage_weights(lambda header, body: files.raw_safetensors(
        {**without(header, FIRST), "other": header[FIRST]}, body)))
    yield case("shape transposed", FIRST, edit(FIRST, shape=[1, 16, 3, 3, 3]))
    yield case("shape of another rank", FIRST, edit(FIRST, shape=[16, 27]))
    yield case("shape negative", FIRST, edit(FIRST, shape=[-16, -1, 3, 3, 3]))
    yield case("shape overflows", FIRST, edit(FIRST, shape=[1 << 40, 1 << 40, 1 << 40]))
    yield case("shape of fractions", FIRST, edit(FIRST, shape=[16.5, 1, 3, 3, 3]))
    yield case("shape no array", FIRST, edit(FIRST, shape=16))
    yield case("type unknown", FIRST, edit(FIRST, dtype="Q8"))
    yield case("type of integers", FIRST, edit(FIRST, dtype="I32"))
    yield case("offsets reversed", FIRST, edit(FIRST, data_offsets=[1728, 0]))
    yield case("offsets beyond the file", FIRST, edit(FIRST, data_offsets=[1 << 40, (1 << 40) + 1728]))
    yield case("offsets overlap", raw, edit(FIRST, data_offsets=[4, 1732]))
    yield case("offsets missing", FIRST, damage_weights(lambda header, body: files.raw_safetensors(
        {**header, FIRST: without(header[FIRST], "data_offsets")}, body)))
    yield case("entry no object", FIRST, damage_weights(lambda header, body: files.raw_safetensors({**header, FIRST: 3}, body)))
    yield case("NaN", FIRST, damage_weights(lambda header, body: set_value(header, body, FIRST, NAN)))
    yield case("verify: infinity", FIRST, damage_weights(lambda header, body: set_value(header, body, FIRST, struct.pack("<f", float("inf")))),
               ["verify", "@text"])
    yield case("cache of another shape", "prompts.safetensors", lambda folder: files.write(
        f"{folder}/text/prompts.safetensors", files.safetensors({"N0, left side": files.embedding(1, 8)})))
    yield case("cache with NaN", "prompts.safetensors", lambda folder: files.write(
        f"{folder}/text/prompts.safetensors", files.safetensors({"N0, left side": ((2, 16), NAN * 32)})))


def embeddings():
    def case(name, data):
        return Case(f"embedding: {name}", 3, "e.safetensors", segment("--text-embedding", "@e.safetensors"),
                    lambda folder: files.write(f"{folder}/e.safetensors", data) if data is not None else None)

    shape, values = files.embedding(5)
    yield case("missing", None)
    yield case("empty", b"")
    yield case("no safetensors", b"hello, this is not one of them")
    yield case("of another name", files.safetensors({"embedding": (shape, values)}))
    yield case("of another width", files.safetensors({"text_embedding": files.embedding(5, 8)}))
    yield case("of one prompt", files.safetensors({"text_embedding": files.embedding(5, 16, 1)}))
    yield case("flat", files.safetensors({"text_embedding": ((32,), values)}))
    yield case("transposed", files.safetensors({"text_embedding": ((16, 2), values)}))
    yield case("with NaN", files.safetensors({"text_embedding": (shape, NAN + values[4:])}))
    yield case("with infinity", files.safetensors({"text_embedding": (shape, values[:-4] + struct.pack("<f", float("-inf")))}))
    yield case("of integers", files.safetensors({"text_embedding": (shape, values)}, "I32"))
    yield case("cut short", files.safetensors({"text_embedding": (shape, values)})[:-8])


def images():
    def case(name, data, extension=".nii", code=3):
        return Case(f"image: {name}", code, "bad", segment(*LEFT, image="@bad" + extension),
                    lambda folder: files.write(f"{folder}/bad{extension}", data))

    body = files.voxels()
    floats = struct.pack("<f", 1.0) * (40 * 36 * 20)
    yield case("empty", b"")
    yield case("text", b"this is no image, not even a short one" * 20)
    yield case("zeros", b"\0" * 2000)
    yield case("only a header", files.header())
    yield case("half a header", files.header()[:200])
    yield case("cut short", files.nifti()[:-1000])
    yield case("wrong magic", files.nifti(magic=b"xyz\0"))
    yield case("header size 7", files.nifti(size=7))
    for dim in ((0,) * 8, (3, 0, 36, 20, 1, 1, 1, 1), (3, -40, 36, 20, 1, 1, 1, 1), (3, 32767, 32767, 32767, 1, 1, 1, 1), (1, 40, 1, 1, 1, 1, 1, 1),
                (4, 40, 36, 10, 2, 1, 1, 1), (9, 40, 36, 20, 1, 1, 1, 1), (5, 40, 36, 10, 1, 2, 1, 1), (7, 300, 300, 300, 300, 300, 300, 300)):
        yield case(f"dim {dim}", files.nifti(dim=dim))
    for code, bits, name in ((0, 0, "unknown"), (1, 1, "binary"), (32, 64, "complex"), (128, 24, "RGB"), (1792, 128, "double complex"),
                             (2304, 32, "RGBA"), (77, 16, "none at all"), (1536, 128, "long double")):
        yield case(f"type {name}", files.nifti(datatype=code, bits=bits, data=body * 8))
    yield case("bits against type", files.nifti(datatype=16, bits=16))
    for spacing in ((0.0, 1.0, 1.0), (float("nan"), 1.0, 1.0), (1.0, float("inf"), 1.0)):
        yield case(f"spacing {spacing} alone", files.nifti(spacing=spacing, sform=False))
    rows = ((1, 0, 0, 0), (0, 1, 0, 0))
    yield case("affine singular", files.nifti(matrix=(*rows, (0, 0, 0, 0))))
    yield case("affine NaN", files.nifti(matrix=(*rows, (0, 0, float("nan"), 0))))
    yield case("affine infinite", files.nifti(matrix=(*rows, (0, 0, 1, float("inf")))))
    yield case("intercept infinite", files.nifti(inter=float("inf")))
    yield case("offset inside the header", files.nifti(offset=100.0))
    yield case("offset beyond the file", files.nifti(offset=1e9))
    yield case("offset NaN", files.nifti(offset=float("nan")))
    yield case("voxel NaN", files.nifti(datatype=16, bits=32, data=NAN + floats[4:]))
    yield case("voxel infinite", files.nifti(datatype=16, bits=32, data=floats[:-4] + struct.pack("<f", float("inf"))))
    sound = files.gz(files.nifti())
    yield case("gz empty", b"", ".nii.gz")
    yield case("gz cut short", sound[:-2000], ".nii.gz")
    yield case("gz without its end", sound[:-4], ".nii.gz")
    yield case("gz damaged", sound[:3000] + bytes(64) + sound[3064:], ".nii.gz")
    yield case("gz of text", files.gz(b"hello" * 100), ".nii.gz")
    yield case("gz of nothing", files.gz(b""), ".nii.gz")
    yield case("gz bomb", gzip.compress(files.nifti() + bytes(64 << 20), 9), ".nii.gz")
    yield case("gz header of a giant", files.gz(files.nifti(dim=(3, 30000, 30000, 30000, 1, 1, 1, 1))), ".nii.gz")
    yield case("only magic of gz", b"\x1f\x8b", ".nii.gz")


def evaluations():
    """The image in the place of a label map, and every kind of file that is none, on either side."""
    def case(name, names, reference, prediction, damage=None):
        arguments = ["evaluate", "--reference", reference, "--prediction", prediction, "--json"]
        return Case(f"evaluate: {name}", 3, names, arguments, damage)

    labels = bytes(40 * 36 * 20)
    sound = files.nifti(data=labels, datatype=2, bits=8)

    def put(data, name="bad.nii"):
        def damage(folder):
            files.write(f"{folder}/labels.nii", sound)
            files.write(f"{folder}/{name}", data)
        return damage

    yield case("an image as the reference", "ct.nii.gz", "@ct.nii.gz", "@labels.nii", put(b""))
    yield case("an image as the prediction", "ct.nii.gz", "@labels.nii", "@ct.nii.gz", put(b""))
    yield case("reference missing", "none.nii", "@none.nii", "@labels.nii", put(b""))
    yield case("prediction is a folder", "text", "@labels.nii", "@text", put(b""))
    yield case("prediction is a pipe", "pipe.nii", "@labels.nii", "@pipe.nii", lambda folder: (put(b"")(folder), os.mkfifo(f"{folder}/pipe.nii")))
    for name, data in (("empty", b""), ("text", b"no label map" * 100), ("cut short", sound[:-1]), ("half a header", sound[:200]),
                       ("two volumes", files.nifti(data=labels, datatype=2, bits=8, dim=(4, 40, 36, 10, 2, 1, 1, 1))),
                       ("another size", files.nifti(data=labels, datatype=2, bits=8, dim=(3, 36, 40, 20, 1, 1, 1, 1))),
                       ("another spacing", files.nifti(data=labels, datatype=2, bits=8, spacing=(1.0, 1.0, 2.1))),
                       ("negative", files.nifti(data=b"\xff" * len(labels), datatype=256, bits=8)),
                       ("NaN", files.nifti(data=NAN * len(labels), datatype=16, bits=32)),
                       ("RGB", files.nifti(data=labels * 3, datatype=128, bits=24))):
        yield case(name, "bad.nii", "@labels.nii", "@bad.nii", put(data))
        yield case(f"{name} as the reference", "bad.nii", "@bad.nii", "@labels.nii", put(data))


REPORT = {"bundle": {"name": "b", "version": "1", "sha256": "00"}, "library": "0.1.0", "device": {"name": "d", "driver": "d", "type": "cpu"},
          "precision": "f32", "image": {"sha256": None, "shape": [40, 36, 20], "spacing_mm": [1, 1, 2]},
          "labels": [{"value": 1, "name": "CTV", "voxels": 0, "volume_ml": 0}], "warnings": []}


def damaged_reports():
    """(name, bytes, what the error names)"""
    for name, data in (("empty", b""), ("text", b"no report"), ("a list", b"[]"), ("cut short", json.dumps(REPORT).encode()[:-5]),
                       ("with more behind it", json.dumps(REPORT).encode() + b"x"), ("with a zero byte", json.dumps(REPORT).encode() + b"\0"),
                       ("nested deeply", b"[" * 100000), ("of two megabytes", b" " * (2 << 20) + b"{}")):
        yield name, data, "r.json"
    for path, value in (("bundle", None), ("bundle", 1), ("bundle.name", None), ("bundle.sha256", 5), ("library", []), ("device.type", {}),
                        ("precision", None), ("image", []), ("image.shape", [1, 2]), ("image.shape", ["40", 36, 20]), ("image.shape", [36, 40, 20]),
                        ("image.spacing_mm", None), ("labels", None), ("labels", [1]), ("labels", [{"value": 1}]), ("warnings", [1]), ("warnings", "w"),
                        ("prompt", 3), ("prompt_sha256", 3), ("text", 1), ("windows", "2")):
        changed = json.loads(json.dumps(REPORT))
        owner, key = (changed[path.split(".")[0]], path.split(".")[1]) if "." in path else (changed, path)
        if value is None:
            del owner[key]
        else:
            owner[key] = value
        yield f"{path} {value}", json.dumps(changed).encode(), path


def reviews():
    """Label maps that are none or lie elsewhere, damaged reports, outputs that cannot be."""
    labels = bytes(40 * 36 * 20)
    sound = files.nifti(data=labels, datatype=2, bits=8)
    given = ["--image", "@ct.nii.gz", "--label", "@labels.nii"]

    def case(name, code, names, arguments, damage=lambda folder: None):
        def prepared(folder):
            files.write(f"{folder}/labels.nii", sound)
            files.write(f"{folder}/out/review.html", b"an older page")
            damage(folder)
        return Case(f"review: {name}", code, names, ["review", *arguments], prepared)

    def put(name, data):
        return lambda folder: files.write(f"{folder}/{name}", data)

    output = ["--output", "@out/review.html"]
    for missing in (0, 2):
        yield case(f"without {given[missing]}", 2, given[missing], given[:missing] + given[missing + 2:] + output)
    yield case("without --output", 2, "--output", given)
    yield case("an empty name", 2, "--label", ["--image", "@ct.nii.gz", "--label=", *output])
    yield case("too many maps", 2, "--label2", given + ["--label2", "@labels.nii"] * 8 + output)
    yield case("too many names", 2, "--name", given + ["--name", "a", "--name", "b"] + output)
    yield case("a stray word", 2, "more", given + output + ["more"])
    yield case("an output of another kind", 2, "html", given + ["--output", "@out/review.txt"])
    yield case("an output that is the image", 2, "--output", ["--image", "@ct.html", "--label", "@labels.nii", "--output", "@ct.html"],
               put("ct.html", files.nifti()))
    yield case("an output that is a second label map", 2, "--label2", given + ["--label2", "@l.html", "--output", "@l.html"], put("l.html", sound))
    yield case("an output in no folder", 3, "none", given + ["--output", "@none/review.html"])
    yield case("an output that is a folder", 3, "folder.html", given + ["--output", "@folder.html"], lambda folder: os.makedirs(f"{folder}/folder.html"))
    yield case("image missing", 3, "none.nii", ["--image", "@none.nii", "--label", "@labels.nii", *output])
    yield case("label map missing", 3, "none.nii", ["--image", "@ct.nii.gz", "--label", "@none.nii", *output])
    yield case("second label map missing", 3, "none.nii", given + ["--label2", "@none.nii"] + output)
    yield case("the image as the label map", 3, "ct.nii.gz", ["--image", "@ct.nii.gz", "--label", "@ct.nii.gz", *output])
    for name, data in (("empty", b""), ("cut short", sound[:-1]),
                       ("of another size", files.nifti(data=labels, datatype=2, bits=8, dim=(3, 36, 40, 20, 1, 1, 1, 1))),
                       ("of another spacing", files.nifti(data=labels, datatype=2, bits=8, spacing=(1.0, 1.0, 2.1))),
                       ("negative", files.nifti(data=b"\xff" * len(labels), datatype=256, bits=8)),
                       ("of halves", files.nifti(data=labels[:-1] + b"\1", datatype=2, bits=8, slope=0.5)),
                       ("of 65536", files.nifti(data=labels * 3 + b"\0\0\1\0" * 10 * 36 * 20, datatype=8, bits=32)),
                       ("of 300 labels", files.nifti(data=b"".join(struct.pack("<h", i % 300) for i in range(len(labels))))),
                       ("NaN", files.nifti(data=NAN * len(labels), datatype=16, bits=32))):
        yield case(f"label map {name}", 3, "bad.nii", ["--image", "@ct.nii.gz", "--label", "@bad.nii", *output], put("bad.nii", data))
        yield case(f"second label map {name}", 3, "bad.nii", given + ["--label2", "@bad.nii"] + output, put("bad.nii", data))
    for name, data, names in damaged_reports():
        yield case(f"report {name}", 3, names, given + ["--report", "@r.json"] + output, put("r.json", data))
    yield case("report missing", 3, "r.json", given + ["--report", "@r.json"] + output)
    yield case("report is a folder", 3, "text", given + ["--report", "@text"] + output)
    yield case("report is a pipe", 3, "r.json", given + ["--report", "@r.json"] + output, lambda folder: os.mkfifo(f"{folder}/r.json"))


def all_cases():
    for group in (command_lines, paths, manifests, weights, embeddings, images, evaluations, reviews):
        yield from group()
