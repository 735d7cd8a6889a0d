"""`ctvk verify` and the self-test that a bundle brings along: a right one, every way in which one is wrong, and no device at all. That the answer
of another implementation is met is tested in train/test_ship.py; here the answer is the command's own. Standard library only."""
import array
import copy
import json
import os
import shutil
import struct
import sys
import tempfile

import files
from files import gz, make_bundle, nifti, read, sha256, write
from runs import check, finish, run

STRIDE, PROMPT = 5, "N0, left side"
NO_DRIVER = {"VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"}


def load_logits(path):
    """([classes, x, y, z], array of floats)"""
    data = read(path)
    size = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:8 + size])["logits"]
    values = array.array("f")
    values.frombytes(data[8 + size:])
    return entry["shape"], values


def sampled(shape, values, stride):
    """Every stride-th voxel of each axis, the first at stride // 2, as a safetensors file's entry."""
    _, x, y, z = shape
    places = [range(stride // 2, n, stride) for n in (x, y, z)]
    kept = array.array("f", (values[((c * x + i) * y + j) * z + k] for c in range(shape[0]) for i in places[0] for j in places[1] for k in places[2]))
    return [shape[0]] + [len(p) for p in places], kept.tobytes()


def renew(folder, manifest):
    """The manifest with the hashes of the files as they are."""
    manifest["files"] = {name: {"sha256": sha256(f"{folder}/{name}"), "bytes": os.path.getsize(f"{folder}/{name}")}
                         for name in sorted(os.listdir(folder)) if name != "manifest.json"}
    write(f"{folder}/manifest.json", manifest)


def with_selftest(base, name, text=True):
    folder, out = f"{base}/{name}", f"{base}/out-{name}"
    make_bundle(folder, text)
    write(f"{folder}/selftest.nii.gz", gz(nifti()))
    os.makedirs(out)
    prompt = ("--prompt", PROMPT) if text else ()
    run("segment", "--model", folder, "--image", f"{folder}/selftest.nii.gz", *prompt, "--output", f"{out}/l.nii.gz", "--logits", f"{out}/g",
        "--report", f"{out}/r.json", "--quiet")
    write(f"{folder}/expected.safetensors", files.safetensors({"logits": sampled(*load_logits(f"{out}/g"), STRIDE)}))
    voxels = [label["voxels"] for label in json.loads(read(f"{out}/r.json"))["labels"]]
    check(min(voxels) > 1000, f"both labels are there: {voxels}")
    manifest = json.loads(read(f"{folder}/manifest.json"))
    manifest["selftest"] = {"image": "selftest.nii.gz", "expected": "expected.safetensors", "stride": STRIDE, "tolerance": 1e-3, "voxels": voxels}
    if text:
        manifest["selftest"]["prompt"] = PROMPT
    renew(folder, manifest)
    return folder


def right(folder, vision):
    for bundle in (folder, vision):
        out, error = run("verify", bundle)
        check(": ok: " in out and "\nself-test: ok: " in out and not error, f"a right self-test: {out} {error}")
    out, _ = run("verify", folder, "--files-only", **NO_DRIVER)
    check("self-test: not run" in out, f"--files-only needs no device: {out}")
    _, error = run("verify", folder, code=5, **NO_DRIVER)
    check("Vulkan" in error, f"without a driver: {error}")
    _, error = run("verify", folder, "--device", "no such card", code=5)
    check("no such card" in error, f"a device that is not there: {error}")
    run("verify", folder, code=5, CTVK_DEVICE="no such card")
    _, error = run("verify", folder, "--memory-limit", "8", code=6)
    check("device memory" in error, f"a small limit: {error}")
    run("verify", folder, "--memory-limit", "little", code=2)
    # A warning of the manifest is told beside it.
    _, error = run("inspect", folder)
    check("warning" not in error, f"selftest is a known key: {error}")


def change_float(path, name, change):
    """Changes the first float of a tensor."""
    data = bytearray(read(path))
    size = int.from_bytes(data[:8], "little")
    at = 8 + size + json.loads(data[8:8 + size])[name]["data_offsets"][0]
    struct.pack_into("<f", data, at, change(struct.unpack_from("<f", data, at)[0]))
    write(path, bytes(data))


def wrong(base, folder):
    """Each change in a copy; hashes: renewed after it. The error names what is wrong."""
    def case(name, code, names, change, hashes=True):
        path = f"{base}/wrong"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(folder, path)
        manifest = json.loads(read(f"{path}/manifest.json"))
        change(path, manifest)
        if hashes:
            renew(path, manifest)
        else:
            write(f"{path}/manifest.json", manifest)
        out, error = run("verify", path, code=code)
        check(names in error and error.count("\n") == 1 and "ok" not in out, f"{name}: {out} {error}")

    def selftest(**more):
        return lambda path, manifest: manifest["selftest"].update(more)

    def expect(tensors):
        return lambda path, manifest: write(f"{path}/expected.safetensors", files.safetensors(tensors))

    shape, values = load_logits(f"{base}/out-text/g")
    kept, data = sampled(shape, values, STRIDE)
    weights, cache = "network.safetensors", "prompts.safetensors"
    case("a changed weight", 8, "self-test: the logits", lambda p, m: change_float(f"{p}/{weights}", "encoder1.layer.conv1.conv.weight", lambda v: v + 0.5))
    case("a changed weight, its hash as it was", 4, weights,
         lambda p, m: change_float(f"{p}/{weights}", "encoder1.layer.conv1.conv.weight", lambda v: v + 0.5), hashes=False)
    case("a changed embedding", 8, "self-test: the logits", lambda p, m: change_float(f"{p}/{cache}", PROMPT, lambda v: v + 9))
    case("another preprocessing", 8, "self-test: the logits", lambda p, m: m["preprocess"]["intensity"].update(window=[-900, 1000]))
    case("a wrong count of voxels", 8, "self-test: label ", lambda p, m: m["selftest"].update(voxels=[n + 3000 for n in m["selftest"]["voxels"]]))
    case("another prompt", 8, "self-test: the logits", selftest(prompt="N0, right side"))
    case("no image", 4, "selftest.nii.gz", lambda p, m: os.remove(f"{p}/selftest.nii.gz"), hashes=False)
    case("no answer", 4, "expected.safetensors", lambda p, m: os.remove(f"{p}/expected.safetensors"), hashes=False)
    case("an answer that is not listed", 4, "selftest.expected", lambda p, m: m["files"].pop("expected.safetensors"), hashes=False)
    case("an image that is none", 4, "selftest.nii.gz", lambda p, m: write(f"{p}/selftest.nii.gz", b"no picture"))
    case("an answer that is none", 4, "expected.safetensors", lambda p, m: write(f"{p}/expected.safetensors", b"no tensors"))
    case("a prompt that is not cached", 4, "self-test: its prompt", selftest(prompt="N0, both sides"))
    case("no logits in the answer", 4, '"logits"', expect({"other": (kept, data)}))
    case("an answer of three axes", 4, '"logits"', expect({"logits": ([kept[0] * kept[1]] + kept[2:], data)}))
    case("an answer of another shape", 4, "expected.safetensors: holds", expect({"logits": ([kept[0], kept[2] * kept[3], kept[1], 1], data)}))
    case("an answer of one class", 4, "expected.safetensors: holds", expect({"logits": ([1] + kept[1:], data[:len(data) // 2])}))
    case("an answer of another stride", 4, "expected.safetensors: holds", selftest(stride=STRIDE - 1))
    case("an answer of zeros", 4, "all 0", expect({"logits": (kept, bytes(len(data)))}))
    case("an answer with NaN", 4, "NaN", expect({"logits": (kept, struct.pack("<f", float("nan")) + data[4:])}))


def tolerated(base, folder):
    """What devices may differ by passes: noise under the tolerance, a few voxels."""
    path = f"{base}/near"
    shutil.copytree(folder, path)
    manifest = json.loads(read(f"{path}/manifest.json"))
    shape, values = load_logits(f"{base}/out-text/g")
    near = array.array("f", (v * (1 + 5e-4 * (-1) ** i) for i, v in enumerate(values)))
    write(f"{path}/expected.safetensors", files.safetensors({"logits": sampled(shape, near, STRIDE)}))
    manifest["selftest"]["voxels"] = [n + 8 for n in manifest["selftest"]["voxels"]]
    renew(path, manifest)
    out, _ = run("verify", path)
    check("self-test: ok: logits off by 5.0e-04 of their size (at most 1.0e-03)" in out, f"near enough: {out}")
    strict = copy.deepcopy(manifest)
    strict["selftest"]["tolerance"] = 4e-4
    renew(path, strict)
    run("verify", path, code=8)


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/plain")
        check("self-test: the bundle has none" in run("verify", f"{base}/plain")[0], "a bundle without one")
        folder, vision = with_selftest(base, "text"), with_selftest(base, "vision", text=False)
        right(folder, vision)
        wrong(base, folder)
        tolerated(base, folder)
    return finish("bundle_self_test")


if __name__ == "__main__":
    sys.exit(main())
