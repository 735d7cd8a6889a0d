"""The ways of README.md to a contour, as they are written there: from C, and Slicer's CLI module. The way from Python is hosts.python_wheel's, which has
the environment for it. Standard library only."""
import os
import re
import shutil
import subprocess
import sys

SOURCE, BUILD = os.environ["CTVK_SOURCE"], os.environ["CTVK_BUILD"]
SCRATCH = os.environ["CTVK_TEST_TMP"] + "/readme"
HOST = "tests/consumer/host.c"
LONGEST = 150  # lines of a host that is read in five minutes


def fail(text):
    sys.exit(f"readme: {text}")


def read(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


def blocks(section, language):
    """Blocks of code in one section of README.md."""
    found = re.search(rf"^## {re.escape(section)}\n(.*?)^## ", read("README.md"), re.MULTILINE | re.DOTALL)
    made = re.findall(rf"^```{language}\n(.*?)^```$", found[1] if found else "", re.MULTILINE | re.DOTALL)
    if not made:
        fail(f"{section}: no block of {language}")
    return made


def check_heart():
    """What the README shows of the host is the host, paragraph by paragraph."""
    lines = [line.strip() for line in read(HOST).splitlines()]
    if len(lines) >= LONGEST:
        fail(f"{HOST} has {len(lines)} lines")
    (heart,) = blocks("From C", "c")
    for paragraph in heart.strip().split("\n\n"):
        wanted = [line.strip() for line in paragraph.splitlines()]
        if not any(lines[at:at + len(wanted)] == wanted for at in range(len(lines))):
            fail(f"not in {HOST}: {paragraph}")


def follow(section):
    """Runs the lines in a folder that looks like the repository after ./run build; returns what they print."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    for name in ("tests", "manifest", "plugin"):
        os.symlink(f"{SOURCE}/{name}", f"{SCRATCH}/{name}")
    os.symlink(BUILD, f"{SCRATCH}/build")
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "CPATH", "LIBRARY_PATH", "PKG_CONFIG_PATH")}
    done = subprocess.run(["sh", "-eu"], input="".join(blocks(section, "sh")), capture_output=True, text=True, timeout=200, cwd=SCRATCH, env=environment)
    if done.returncode:
        fail(f"{section}: {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def check_c():
    out = follow("From C")
    marked = re.search(r"^marked voxels: right (\d+), left (\d+)$", out, re.MULTILINE)
    # Of the ovals, which the model was not made for, it marks 1155 voxels on the left and 2 on the right.
    if not marked or int(marked[2]) < 500 or int(marked[2]) < 99 * int(marked[1]):
        fail(f"From C: no contour on the left: {out[-2000:]}")


def check_slicer():
    out = follow("From 3D Slicer")
    if "<filter-progress>1.0000</filter-progress>" not in out:
        fail(f"From 3D Slicer: {out[-2000:]}")
    subprocess.run([f"{BUILD}/ctvk", "segment", "--model", f"{SOURCE}/manifest/demo", "--image", f"{SOURCE}/tests/data/ct/lidc-idri-0314_small.nii.gz",
                    "--prompt", "N0, cT2, breast conserving surgery, left side", "--output", f"{SCRATCH}/want.nii.gz", "--quiet"], check=True)
    label, want = (open(f"{SCRATCH}/{name}.nii.gz", "rb").read() for name in ("label", "want"))
    if label != want:
        fail("From 3D Slicer: another label map than the command's")
    for folder, name in (("cli-modules", "ctvk-slicer"), ("qt-scripted-modules", "CTVOnVulkan.py"), ("qt-scripted-modules", "SegmentEditorCTVFromText.py")):
        if f"installed/lib/ctvk/{folder}" not in read("README.md") or not os.path.exists(f"{SCRATCH}/installed/lib/ctvk/{folder}/{name}"):
            fail(f"From 3D Slicer: no {folder}/{name}")


check_heart()
check_c()
check_slicer()
shutil.rmtree(SCRATCH)
