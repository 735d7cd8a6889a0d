"""Drivers that know VK_KHR_cooperative_matrix, which those of Debian 12 do not: the software driver of the next release's backports, and AMD's of
this one's, which compiles for GPUs that need not be there.

newer.py fetch FOLDER: the packages into a folder of their own, from the mirror that this machine's apt uses; nothing is installed.
newer.py run FOLDER PROGRAM [ARGUMENT ...]: the program with that software driver, its C library, its loader and its validation layer.
newer.py amd FOLDER PROGRAM [ARGUMENT ...]: the program with that driver of AMD's.
newer.py validate FOLDER PROGRAM: the program writes modules into a folder of its argument; each by that release's spirv-val.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NAMES = ["mesa-vulkan-drivers", "libvulkan1", "vulkan-validationlayers", "spirv-tools"]
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
RELEASES = ("trixie", "trixie-backports", "bookworm-backports")
LOADER = "root/usr/lib64/ld-linux-x86-64.so.2"
LIBRARIES = "root/usr/lib/x86_64-linux-gnu"


def mirror():
    """Where apt finds this machine's own release."""
    lines = subprocess.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
                           stdout=subprocess.PIPE, check=True, text=True).stdout.split("\n")
    found = [words[2] for words in map(str.split, lines) if len(words) == 3 and words[:2] == ["bookworm", "main"]]
    if not found:
        sys.exit("newer.py: apt knows no mirror of Debian 12 here (write one into its sources, run apt-get update)")
    return found[0]


def apt_of(folder):
    """An apt whose state is in the folder and that takes nothing to be installed."""
    for name in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "state/status").touch()
    lines = "".join(f"deb [signed-by={KEYS}] {mirror()} {release} main\n" for release in RELEASES)
    (folder / "etc/sources.list").write_text(lines)
    options = {"Dir::Etc": "etc", "Dir::State": "state", "Dir::State::status": "state/status", "Dir::Cache": "cache",
               "Dir::Etc::sourcelist": "etc/sources.list"}
    words = ["apt-get", "-qq", "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "APT::Architecture=amd64", "-o", "Debug::NoLocking=1",
             "-o", "APT::Sandbox::User=" + subprocess.run(["id", "-un"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()]
    for key, value in options.items():
        words += ["-o", f"{key}={folder / value}"]
    return words


def write_icd(path, library):
    path.write_text(json.dumps({"file_format_version": "1.0.1", "ICD": {"api_version": "1.3.0", "library_path": str(library)}}))


def fetch(folder):
    stamp = folder / "packages.json"  # written last
    if stamp.is_file() and json.loads(stamp.read_text()) == NAMES:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    apt = apt_of(folder)
    subprocess.run(apt + ["update"], check=True)
    subprocess.run(apt + ["-y", "--no-install-recommends", "--download-only", "-t", "trixie-backports", "install"] + NAMES, check=True)
    packages = sorted((folder / "cache/archives").glob("*.deb"))
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    subprocess.run(apt + ["download", "mesa-vulkan-drivers/bookworm-backports"], check=True, cwd=folder / "cache")
    subprocess.run(["dpkg-deb", "-x", *(folder / "cache").glob("*.deb"), folder / "amd"], check=True)
    write_icd(folder / "amd.json", folder / "amd/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so")
    write_icd(folder / "driver.json", folder / LIBRARIES / "libvulkan_lvp.so")
    for name in ("cache", "state", "etc"):
        shutil.rmtree(folder / name)
    stamp.write_text(json.dumps(NAMES))
    print(f"newer.py: {len(packages)} packages in {folder}")


def driver_of(folder, name):
    """The environment in which this driver is the only one."""
    if not (folder / name).is_file():
        sys.exit(f"newer.py: there is no driver in {folder} (newer.py fetch {folder})")
    return dict(os.environ, VK_DRIVER_FILES=str(folder / name), VK_ICD_FILENAMES=str(folder / name))


def libraries(folder):
    return f"{folder / LIBRARIES}:/usr/lib/x86_64-linux-gnu"


def run(folder, command):
    environment = driver_of(folder, "driver.json") | {"VK_LAYER_PATH": str(folder / "root/usr/share/vulkan/explicit_layer.d")}
    loader = str(folder / LOADER)
    os.execve(loader, [loader, "--library-path", libraries(folder)] + command, environment)


def validate(folder, program):
    validator = str(folder / "root/usr/bin/spirv-val")
    with tempfile.TemporaryDirectory(dir=os.environ.get("CTVK_TEST_TMP")) as modules:
        subprocess.run([program, modules], check=True)
        found = sorted(pathlib.Path(modules).glob("*.spv"))
        for module in found:
            done = subprocess.run([str(folder / LOADER), "--library-path", libraries(folder), validator, "--target-env", "vulkan1.1", str(module)])
            if done.returncode:
                sys.exit(f"newer.py: {module.name} is not valid")
    if not found:
        sys.exit(f"newer.py: {program} wrote no module")
    print(f"newer.py: {len(found)} modules are valid")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "fetch":
        fetch(pathlib.Path(sys.argv[2]).resolve())
    elif len(sys.argv) > 3 and sys.argv[1] == "run":
        run(pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:])
    elif len(sys.argv) == 4 and sys.argv[1] == "validate":
        validate(pathlib.Path(sys.argv[2]).resolve(), sys.argv[3])
    elif len(sys.argv) > 3 and sys.argv[1] == "amd":
        os.execvpe(sys.argv[3], sys.argv[3:], driver_of(pathlib.Path(sys.argv[2]).resolve(), "amd.json"))
    else:
        sys.exit(__doc__)
