"""What the library shows to the linker: one symbol, one soname, no rpath, no executable stack, nothing that could harm its host's process, no state of
its own; the version stands in one place, every offset is frozen."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from interfaces import Headers  # noqa: E402

LIBRARY, SOURCE, COMMAND = sys.argv[1:4]
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols():
    names = [line.split()[-1] for line in run("nm", "-D", "--defined-only", LIBRARY).splitlines()]
    check(names == ["ctvk_interface"], f"exactly one exported symbol: {names}")
    dynamic = run("readelf", "-d", LIBRARY)
    check("Library soname: [libctvk.so.1]" in dynamic, "soname libctvk.so.1")
    check("RPATH" not in dynamic and "RUNPATH" not in dynamic, "no rpath in the library")
    check("TEXTREL" not in dynamic, "no text relocations")
    stack = [line for line in run("readelf", "-lW", LIBRARY).splitlines() if "GNU_STACK" in line]
    check(stack and "RWE" not in stack[0], "no executable stack")
    wanted = set(re.findall(r" U (\w+)(?:@\S+)?$", run("nm", "-D", "--undefined-only", LIBRARY), re.M))
    check({"malloc", "free"} <= wanted, f"what the library asks for was not read: {sorted(wanted)}")
    for reason, names in FORBIDDEN.items():
        found = wanted & set(names.split())
        check(not found, f"the library calls {sorted(found)}: {reason}")


# What a library must not do to its host's process.
FORBIDDEN = {
    "it never ends it": "exit _exit _Exit quick_exit abort raise kill __assert_fail atexit at_quick_exit on_exit fork vfork system execve posix_spawn",
    "it never prints": "stdout stderr printf vprintf puts putchar perror fprintf vfprintf fputs dprintf vdprintf syslog psignal __printf_chk __fprintf_chk "
                       "__vprintf_chk __vfprintf_chk __dprintf_chk",
    "it leaves environment, locale, folder, mask and signals alone": "setenv putenv unsetenv clearenv getenv secure_getenv setlocale uselocale newlocale "
                                                                      "chdir fchdir umask signal sigaction sigprocmask pthread_sigmask",
    "it loads nothing": "dlopen",
    # All of it comes from one place, core/host.c, which asks the host first.
    "it allocates by malloc alone": "calloc realloc reallocarray aligned_alloc posix_memalign memalign valloc strdup strndup getline getdelim asprintf "
                                    "vasprintf open_memstream qsort opendir scandir getcwd canonicalize_file_name",
}


def threads():
    """Threads of the library's own begin in one place, which gives them no signal and none to a host with an allocator."""
    hosts = {f"{SOURCE}/plugin/{name}" for name in ("cli", "draw", "review", "slicer")}  # what these do is their own
    places = [name for folder, _, names in os.walk(f"{SOURCE}/plugin") if folder not in hosts for name in names if name.endswith(".c")
              and "pthread_create(" in open(os.path.join(folder, name), encoding="utf-8").read()]
    check(places == ["compile.c"], f"threads begin in {places}")


def state():
    """Nothing that is written outside of handles. One answer is remembered, which is the same for everybody: whether the processor has SHA."""
    table = run("objdump", "-t", LIBRARY)
    found = {re.sub(r"\.\d+$", "", name) for name in re.findall(r" O (?:\.data|\.bss|\.tdata|\.tbss)\t[0-9a-f]+ +(?:\.\w+ +)?(\S+)$", table, re.M)}
    own = found - {"completed", "__dso_handle", "__TMC_END__"}  # the compiler's
    check("completed" in found and own <= {"answer"}, f"the library has state of its own: {sorted(own)}")


def version():
    with open(f"{SOURCE}/include/ctvk/types.h", encoding="utf-8") as file:
        numbers = re.findall(r"^#define CTVK_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", file.read(), re.M)
    check(len(numbers) == 3, "three numbers in types.h")
    text = ".".join(numbers)
    check(run(COMMAND, "--version") == f"ctvk {text}\n", "the command's version is the header's")
    check(os.path.realpath(LIBRARY).endswith(f"libctvk.so.{text}"), "the library's file name is the header's version")
    elsewhere = []
    for root, folders, names in os.walk(SOURCE):
        folders[:] = [f for f in folders if f not in (".git", "data") and not f.startswith("build")]
        for name in names:
            path = os.path.join(root, name)
            if name.endswith((".c", ".h", ".py", ".txt", ".cmake", ".in", ".map")) and not path.endswith("include/ctvk/types.h"):
                with open(path, encoding="utf-8") as file:
                    if re.search(r"CTVK_VERSION_(MAJOR|MINOR|PATCH) +\d|project\(ctvk VERSION \d", file.read()):
                        elsewhere.append(os.path.relpath(path, SOURCE))
    check(elsewhere == [], f"the version stands only in types.h: {elsewhere}")


def frozen():
    """Every member of every struct and table has its offset asserted."""
    members = {(name, field[0]) for name, struct in Headers(f"{SOURCE}/include").structs.items() for field in struct._fields_}
    with open(f"{SOURCE}/plugin/api/layout.c", encoding="utf-8") as file:
        asserted = set(re.findall(r"^AT\((\w+), (\w+), \d+\);$", file.read(), re.M))
    check(len(members) > 200 and members == asserted, f"layout.c freezes every member: {sorted(members ^ asserted)}")


symbols()
threads()
state()
version()
frozen()
print(f"library: {len(failures)} failed")
sys.exit(1 if failures else 0)
