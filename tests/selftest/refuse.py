"""A driver that computes wrongly is refused at its first use, with the operation's name; a sound one is tried once and then believed. The driver
is the software driver at hand, which tests/selftest/corrupt_layer.c makes lose a dispatch or take one shader for another."""
import os
import re
import struct
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND, LAYER, SPIRV = os.environ["CTVK_COMMAND"], os.environ["CTVK_LAYER"], os.environ["CTVK_SPIRV"]
# Shaders that every software driver takes, and whose operation each is (of two, one or the other). Those that compile quickly. (Merges of token_to_image are not among them: with
# every sum a difference they change the sign of numerator and denominator both.)
SHADERS = {"linear_alone_texel linear_alone": "linear", "attend": "attend", "instance_norm_merge": "instance_norm",
           "image_to_token": "image_to_token", "classify_texel classify": "classify", "rms_norm": "rms_norm", "rope": "rope"}
LANGUAGE = ("rms_norm", "rope")  # what a text job tries
STEP = 19  # from one lost dispatch to the next
SHADER_CACHE = os.environ["CTVK_TEST_TMP"] + "/selftest-shaders"  # what is compiled once need not be again
CT = f"{SOURCE}/tests/data/ct/lidc-idri-0314_small.nii.gz"
PROMPT = "N0, cT2, breast conserving surgery, left side"  # in the demo's cache
SENTENCE = "Please contour the left breast."  # in no cache: for the language model
TRIED = "tried before its first use"
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


class Run:
    """One `ctvk segment`, or `ctvk embed`, with a cache folder of its own that others may share."""

    def __init__(self, folder, cache, *options, air=True, embed=False, **corrupt):
        self.output = f"{folder}/embedding.safetensors" if embed else f"{folder}/label.nii.gz"
        what = ["embed", "--prompt", SENTENCE] if embed else ["segment", "--image", f"{folder}/air.nii" if air else CT, "--prompt", PROMPT]
        env = dict(os.environ, XDG_CACHE_HOME=f"{folder}/{cache}", CTVK_LOG="info", MESA_SHADER_CACHE_DIR=SHADER_CACHE)
        for name in ("CTVK_SELF_TEST", "CTVK_DEVICE"):
            env.pop(name, None)
        if corrupt:
            env.update(VK_LAYER_PATH=LAYER, VK_INSTANCE_LAYERS="VK_LAYER_CTVK_corrupt", **{f"CTVK_CORRUPT_{k.upper()}": v for k, v in corrupt.items()})
        if os.path.exists(self.output):
            os.remove(self.output)
        done = subprocess.run([COMMAND, *what, "--model", f"{SOURCE}/manifest/demo", "--output", self.output, "--quiet", *options],
                              capture_output=True, text=True, timeout=600, env=env, stdin=subprocess.DEVNULL)
        self.code, self.tried = done.returncode, TRIED in done.stderr
        self.corrupted = "corrupt layer: " in done.stderr and " 0 instructions" not in done.stderr
        lines = done.stderr.splitlines()
        self.errors = [line for line in lines if line.startswith("ctvk: error: ")]
        self.operation = (re.findall(r"computes the operation (\w+) wrongly: error \S+ where at most \S+ is right \(", " ".join(self.errors)) or [None])[0]
        self.left = os.path.exists(self.output)

    def labels(self):
        with open(self.output, "rb") as file:
            return file.read()


