"""--precision f16: the same contour but for a few voxels, less device memory, the same on every device, however large the numbers."""
import array
import json
import os
import struct
import sys
import tempfile

from files import gz, make_bundle, network, nifti, read, read_nifti, safetensors, voxels, write
from runs import bundle_like, check, finish, run, segment

DIM = (40, 36, 20)
SHARE = 1e-3  # of labels that may differ from those of f32


def result(base, name, *more, model="text", **environment):
    """Labels, logits' bytes and report of a run."""
    names = [f"{base}/{name}{end}" for end in (".nii", ".safetensors", ".json")]
    segment(base, "--prompt", "N0, left side", "--logits", names[1], "--report", names[2], "--quiet", *more, output=f"{name}.nii", model=model, **environment)
    return read_nifti(names[0])[4], read(names[1]), json.loads(read(names[2]))


def values(data):
    return array.array("f", data[8 + struct.unpack_from("<Q", data)[0]:])


def distance(a, b):
    a, b = values(a), values(b)
    return (sum((x - y)**2 for x, y in zip(a, b)) / sum(y * y for y in b))**0.5


def equal_but_few(base):
    single, half = result(base, "single", "--precision", "f32"), result(base, "half", "--precision", "f16")
    check(single[2]["precision"] == "f32" and half[2]["precision"] == "f16", "report: precision")
    differ = sum(a != b for a, b in zip(single[0], half[0]))
    off = distance(half[1], single[1])
    print(f"labels {differ} of {len(single[0])} differ, logits' relative L2 distance {off:.2e}, planned memory "
          f"{half[2]['memory']['planned_bytes'] / single[2]['memory']['planned_bytes']:.3f}")
    check(len(set(single[0])) == 2 and differ <= SHARE * len(single[0]), f"{differ} labels differ")
    check(1e-6 < off < 2e-4, f"logits are off by {off}")
    check(half[2]["memory"]["planned_bytes"] < single[2]["memory"]["planned_bytes"], "less memory is planned")
    check(half[2]["memory"]["peak_bytes"] <= half[2]["memory"]["planned_bytes"], "the plan is kept")
    plain = result(base, "plain")
    check(plain[1] == single[1] and plain[2]["precision"] == "f32", "auto is f32, to the bit")
    check(result(base, "again", "--precision", "f16")[1] == half[1], "the same numbers twice")
    return single, half


def every_device(base, half):
    """No option of a device is needed: the smallest one gives the same contour."""
    for mask in ("all", "texel", "fp16,storage16"):
        found = result(base, "masked", "--precision", "f16", CTVK_MASK=mask)
        check(found[2]["precision"] == "f16", f"{mask}: precision")
        check(sum(a != b for a, b in zip(found[0], half[0])) <= SHARE * len(half[0]), f"{mask}: labels differ")
        check(mask != "fp16,storage16" or found[1] == half[1], f"{mask}: no shader needs it")
    out, _ = run("devices", "--json")
    check(all(d["precisions"] == ["f32", "f16"] for d in json.loads(out)["devices"] if d["usable"]), "devices tell that they run it")


def limit(base, single, half):
    """A limit between the two plans."""
    between = (half[2]["memory"]["planned_bytes"] + single[2]["memory"]["planned_bytes"]) // 2 >> 20
    check(half[2]["memory"]["planned_bytes"] < between << 20 < single[2]["memory"]["planned_bytes"], "a limit fits between")
    _, error = segment(base, "--prompt", "N0, left side", "--quiet", "--memory-limit", str(between), output="limited.nii", model="wide", code=6)
    check("MiB" in error and not os.path.exists(f"{base}/limited.nii"), f"f32 does not fit: {error}")
    segment(base, "--prompt", "N0, left side", "--quiet", "--memory-limit", str(between), "--precision", "f16", output="limited.nii", model="wide")


def several_texts(base):
    """Two texts in one run, where the encoder's outputs are kept, as each alone."""
    texts = ("N0, left side", "N0, right side")
    more = [word for i, text in enumerate(texts) for word in ("--prompt", text, "--logits", f"{base}/both{i}.safetensors")]
    segment(base, *more, "--output", f"{base}/both1.nii", "--precision", "f16", "--quiet", output="both0.nii")
    for i, text in enumerate(texts):
        segment(base, "--prompt", text, "--logits", f"{base}/one.safetensors", "--precision", "f16", "--quiet", output="one.nii")
        check(read(f"{base}/both{i}.safetensors") == read(f"{base}/one.safetensors"), f"{text}: as alone, to the bit")
    check(read(f"{base}/both0.safetensors") != read(f"{base}/both1.safetensors"), "the text matters")


def large_numbers(base):
    """Weights times a million, which the norm behind them makes float32 forget: so does what has 16 bits a number, which is stored in deviations."""
    for layer in ("encoder1.layer.conv1.conv", "decoder1.transp_conv.conv", "decoder1.conv_block.conv1.conv", "decoder1.conv_block.conv2.conv",
                  "attn_transformer.0.layers.1.norm4"):
        tensors = network()
        name = f"{layer}.weight"
        shape, data = tensors[name]
        tensors[name] = (shape, array.array("f", (1e6 * value for value in array.array("f", data))).tobytes())
        folder = f"{base}/{layer}"
        bundle_like(f"{base}/text", folder, lambda value: None)
        os.unlink(f"{folder}/network.safetensors")
        write(f"{folder}/network.safetensors", safetensors(tensors))
        single, half = (result(base, "large", "--precision", precision, model=layer) for precision in ("f32", "f16"))
        off = distance(half[1], single[1])
        check(off < 2e-4, f"{layer}: logits are off by {off}")


def not_finite(base):
    """Logits that float32 does not hold, of one window and of several: an error in both precisions, and an older output stays."""
    write(f"{base}/long.nii.gz", gz(nifti(voxels((70, 36, 20)), dim=(3, 70, 36, 20, 1, 1, 1, 1))))
    tensors = network()
    shape, data = tensors["out.transp_conv.conv.weight"]
    tensors["out.transp_conv.conv.weight"] = (shape, array.array("f", (3e38 * value for value in array.array("f", data))).tobytes())
    bundle_like(f"{base}/text", f"{base}/infinite", lambda value: None)
    os.unlink(f"{base}/infinite/network.safetensors")
    write(f"{base}/infinite/network.safetensors", safetensors(tensors))
    for image in ("ct.nii.gz", "long.nii.gz"):
        for precision in ("f32", "f16"):
            write(f"{base}/kept.nii", b"an older result")
            _, error = segment(base, "--prompt", "N0, left side", "--quiet", "--precision", precision, model="infinite", image=image, output="kept.nii", code=8)
            check(error.startswith("ctvk: error: ") and "not finite" in error and error.count("\n") == 1, f"{image}, {precision}: {error}")
            check(read(f"{base}/kept.nii") == b"an older result", f"{image}, {precision}: nothing is written")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/text")
        write(f"{base}/ct.nii.gz", gz(nifti()))
        single, half = equal_but_few(base)
        every_device(base, half)
        bundle_like(f"{base}/text", f"{base}/wide", lambda value: value["inference"].update(window=[96, 96, 64]))
        limit(base, result(base, "w32", model="wide"), result(base, "w16", "--precision", "f16", model="wide"))
        several_texts(base)
        large_numbers(base)
        not_finite(base)
    return finish("precision")


if __name__ == "__main__":
    sys.exit(main())
