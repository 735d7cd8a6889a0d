"""lint.py format | tidy BUILD_FOLDER: clang-format over every C and C++ file, clang-tidy over plugin/. Standard library only."""
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("include", "plugin", "shaders", "tests")


def tool(name):
    """Debian 12's version: another one formats and warns differently."""
    path = shutil.which(f"{name}-14") or shutil.which(name)
    if not path:
        sys.exit(f"lint: {name} is missing (install the package {name})")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if " version 14." not in version:
        sys.exit(f"lint: {path} is not version 14 (install Debian 12's package {name}): {version.strip()}")
    return path


def sources(suffixes):
    found = []
    for folder in FOLDERS:
        for root, _, names in os.walk(f"{SOURCE}/{folder}"):
            found += [os.path.join(root, name) for name in names if name.endswith(suffixes)]
    return sorted(found)


def check_format(_):
    files = sources((".c", ".h", ".cpp"))
    if len(files) < 150:
        sys.exit(f"lint: only {len(files)} files found")
    clang_format = tool("clang-format")
    # It must refuse a file that is wrong, or its silence says nothing.
    wrong = subprocess.run([clang_format, "--dry-run", "-Werror", f"--assume-filename={SOURCE}/plugin/x.c"], input="int  f( ){return 1;}\n",
                           capture_output=True, text=True)
    if wrong.returncode == 0:
        sys.exit("lint: clang-format accepts a file that is wrong")
    done = subprocess.run([clang_format, "--dry-run", "-Werror", *files], cwd=SOURCE, capture_output=True, text=True)
    print(done.stderr, end="", file=sys.stderr)
    print(f"format: {len(files)} files")
    return done.returncode


def tidy_one(command):
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    return done.returncode, done.stdout


def check_tidy(build):
    """Every source of plugin/ that the build compiles; the flags are those of the build's compile_commands.json."""
    clang_tidy = tool("clang-tidy")
    with open(f"{build}/compile_commands.json", encoding="utf-8") as file:
        compiled = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(file)}
    plugin = os.path.realpath(f"{SOURCE}/plugin") + os.sep
    files = sorted(f for f in compiled if f.startswith(plugin))
    missing = [f for f in sources((".c",)) if os.path.realpath(f).startswith(plugin) and os.path.realpath(f) not in compiled]
    if len(files) < 70 or missing:
        sys.exit(f"lint: {len(files)} files of plugin/ in compile_commands.json, not there: {missing}")
    checked = subprocess.run([clang_tidy, "--list-checks", f"{plugin}core/error.c", "-p", build], cwd=SOURCE, capture_output=True, text=True).stdout
    if "bugprone-" not in checked or "clang-analyzer-core.NullDereference" not in checked:
        sys.exit("lint: .clang-tidy is not in force")
    jobs = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(tidy_one, [[clang_tidy, "-quiet", "-p", build, f] for f in files]))
    for code, text in results:
        if code:
            print(text, end="", file=sys.stderr)
    bad = sum(code != 0 for code, _ in results)
    print(f"tidy: {len(files)} files, {bad} with faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit({"format": check_format, "tidy": check_tidy}[sys.argv[1]](sys.argv[2]))
