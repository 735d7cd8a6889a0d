"""The ABI against the last release's dump, by abidiff: what was released may only grow at its end. And, so that this is known to work,
deliberately broken headers must be caught and a table that has grown must not.

The library's one symbol hands out untyped tables, so that the dump is taken of a probe: one function for every public struct and table, and
one for every enumerator, with its number in its name, since the enumerations themselves have no name and no function takes them.
    abidiff.py INCLUDE DUMP            checks
    abidiff.py INCLUDE DUMP --update   writes DUMP anew, after a release or when an interface is added; refuses an incompatible change
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

INCLUDE, DUMP = sys.argv[1:3]
UPDATE = "--update" in sys.argv[3:]


def structs(include):
    """Names of all public structs that have members, and the headers."""
    names, headers = [], []
    for root, folders, files in os.walk(f"{include}/ctvk"):
        folders[:] = sorted(f for f in folders if f != "draft")  # what is not settled may change
        for name in sorted(files):
            headers.append(os.path.relpath(os.path.join(root, name), include))
            with open(os.path.join(root, name), encoding="utf-8") as file:
                names += re.findall(r"^typedef struct (\w+) \{", file.read(), re.M)
    return sorted(names), headers


def numbers(include):
    """{enumerator: number} of all public headers."""
    found = {}
    for header in structs(include)[1]:
        with open(f"{include}/{header}", encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for body in re.findall(r"^enum \{(.*?)\};", text, re.M | re.S):
            for entry in filter(None, (part.strip() for part in body.split(","))):
                match = re.fullmatch(r"(CTVK_\w+) = (\d+)", entry)
                if not match:
                    raise SystemExit(f"{header}: an enumerator without a number: {entry!r}")
                found[match[1]] = match[2]
    return found


def dump(include, folder, name):
    """Path of the ABI dump of these headers."""
    found, headers = structs(include)
    out = f"{folder}/{name}.abi"
    with open(f"{folder}/{name}.c", "w", encoding="utf-8") as file:
        file.writelines(f'#include "{header}"\n' for header in headers)
        for struct in found:
            file.write(f"void probe_{struct}(const {struct} *it);\nvoid probe_{struct}(const {struct} *it)\n{{\n    (void)it;\n}}\n")
        for enumerator, number in numbers(include).items():
            probe = f"probe_{enumerator}_is_{number}"
            file.write(f'_Static_assert({enumerator} == {number}, "");\nvoid {probe}(void);\nvoid {probe}(void)\n{{\n}}\n')
    # In the folder itself, so that no path gets into the dump.
    subprocess.run(["gcc", "-std=c11", "-g", "-gdwarf-4", "-O0", "-shared", "-fPIC", f"-I{os.path.abspath(include)}", "-o", f"{name}.so",
                    f"{name}.c"], check=True, cwd=folder)
    subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file", out, f"{name}.so"], check=True,
                   cwd=folder)
    return out


def incompatible(before, after):
    """Lines of abidiff's report that a host of the older release would notice."""
    done = subprocess.run(["abidiff", "--leaf-changes-only", "--harmless", "--no-show-locs", before, after], capture_output=True, text=True)
    if done.returncode & 3:
        raise SystemExit(f"abidiff itself failed: {done.stderr}")
    bad, size = [], None
    for line in done.stdout.splitlines():
        grown = re.search(r"^  type size changed from (\d+) to (\d+)", line)
        added = re.search(r"'.*', at offset (\d+) \(in bits\)", line)
        if line.startswith("'struct"):
            size = None
        elif grown:
            size = int(grown[1])  # of the struct that the lines before it name
            if int(grown[2]) < size:
                bad.append(line)
        elif added and "changed" not in line:
            # A new member behind all that was released.
            if size is None or int(added[1]) < size:
                bad.append(line)
        elif "summary:" not in line and re.search(r"\[D\]|deletion|changed|was added|was removed", line):
            bad.append(line)
    return bad, done.stdout


