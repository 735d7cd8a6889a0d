"""Damaged command lines, manifests, safetensors and NIfTI files: each gives its exit code, one error line with cause and remedy, no
output, no harm to a file that was there, nothing left behind, no crash, no hang."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from cases import all_cases
from files import gz, make_bundle, nifti, read, safetensors, embedding, write
from runs import COMMAND, environment

LINE = re.compile(r"^ctvk: error: .+: .+ \(.+\)$")
MINIMUM = 120
TIMEOUT = 60


def snapshot(folder):
    found = {}
    for root, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(root, name)
            found[os.path.relpath(path, folder)] = read(path) if os.path.isfile(path) and not os.path.islink(path) else None
    return found


def prepare(base):
    make_bundle(f"{base}/text", True)
    make_bundle(f"{base}/vision", False)
    write(f"{base}/ct.nii.gz", gz(nifti()))
    write(f"{base}/ct.nii", nifti())
    write(f"{base}/good.safetensors", safetensors({"text_embedding": embedding(3)}))
    write(f"{base}/prompt.txt", b"N0, left side\n")
    write(f"{base}/old/label.nii.gz", b"an older result")
    os.makedirs(f"{base}/out")
    write(f"{base}/out/label.nii.gz", b"an older result")


def link_tree(source, target):
    """Every case has its own copy; big files are links, so that a case that changes one must replace it (write does)."""
    for root, folders, names in os.walk(source):
        there = os.path.join(target, os.path.relpath(root, source))
        os.makedirs(there, exist_ok=True)
        for name in names:
            path = os.path.join(root, name)
            if os.path.getsize(path) > 1 << 16:
                os.link(path, os.path.join(there, name))
            else:
                shutil.copyfile(path, os.path.join(there, name))


def run_case(case, folder):
    """None, or what is wrong."""
    case.damage(folder)
    before = snapshot(folder)
    arguments = [a.replace("@", folder + "/") for a in case.arguments]
    try:
        done = subprocess.run([COMMAND] + arguments, cwd=folder, env=environment(**case.env), capture_output=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "hangs"
    error = done.stderr.decode("utf-8", "replace")
    lines = [line for line in error.splitlines() if line.startswith("ctvk: error:")]
    if done.returncode != case.code:
        return f"exit {done.returncode} instead of {case.code}: {error.strip()[-300:]}"
    if len(lines) != 1:
        return f"{len(lines)} error lines: {error.strip()[-300:]}"
    if not LINE.match(lines[0]):
        return f"not WHAT: WHY (WHAT TO DO): {lines[0]}"
    if case.names not in lines[0]:
        return f"does not name {case.names!r}: {lines[0]}"
    if any(not line.startswith("ctvk: ") for line in error.splitlines()):
        return f"stray output on stderr: {error.strip()[-300:]}"
    if done.stdout:
        return f"output on stdout: {done.stdout[:200]!r}"
    if snapshot(folder) != before:
        return f"files changed: {sorted(set(snapshot(folder)) ^ set(before))}"
    return None


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = count = 0
    names = [case.name for case in all_cases()]
    if len(set(names)) < len(names):
        print(f"two cases have one name: {sorted({name for name in names if names.count(name) > 1})}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as scratch:
        base = f"{scratch}/base"
        prepare(base)
        for number, case in enumerate(all_cases()):
            if only not in case.name:
                continue
            folder = f"{scratch}/{number}"
            link_tree(base, folder)
            wrong = run_case(case, folder)
            count += 1
            if wrong:
                failed += 1
                print(f"{case.name}: {wrong}", file=sys.stderr)
            shutil.rmtree(folder)
    print(f"damaged: {count} cases, {failed} failed")
    return 1 if failed or (not only and count < MINIMUM) else 0


if __name__ == "__main__":
    sys.exit(main())
