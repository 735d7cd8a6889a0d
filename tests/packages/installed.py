"""The Debian package, installed by dpkg into a root that holds nothing but what the package depends on, and Mesa's driver, which it recommends; a
contour drawn there; and removed. The root is made of the installed files of this machine's own packages, so that nothing is downloaded; dpkg's
database in it knows those alone, so that a dependency that is not named, or cannot be met, fails. Standard library only."""
import os
import re
import shutil
import subprocess
import sys
import time

from packages import BUILD, PROGRAMS, SCRATCH, SOURCE, fail, only, run

ROOT = f"{SCRATCH}/root"
# What a package's scripts run: a shell and ldconfig. Everything else in the root is there because of the package.
BASE = ["dash", "libc-bin"]
DRIVER = "mesa-vulkan-drivers"
# chroot and file owners need root, or a namespace in which we are it.
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
LIMIT = 180  # seconds from the installation to the first contour, as promised; the download aside


def installed_closure(names):
    """The packages and, all the way down, what they depend on, as installed here: of alternatives and virtual packages the one that is there."""
    provides, found = {}, set()
    for line in run("dpkg-query", "-W", "-f=${db:Status-Abbrev}|${Package}|${binary:Package}|${Provides}\n").splitlines():
        state, package, full, provided = line.split("|")
        if state.strip() == "ii":
            provides.setdefault(package, full)
            for name in re.findall(r"(?:^|, )([^ ,]+)", provided):
                provides.setdefault(name, full)
    left = list(names)
    while left:
        alternatives = [re.split(r"[ :(]", name.strip())[0] for name in left.pop().split("|")]
        name = next((provides[name] for name in alternatives if name in provides), None)
        if name is None:
            fail(f"none of {alternatives} is installed here, so that no root can be made of it")
        if name not in found:
            found.add(name)
            depends = run("dpkg-query", "-W", "-f=${Pre-Depends}, ${Depends}", name)
            left += [each for each in depends.split(", ") if each.strip()]
    return sorted(found)


def make_root(names):
    """An empty system of these packages: their files, and a dpkg database of them alone."""
    shutil.rmtree(ROOT, ignore_errors=True)
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "tmp", "root", "dev", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/cache/ldconfig"):
        os.makedirs(f"{ROOT}/{folder}")
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", f"{ROOT}/{name}")
    stanzas = []
    for name in names:
        stanzas.append(run("dpkg-query", "-s", name))
        files = [line for line in run("dpkg-query", "-L", name).splitlines() if line.startswith("/") and not line.startswith("/usr/share/doc/")]
        for path in files:
            copy(path)
        write(f"var/lib/dpkg/info/{name}.list", "\n".join(["/.", *files[1:]]) + "\n")
    write("var/lib/dpkg/status", "\n".join(stanzas))
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    write("dev/null", "")


def write(path, text):
    with open(f"{ROOT}/{path}", "w", encoding="utf-8") as file:
        file.write(text)


def copy(path):
    there = ROOT + path
    if os.path.lexists(there) or not os.path.lexists(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        os.makedirs(there)
    else:
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copy2(path, there, follow_symlinks=False)


def dpkg(*words, code=0):
    done = subprocess.run([*AS_ROOT, "dpkg", f"--root={ROOT}", "--force-not-root", *words], capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        fail(f"dpkg {' '.join(words)} gives {done.returncode}: {done.stderr}{done.stdout}")
    return done.stderr + done.stdout


def inside(*words):
    """Runs a command in the root, with no environment but a path and a home: no LD_LIBRARY_PATH, no choice of a driver."""
    return run(*AS_ROOT, "chroot", ROOT, *words, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"})


def segment(command, share, image, output):
    return [command, "segment", "--model", f"{share}/demo", "--image", f"{image}/lidc-idri-0314_small.nii.gz", "--prompt",
            "N0, cT2, breast conserving surgery, left side", "--output", output, "--quiet"]


def check_contour():
    """What the installed command drew is what the build's own one draws."""
    run(*segment(f"{BUILD}/ctvk", f"{SOURCE}/manifest", f"{SOURCE}/tests/data/ct", f"{ROOT}/tmp/want.nii"))
    label, want = (open(f"{ROOT}/tmp/{name}.nii", "rb").read() for name in ("label", "want"))
    if label != want or not any(want[352:]):
        fail("the label map of the installed command is not the one of the build's own")


def check_library():
    """The loader finds the library by its own cache, and every program's libraries with it."""
    if not re.search(r"libctvk\.so\.1 .*=> /(usr/)?lib/libctvk\.so\.1", inside("ldconfig", "-p")):
        fail("ldconfig was not run, or does not know libctvk.so.1")
    loader = re.search(r"interpreter (\S+?),", run("file", "-L", f"{ROOT}/usr/bin/ctvk"))[1]
    for name in PROGRAMS:
        listed = inside(loader, "--list", f"/usr/{name}")
        if "not found" in listed or "libvulkan.so.1 => " not in listed and "libctvk.so.1 => " not in listed:
            fail(f"{name}: {listed}")


def check_removal(before):
    dpkg("--purge", "ctvk")
    left = sorted(set(listing()) - set(before))
    if left:
        fail(f"dpkg --purge leaves {left}")


def listing():
    return [os.path.join(folder, name) for part in ("usr", "etc") for folder, folders, files in os.walk(f"{ROOT}/{part}") for name in folders + files
            if name != "ld.so.cache" and "/var/cache/" not in folder]


def main():
    package = only("ctvk_*.deb")
    needed = run("dpkg-deb", "-f", package, "Depends").strip().split(", ")
    names = installed_closure([*BASE, *needed, DRIVER])
    # Without one of the packages that it names, dpkg does not configure it: the database is believed, not this machine.
    make_root(installed_closure(BASE))
    if "depends on libvulkan1" not in dpkg("--install", package, code=1):
        fail("dpkg installs it where libvulkan1 is missing")
    make_root(names)
    before = listing()
    began = time.monotonic()
    dpkg("--install", package)
    if "\nStatus: install ok installed\n" not in dpkg("--status", "ctvk"):
        fail("dpkg does not call it installed")
    inside(*segment("ctvk", "/usr/share/ctvk", "/usr/share/ctvk/demo-ct", "/tmp/label.nii"))
    seconds = time.monotonic() - began
    if seconds > LIMIT:
        fail(f"from the installation to the first contour {seconds:.0f} s, more than {LIMIT}")
    check_contour()
    check_library()
    check_removal(before)
    shutil.rmtree(ROOT)
    print(f"installed among {len(names)} packages; {seconds:.1f} s to the first contour")


if __name__ == "__main__":
    sys.exit(main())
