"""The packages that cpack makes: packages.py make | archive | debian. Debian's own tools judge them; what is unpacked is used as a user would,
from a folder that the build knows nothing of. Standard library only."""
import glob
import os
import re
import shutil
import subprocess
import sys

SOURCE, BUILD = os.environ["CTVK_SOURCE"], os.environ["CTVK_BUILD"]
SCRATCH = os.environ["CTVK_TEST_TMP"] + "/packages"
MADE = SCRATCH + "/made"
sys.path.insert(0, f"{SOURCE}/tests/consumer")
import consumer  # noqa: E402

PROGRAMS = ["bin/ctvk", "bin/ctvk-draw", "bin/ctvk-slicer", "lib/ctvk/libctvk-slicerLib.so", "lib/libctvk.so.1"]
SCRIPTS = "lib/ctvk/qt-scripted-modules"
RUNTIME = PROGRAMS + f"""lib/ctvk/cli-modules/ctvk-slicer {SCRIPTS}/CTVOnVulkan.py {SCRIPTS}/CTVOnVulkanLib/logic.py
{SCRIPTS}/SegmentEditorCTVFromText.py {SCRIPTS}/Resources/Demo/demo/manifest.json {SCRIPTS}/Resources/Demo/ct.nii.gz
share/ctvk/plugin.json share/ctvk/bundle.schema.json share/ctvk/demo/manifest.json share/ctvk/demo/network.safetensors share/ctvk/demo/MODEL_CARD.md share/ctvk/demo-vision/manifest.json
share/ctvk/demo-ct/README.md share/doc/ctvk/README.md share/man/man1/ctvk.1.gz share/man/man1/ctvk-draw.1.gz share/man/man1/ctvk-slicer.1.gz""".split()
DEVELOPMENT = ["lib/libctvk.so", "lib/pkgconfig/ctvk.pc", "lib/cmake/ctvk/ctvk-config.cmake"] + [
    f"include/ctvk/{name}" for name in sorted(os.listdir(f"{SOURCE}/include/ctvk"))]
# What lintian may warn of: one package holds command and library; CPack calls ldconfig itself, beside the trigger; the library lies in
# usr/lib, which pkg-config does not look through when it compiles for another machine. An error is never allowed.
WARNINGS = {"package-name-doesnt-match-sonames", "maintscript-calls-ldconfig", "pkg-config-unavailable-for-cross-compilation"}
TOOLS = {"dpkg-deb": "dpkg", "dpkg-shlibdeps": "dpkg-dev", "lintian": "lintian", "apt-get": "apt", "objdump": "binutils", "file": "file"}


def fail(text):
    sys.exit(f"packages: {text}")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **more)
    if done.returncode:
        fail(f"{' '.join(command)} gives {done.returncode}: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return done.stdout


def only(pattern):
    found = glob.glob(f"{MADE}/{pattern}")
    if len(found) != 1:
        fail(f"{pattern}: {len(found)} such files were made: {os.listdir(MADE)}")
    return found[0]


def make():
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            fail(f"{tool} is missing (install the package {package})")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for kind in ("DEB", "TGZ"):
        run("cpack", "-G", kind, "-B", MADE, cwd=BUILD)
    shutil.rmtree(f"{MADE}/_CPack_Packages")


def check_files(prefix, wanted):
    missing = [name for name in wanted if not os.path.exists(f"{prefix}/{name}")]
    if missing:
        fail(f"not in it: {missing}")


def check_use(prefix):
    """devices and a contour of the demo, by the command and by Slicer's module, from a folder with a space in its name."""
    moved = f"{SCRATCH}/some where"
    shutil.rmtree(moved, ignore_errors=True)
    os.makedirs(f"{moved}/work")
    os.rename(prefix, f"{moved}/ctvk")
    env = {**os.environ, "HOME": f"{moved}/work", "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")}
    env.pop("LD_LIBRARY_PATH", None)
    here = {"cwd": f"{moved}/work", "env": env}
    if "cpu" not in run("../ctvk/bin/ctvk", "devices", **here):
        fail("no device of kind cpu is listed")
    demo = ["--model", "../ctvk/share/ctvk/demo"]
    run("../ctvk/bin/ctvk", "segment", *demo, "--image", "../ctvk/share/ctvk/demo-ct/lidc-idri-0314_small.nii.gz", "--prompt", "N0, cT2, breast conserving surgery, left side",
        "--output", "label.nii", "--quiet", **here)
    run(f"{BUILD}/ctvk", "segment", "--model", f"{SOURCE}/manifest/demo", "--image", f"{SOURCE}/tests/data/ct/lidc-idri-0314_small.nii.gz",
        "--prompt", "N0, cT2, breast conserving surgery, left side", "--output", "want.nii", "--quiet", **here)
    label, want = (open(f"{moved}/work/{name}.nii", "rb").read() for name in ("label", "want"))
    if label != want or len(want) < 256 * 192 * 92 or 1 not in want[-(256 * 192 * 92):]:
        fail("the label map is not the one of the build's own command")
    if "<executable>" not in run("../ctvk/lib/ctvk/cli-modules/ctvk-slicer", "--xml", **here):
        fail("Slicer's module does not describe itself")
    found = run("/usr/bin/python3", "-c", "import sys; sys.path.insert(0, sys.argv[1]); from CTVOnVulkanLib import logic; "
                "print(logic.find_command(near=[sys.argv[1] + '/../../../bin']))", f"../ctvk/{SCRIPTS}",
                cwd=here["cwd"], env={k: v for k, v in env.items() if k != "CTVK_COMMAND"})
    if not os.path.samefile(os.path.join(here["cwd"], found.strip()), f"{moved}/ctvk/bin/ctvk"):
        fail(f"Slicer's scripted module finds {found} as the command")
    os.rename(f"{moved}/ctvk", prefix)


