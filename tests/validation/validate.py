"""The command under Vulkan's validation layer, core and synchronisation: no message at all. First a proof that the run sees mistakes.

The layer comes in through the loader's environment, as with any program: the command itself asks for nothing.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{SOURCE}/tests/cli")
from files import read_nifti  # noqa: E402

COMMAND = os.environ["CTVK_COMMAND"]
TOOLS = os.environ["CTVK_TOOLS"]
DATA = os.environ["CTVK_TEST_DATA"]
SYNC = "VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION"
ACTIVE = "UNASSIGNED-khronos-validation-createinstance-status-message"
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def run_validated(scratch, *command):
    """Exit code, what the layer logged but its own greeting, and the program's stderr. The greeting (an information that names what is
    switched on) must be there: a layer that the loader did not find would be silent too."""
    log = f"{scratch}/log"
    with open(f"{scratch}/vk_layer_settings.txt", "w", encoding="utf-8") as file:
        file.write("khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n"
                   "khronos_validation.report_flags = error,warn,perf,info\n"
                   f"khronos_validation.log_filename = {log}\n"
                   f"khronos_validation.enables = {SYNC}_EXT\n")
    if os.path.exists(log):
        os.remove(log)
    env = dict(os.environ, VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation", VK_LAYER_SETTINGS_PATH=scratch, XDG_CACHE_HOME=f"{scratch}/cache")
    env.pop("CTVK_DEVICE", None)
    env.pop("CTVK_MASK", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env, stdin=subprocess.DEVNULL)
    text = ""
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
    messages = [m for m in re.split(r"\n(?=\S)", text) if m.strip()]
    greetings = [m for m in messages if m.startswith(ACTIVE)]
    check(greetings and all(f"Current Enables: {SYNC}." in m for m in greetings),
          f"the validation layer was not active with synchronisation (is vulkan-validationlayers installed?): {text[:500]}")
    # Other informations are the layer's talk about its own cache file.
    return done.returncode, [m for m in messages if "(INFO / SPEC)" not in m.split(":")[0]], done.stdout + done.stderr


def proof(scratch):
    for kind, expected in (("none", None), ("core", "VUID-VkBufferCreateInfo-size-00912"), ("sync", "SYNC-HAZARD-WRITE-AFTER-WRITE")):
        code, messages, _ = run_validated(scratch, f"{TOOLS}/validation_misuse", kind)
        check(code == 0, f"misuse {kind} gives {code}")
        if expected:
            check(any(expected in m for m in messages), f"misuse {kind} is not seen: {messages}")
        else:
            check(not messages, f"correct use is reported: {messages}")


def segment(scratch, title, bundle, image, text, expected=None, differ=1e-4):
    """The first run of a bundle makes pipelines, one that finds them all in the cache takes another way."""
    output = f"{scratch}/{title}.nii.gz"
    for time in ("first",) if expected else ("first", "again"):
        code, messages, shown = run_validated(scratch, COMMAND, "segment", "--model", bundle, "--image", image, "--output", output, *text)
        check(code == 0, f"{title}, {time}: exit {code}: {shown[-500:]}")
        check(not messages, f"{title}, {time}: {len(messages)} messages, the first: {(messages or [''])[0][:1500]}")
    if expected and os.path.exists(output):
        got, want = read_nifti(output)[4], read_nifti(expected)[4]
        wrong = sum(a != b for a, b in zip(got, want))
        check(len(got) == len(want) and wrong <= len(want) * differ, f"{title}: {wrong} of {len(want)} labels differ from the expected ones")
    print(title)


def language_model(scratch):
    """A sentence that the bundle does not know: with all weights on the device before a segmentation, and streamed layer by layer."""
    demo, sentence = f"{SOURCE}/manifest/demo", ["--prompt", "N1, cT2, of the left breast"]
    if os.environ.get("CTVK_SMOLLM2"):
        sentence += ["--llm", os.environ["CTVK_SMOLLM2"]]
    segment(scratch, "sentence", demo, f"{DATA}/ct/lidc-idri-0314_small.nii.gz", sentence)
    output = f"{scratch}/embedding.safetensors"
    code, messages, shown = run_validated(scratch, COMMAND, "embed", "--model", demo, *sentence, "--output", output, "--memory-limit", "40")
    check(code == 0 and "weights streamed" in shown, f"embed, streamed: exit {code}: {shown[-500:]}")
    check(not messages, f"embed, streamed: {len(messages)} messages, the first: {(messages or [''])[0][:1500]}")
    print("streamed")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as scratch:
        proof(scratch)
        segment(scratch, "demo", f"{SOURCE}/manifest/demo", f"{DATA}/ct/lidc-idri-0314_small.nii.gz",
                ["--prompt", "N0, cT2, breast conserving surgery, left side", "--prompt", "N0, cT2, breast conserving surgery, right side",
                 "--output", f"{scratch}/right.nii.gz"])
        language_model(scratch)
        cases = sorted(os.listdir(f"{DATA}/golden"))
        check(len(cases) >= 4, "golden cases are missing")
        for case in cases:
            folder, bundle = f"{DATA}/golden/{case}", f"{scratch}/bundle-{case}"
            os.mkdir(bundle)
            subprocess.run([f"{TOOLS}/validation_seed_bundle", folder, bundle], check=True, timeout=60)
            embedding = f"{folder}/text_embedding.safetensors"
            text = ["--text-embedding", embedding] if os.path.exists(embedding) else []
            segment(scratch, case, bundle, f"{folder}/image.nii.gz", text, f"{folder}/expected_label.nii.gz")
            if case == "sliding-LPS":
                segment(scratch, f"{case}, f16", bundle, f"{folder}/image.nii.gz", [*text, "--precision", "f16"], f"{folder}/expected_label.nii.gz", 1e-3)
        code, messages, shown = run_validated(scratch, COMMAND, "devices")
        check(code == 0 and not messages, f"devices: exit {code}: {messages}{shown[-300:]}")
    print(f"validation: {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