BREAKS = {
    "a function of a table removed": ("job.h", "    double (*progress)(const ctvk_job *job);\n", ""),
    "a function put in between": ("job.h", "    void (*cancel)(ctvk_job *job);", "    int64_t (*first)(ctvk_job *job);\n    void (*cancel)(ctvk_job *job);"),
    "a parameter added": ("context.h", "(*device_count)(ctvk_context *context, uint32_t *out)", "(*device_count)(ctvk_context *context, int32_t flags, uint32_t *out)"),
    "a parameter of another type": ("bundle.h", "(*memory)(ctvk_bundle *bundle, uint32_t device", "(*memory)(ctvk_bundle *bundle, uint64_t device"),
    "a return value of another type": ("job.h", "double (*progress)(const", "float (*progress)(const"),
    "a member put in between": ("volume.h", "    const void *data; ", "    const void *owner;\n    const void *data; "),
    "a member widened": ("result.h", "    uint32_t classes;", "    uint64_t classes;"),
    "a member of another type": ("volume.h", "    double slope, intercept;", "    int64_t slope, intercept;"),
    "a member renamed": ("result.h", "    double volume_ml;", "    double volume_mm3;"),
    "an array shortened": ("volume.h", "double affine[12]", "double affine[9]"),
    "text without its length": ("types.h", "    uint64_t length;\n", ""),
    "a status of another number": ("types.h", "CTVK_ERROR_INPUT = 30,", "CTVK_ERROR_INPUT = 32,"),
    "a scalar type of another number": ("types.h", "CTVK_SCALAR_INT8 = 5,", "CTVK_SCALAR_INT8 = 11,"),
    "two conventions exchanged": ("volume.h", "CTVK_RAS = 1, CTVK_LPS = 2", "CTVK_LPS = 1, CTVK_RAS = 2"),
    "an enumerator removed": ("context.h", ", CTVK_SELF_TEST_SKIP = 2", ""),
}
GROWTH = {
    "a function at the end of a table": ("job.h", "} ctvk_job_api;", "    ctvk_status (*pause)(ctvk_job *job);\n} ctvk_job_api;"),
    "a member at the end of a struct": ("result.h", "} ctvk_result_info;", "    int64_t more;\n} ctvk_result_info;"),
    "a new status": ("types.h", "CTVK_ERROR_INTERNAL = 81", "CTVK_ERROR_TIME = 82, CTVK_ERROR_INTERNAL = 81"),
    "a new struct": ("job.h", "typedef struct ctvk_job_options {", "typedef struct ctvk_new {\n    int32_t one;\n} ctvk_new;\ntypedef struct ctvk_job_options {"),
}


def changed(folder, number, change):
    """A copy of the headers with one change."""
    header, old, new = change
    include = f"{folder}/include{number}"
    shutil.copytree(INCLUDE, include)
    path = f"{include}/ctvk/{header}"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        raise SystemExit(f"{header} does not hold {old!r} once: mend the table of changes in {os.path.basename(__file__)}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return include


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        now = dump(INCLUDE, folder, "now")
        if os.path.exists(DUMP):
            bad, report = incompatible(DUMP, now)
            if bad:
                print(f"incompatible with {DUMP}:\n{report}", file=sys.stderr)
                return 1
        if UPDATE:
            shutil.copyfile(now, DUMP)
            return 0
        with open(DUMP, encoding="utf-8") as file:
            released = file.read()
        for struct in structs(INCLUDE)[0]:
            if f"'probe_{struct}'" not in released:
                failed += 1
                print(f"{struct} is not in {DUMP}: run abidiff.py with --update and commit it", file=sys.stderr)
        for enumerator, number in numbers(INCLUDE).items():
            if f"'probe_{enumerator}_is_{number}'" not in released:
                failed += 1
                print(f"{enumerator} is not in {DUMP}: run abidiff.py with --update and commit it", file=sys.stderr)
        for number, (name, change) in enumerate({**BREAKS, **GROWTH}.items()):
            bad, report = incompatible(now, dump(changed(folder, number, change), folder, f"changed{number}"))
            if bool(bad) != (name in BREAKS):
                failed += 1
                print(f"{name}: {'not caught' if name in BREAKS else 'refused'}: {bad}\n{report}", file=sys.stderr)
    print(f"abidiff: {len(BREAKS)} breaks, {len(GROWTH)} ways to grow, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
