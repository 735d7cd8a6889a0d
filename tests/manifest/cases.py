"""Manifests that are damaged, or unusual and sound: each a name and a change of the sound one below."""
import copy
import json

HASH = "0123456789abcdef" * 4


def sound(demo):
    """The demo's manifest with every optional key in it."""
    value = copy.deepcopy(demo)
    value.pop("selftest", None)  # its files are not beside the manifests of these cases
    value["network"]["text"]["encoder"] = {"type": "llama-gguf", "file": "llm.gguf", "sha256": HASH, "soft_prompt": "contexts",
                                           "segment_token_embedding": "segment_token", "max_tokens": 120}
    return value


def at(path, new):
    """Sets the key at "a.b.0.c"; DROP removes it."""
    def change(value):
        *above, last = [int(p) if p.isdigit() else p for p in path.split(".")]
        for part in above:
            value = value[part]
        if new is DROP:
            del value[last]
        else:
            value[last] = new
    return f"{path} = {'(gone)' if new is DROP else json.dumps(new)[:40]}", change


DROP = object()


def selftest(**more):
    """A self-test of a file that the manifest lists; what is DROP is left out."""
    value = {"image": "network.safetensors", "prompt": "left side", "expected": "network.safetensors", "stride": 4, "tolerance": 1e-3, "voxels": [9, 1], **more}
    return at("selftest", {key: new for key, new in value.items() if new is not DROP})

# Refused by the library and by the schema.
REFUSED = [
    at("schema", "ctvk-bundle/2"), at("schema", DROP), at("name", ""), at("name", 7), at("name", "x" * 128), at("version", DROP),
    at("intended_use", DROP), at("license", []), at("network", DROP), at("network.architecture", "unet"), at("network.weights", "/etc/passwd"),
    at("network.weights", "../network.safetensors"), at("network.weights", "a/./b"), at("network.weights", "a//b"),
    at("network.weights", "a\\b"), at("network.weights", "a\nb"), at("network.weights", ""), at("network.weights", None),
    at("network.in_channels", 2), at("network.out_channels", 1), at("network.out_channels", 2.5), at("network.feature_size", 40),
    at("network.feature_size", "48"), at("network.feature_size", 528), at("network.text", DROP), at("network.text", "none"),
    at("network.text.embedding_dim", 0), at("network.text.prompts", 9), at("network.text.prompts", DROP),
    at("network.text.encoder.type", "gpt"), at("network.text.encoder.sha256", HASH.upper()), at("network.text.encoder.sha256", HASH[1:]),
    at("network.text.encoder.soft_prompt", DROP), at("network.text.encoder.max_tokens", 1), at("network.text.cache", 5),
    at("network.text.cache", "../c"), at("network.text.fields.side", []), at("network.text.fields.side", ["left", 3]),
    at("network.text.fields.side", ["left", "left"]), at("network.text.fields.side", "left"), at("preprocess.orientation", "RAL"),
    at("preprocess.orientation", "ras"), at("preprocess.orientation", "RASR"), at("preprocess.spacing_mm", DROP),
    at("preprocess.spacing_mm", [1, 1]), at("preprocess.spacing_mm", [1, 1, 0]), at("preprocess.spacing_mm", [1, "1", 1]),
    at("preprocess.antialias", 1), at("preprocess.intensity.window", -1000), at("preprocess.intensity.window", [0, 2e6]),
    at("preprocess.intensity.clip", "yes"), at("preprocess.crop_foreground", DROP), at("preprocess.pad_to_window", 0),
    at("preprocess.rotate90", 4), at("preprocess.rotate90", 0.5), at("inference", DROP), at("inference.window", [96, 64]),
    at("inference.window", [96, 64, 40]), at("inference.window", [96, 64, 4096]), at("inference.overlap", 1), at("inference.overlap", -0.1),
    at("inference.blend", "linear"), at("inference.sigma_scale", DROP), at("inference.sigma_scale", None), at("inference.sigma_scale", 0),
    at("labels", DROP), at("labels", {}), at("labels.0", 0), at("labels.1.value", -1), at("labels.1.name", ""), at("labels.1.name", DROP),
    at("labels.1.color", "red"), at("labels.1.color", "#e6194g"), at("files", []), at("files", {"../w": {"sha256": HASH}}),
    at("files", {"network.safetensors": HASH}), at("files", {"network.safetensors": {"sha256": HASH[:63] + "g"}}),
    at("files", {"network.safetensors": {"sha256": HASH, "bytes": -1}}), at("files", {"network.safetensors": {"sha256": HASH, "bytes": 1.5}}),
    at("selftest", []), at("selftest", "selftest.nii.gz"), selftest(image=DROP), selftest(image="../image.nii.gz"), selftest(expected=DROP),
    selftest(expected=5), selftest(prompt=5), selftest(prompt="x" * 256), selftest(stride=0), selftest(stride=65), selftest(stride=1.5),
    selftest(stride=DROP), selftest(tolerance=0), selftest(tolerance=0.2), selftest(tolerance="small"), selftest(tolerance=DROP),
    selftest(voxels=DROP), selftest(voxels=9), selftest(voxels=[9]), selftest(voxels=[9, -1]), selftest(voxels=[9, 1.5]), selftest(voxels=[9, "1"]),
]

# Refused by the library alone: they need arithmetic or a look at two keys, which the schema's description says.
BEYOND = [
    at("preprocess.intensity.window", [1000, -1000]), at("preprocess.intensity.range", [1, 1]), at("network.out_channels", 3),
    at("labels.1.value", 2), at("network.text.template", "{m_stage}"), at("network.text.template", "{side"),
    at("name", "\u00e4" * 64), selftest(image="manifest.json"), selftest(expected="other.safetensors"), selftest(voxels=[9, 1, 0]), selftest(prompt=DROP),
]

# Unusual and sound: accepted by both.
ACCEPTED = [
    at("name", "x" * 127), at("license", None), at("license", ""), at("citation", DROP), at("labels.1.color", None), at("labels.1.color", ""),
    at("network.text.encoder", None), at("network.text.encoder", DROP), at("preprocess.spacing_mm", None), at("preprocess.antialias", DROP),
    at("preprocess.antialias", None), at("preprocess.rotate90", -3), at("preprocess.orientation", "PIR"), at("inference.window", [32, 32.0, 64]),
    at("inference.overlap", 0), at("inference.overlap", 0.95), at("network.text.template", "one {side}, the {side}"), at("files", None),
    at("files", DROP), at("new_key", {"of": "a later version"}), at("network.feature_size", 16.0),
    at("selftest", None), selftest(), selftest(stride=1), selftest(stride=64), selftest(tolerance=1e-6), selftest(voxels=[0, 0.0]),
]