def check_hosts(prefix):
    """A host in C by pkg-config and one in C++ by find_package, on this tree alone; no path of the build in any file."""
    consumer.PREFIX, consumer.DEMO, consumer.SCRATCH, consumer.FIRST = prefix, f"{prefix}/share/ctvk/demo", f"{SCRATCH}/hosts", MADE
    shutil.rmtree(consumer.SCRATCH, ignore_errors=True)
    os.mkdir(consumer.SCRATCH)
    consumer.check_no_build_path()
    consumer.in_c()
    consumer.in_cpp()


def archive():
    path = only("*.tar.gz")
    out = f"{SCRATCH}/archive"
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    run("tar", "-xzf", path, "-C", out)
    top = os.path.basename(path).removesuffix(".tar.gz")
    if os.listdir(out) != [top] or sorted(os.listdir(f"{out}/{top}")) != ["bin", "include", "lib", "share"]:
        fail(f"{path}: unpacks to {os.listdir(out)}")
    check_files(f"{out}/{top}", RUNTIME + DEVELOPMENT + ["share/doc/ctvk/LICENSE"])
    check_use(f"{out}/{top}")
    check_hosts(f"{out}/{top}")


def check_control(package, name):
    fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", run("dpkg-deb", "-f", package), re.MULTILINE))
    version = run(f"{BUILD}/ctvk", "--version").split()[1]
    if fields["Package"] != name or fields["Version"] != version or not re.fullmatch(r".+ <\S+@\S+>", fields["Maintainer"]):
        fail(f"{name}: {fields}")
    return {dependency.split()[0] for dependency in fields["Depends"].split(", ")}, fields


def check_owners(package, name):
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner = line.split()[:2]
        program = "/bin/" in line
        if owner != "root/root" or mode[1:] not in ("rwxr-xr-x", "rwxrwxrwx" if mode[0] == "l" else "rwxr-xr-x" if program or mode[0] == "d" else "rw-r--r--"):
            fail(f"{name}: owner or mode of {line}")


def owner_of(library):
    """The package that a library of this machine comes from."""
    path = re.search(rf"^\s*{re.escape(library)} .*x86-64.* => (\S+)$", run("/sbin/ldconfig", "-p"), re.MULTILINE)[1]
    for candidate in (path, os.path.realpath(path), path.removeprefix("/usr"), os.path.realpath(path).removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True).stdout
        if found:
            return found.split(":")[0]
    fail(f"{library}: no package owns {path}")


def check_depends(prefix, depends):
    """Every library that a program names is in this package or in one that it depends on, and it depends on nothing else."""
    needed = {library for name in PROGRAMS for library in re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", f"{prefix}/{name}"))}
    if "libctvk.so.1" not in needed or "libvulkan.so.1" not in needed:
        fail(f"libraries of the programs: {needed}")
    owners = {owner_of(library) for library in needed - {"libctvk.so.1"}}
    if owners != depends:
        fail(f"depends on {sorted(depends)}, needs {sorted(owners)}")


def check_lintian(packages):
    root = ["--allow-root"] if os.geteuid() == 0 else []
    done = subprocess.run(["lintian", *root, *packages], capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("N:")]
    bad = [line for line in lines if line.split()[2] not in WARNINGS or line.startswith("E:")]
    if bad or done.stderr.strip() or {line.split()[2] for line in lines} != WARNINGS:
        fail("lintian: " + "\n".join(bad or lines) + done.stderr)


def debian():
    runtime, development = only("ctvk_*.deb"), only("ctvk-dev_*.deb")
    root = f"{SCRATCH}/debian"
    shutil.rmtree(root, ignore_errors=True)
    depends, fields = check_control(runtime, "ctvk")
    if fields.get("Recommends") != "mesa-vulkan-drivers | vulkan-icd":
        fail(f"recommends {fields.get('Recommends')}")
    run("dpkg-deb", "-x", runtime, root)
    check_files(f"{root}/usr", RUNTIME + ["share/doc/ctvk/copyright", "share/doc/ctvk/changelog.gz"])
    if [name for name in DEVELOPMENT if os.path.lexists(f"{root}/usr/{name}")] or os.path.exists(f"{root}/usr/share/doc/ctvk/LICENSE"):
        fail("ctvk holds what belongs to ctvk-dev, or a second licence")
    check_depends(f"{root}/usr", depends)
    if check_control(development, "ctvk-dev")[0] != {"ctvk"}:
        fail("ctvk-dev depends on other things than ctvk")
    run("dpkg-deb", "-x", development, root)
    check_files(f"{root}/usr", DEVELOPMENT + ["share/doc/ctvk-dev/copyright"])
    for package, name in ((runtime, "ctvk"), (development, "ctvk-dev")):
        check_owners(package, name)
        run("dpkg-deb", "-e", package, f"{SCRATCH}/{name}-control")
        run("md5sum", "--check", "--strict", "--quiet", f"{SCRATCH}/{name}-control/md5sums", cwd=root)
    check_lintian([runtime, development])
    # apt finds everything that they depend on.
    plan = run("apt-get", "--simulate", "--no-install-recommends", "install", runtime, development)
    if not re.search(r"^Conf ctvk ", plan, re.MULTILINE) or not re.search(r"^Conf ctvk-dev ", plan, re.MULTILINE):
        fail(f"apt would not install them: {plan}")
    check_use(f"{root}/usr")
    check_hosts(f"{root}/usr")


if __name__ == "__main__":
    {"make": make, "archive": archive, "debian": debian}[sys.argv[1]]()