def write_air(path):
    """An image of nothing but air: the network is not run on it, so that what a run does to the device is the self-test's."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 8, 8, 8, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, 1, 2, 2, 2, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<2h", header, 252, 0, 1)
    for row, at in enumerate((280, 296, 312)):
        struct.pack_into("<4f", header, at, *[2.0 if column == row else 0.0 for column in range(4)])
    header[344:348] = b"n+1\0"
    with open(path, "wb") as file:
        file.write(bytes(header) + struct.pack("<512h", *[-2000] * 512))


def record(folder, cache):
    with open(f"{folder}/{cache}/ctvk/self-tests", encoding="utf-8") as file:
        return file.read()


def refused(run, what, operation=None):
    check(run.corrupted, f"{what}: the layer did nothing")
    check(run.code == 8 and len(run.errors) == 1 and run.operation, f"{what}: exit {run.code}: {run.errors}")
    check(operation in (None, run.operation), f"{what}: {run.operation} is named, not {operation}")
    check(not run.left, f"{what}: an output was written")


def remembered(folder):
    """Tried once; then believed; a damaged record is none; force and skip."""
    first, second = Run(folder, "sound"), Run(folder, "sound", air=False)
    check(first.code == 0 and first.tried, f"a sound driver: exit {first.code}, {first.errors}")
    check(second.code == 0 and not second.tried, "a driver that was right is tried again")
    labels, text = second.labels(), record(folder, "sound")
    check(text.count("\n") == 2 and " right " in text and "llvmpipe" not in text, f"the record: {text!r}")
    path = f"{folder}/sound/ctvk/self-tests"
    for damage in (text.replace(" right ", " wrong "), text[:-9] + "00000000\n", "\0" * 200):
        with open(path, "w", encoding="utf-8") as file:
            file.write(damage)
        again = Run(folder, "sound")
        check(again.code == 0 and again.tried, f"a damaged record {damage[:60]!r}: exit {again.code}, tried: {again.tried}")
        # The newest answer stands first.
        check(sorted(record(folder, "sound").splitlines()) == sorted(text.splitlines()), "a damaged record is not mended")
    check(Run(folder, "sound", "--self-test", "force").tried, "force does not try")
    skipped = Run(folder, "fresh", "--self-test=skip")
    check(skipped.code == 0 and not skipped.tried and not os.path.exists(f"{folder}/fresh/ctvk/self-tests"), "skip tries")
    return labels


def broken_shaders(folder, labels):
    for shaders, operation in SHADERS.items():
        for shader in shaders.split():
            run = Run(folder, f"shader-{shader}", embed=operation in LANGUAGE, shader=f"{SPIRV}/{shader}.spv")
            if run.corrupted:
                break
        refused(run, shader, operation)
    # What a segmentation does not use harms none: it is neither tried nor refused.
    unused = Run(folder, "unused-rope", air=False, shader=f"{SPIRV}/rope.spv")
    check(unused.code == 0 and unused.tried and unused.labels() == labels, f"a broken rope: exit {unused.code}: {unused.errors}")
    # Skipped where the host takes it upon itself.
    path = f"{SPIRV}/attend.spv"
    skipped = Run(folder, "shader-attend", "--self-test", "skip", shader=path)
    check(skipped.code == 0 and not skipped.tried, f"skip with a broken attend: exit {skipped.code}: {skipped.errors}")
    check(" wrong " in record(folder, "shader-attend"), "a wrong answer is not kept")
    again = Run(folder, "shader-attend")
    check(again.code == 0 and again.tried, f"a driver that was mended: exit {again.code}, {again.errors}")
    check(" right " in record(folder, "shader-attend") and " wrong " not in record(folder, "shader-attend"), "the mended driver's answer is not kept")
    # A driver that breaks while it is believed: seen by force alone, which then withdraws the belief.
    refused(Run(folder, "shader-attend", "--self-test", "force", shader=path), "force", "attend")
    refused(Run(folder, "shader-attend", shader=path), "after force", "attend")


def lost_dispatches(folder):
    """One dispatch of the self-test is swallowed; every so many, until there are no more: of air nothing else is dispatched."""
    number, named = 1, set()
    while number < 400:
        run = Run(folder, f"dispatch-{number}", dispatch=str(number))
        if not run.corrupted:
            check(run.code == 0, f"no dispatch {number}: exit {run.code}: {run.errors}")
            break
        refused(run, f"dispatch {number}")
        named.add(run.operation)
        number += STEP
    else:
        check(False, "more than 400 dispatches: the end of the self-test was not seen")
    check(number > 3 * STEP and len(named) > 2, f"dispatches up to {number} were swallowed, operations {sorted(named)}")
    print(f"dispatches: up to {number} swallowed, {len(named)} operations named")


def text_alone(folder):
    """A text job asks for the language model's operations alone, and a segmentation after it for the others."""
    sound = Run(folder, "text", embed=True)
    check(sound.code == 0 and sound.tried and sound.left, f"embed: exit {sound.code}, {sound.errors}")
    check(record(folder, "text").count("\n") == 2, f"the record of a text job: {record(folder, 'text')!r}")
    check(not Run(folder, "text", embed=True).tried, "embed tries again")
    refused(Run(folder, "text-rms_norm", embed=True, shader=f"{SPIRV}/rms_norm.spv"), "embed", "rms_norm")
    for shader in SHADERS:
        if SHADERS[shader] == "attend":
            other = Run(folder, "text-attend", embed=True, shader=f"{SPIRV}/{shader}.spv")
            check(other.code == 0 and not other.corrupted, f"embed with a broken {shader}: exit {other.code}, {other.errors}")
    check(Run(folder, "text").tried and record(folder, "text").count("\n") == 3, "the network's operations are not tried after a text job")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as folder:
        write_air(f"{folder}/air.nii")
        labels = remembered(folder)
        broken_shaders(folder, labels)
        lost_dispatches(folder)
        text_alone(folder)
    print(f"refuse: {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
