"""The rules of doors.py. The table of rooms is read from plugin/README.md: what stands there is what is checked."""
import re

C = (".c", ".h", ".cpp")
SHADER = (".comp", ".glsl")
LIBRARY = ("core", "formats", "gpu", "ops", "nets", "volume", "ref", "selftest", "api")
# An operation of several shaders with names of their own.
SHADERS_OF = {"tokens": ("attend", "fold", "layer_norm", "linear")}
# Files of ops/ that are no operation; NAME_plan.h belongs to NAME.
HELPERS = ("tensor", "chunks")
# The checker's own folder names what it forbids.
SELF = "tests/doors/"


def lines(text):
    return enumerate(text.splitlines(), 1)


def code(text):
    """C without comments and strings, line numbers kept."""
    def blank(match):
        return "\n" * match.group().count("\n") or " "
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def room(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "plugin" and len(parts) > 2 else None


def table(tree):
    """{room: rooms and folders that it may include} from plugin/README.md; core is open to every room of the library."""
    allowed, above = {}, []
    for names, _, may in re.findall(r"^\| (`.*?`) \| (.*?) \| (.*?) \|$", tree.get("plugin/README.md", ""), re.MULTILINE):
        for name in re.findall(r"`(\w+)/`", names):
            words = set(above) if may == "all of the above" else set(re.findall(r"[a-z]+(?:/[a-z]+)*", may))
            allowed[name] = {name, "ctvk"} | words | ({"core"} if name in LIBRARY else set())
            above.append(name)
    return allowed


def includes(tree, suffixes):
    for path, text in sorted(tree.items()):
        if path.endswith(suffixes):
            for number, line in lines(text):
                match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
                if match:
                    yield path, number, match[1] == '"', match[2]


def rooms(tree):
    """Who may include whom, as the table of plugin/README.md says."""
    allowed = table(tree)
    for name in LIBRARY:
        if name not in allowed:
            yield "plugin/README.md", 1, f"the table of rooms has no row of {name}/"
    known = set(allowed) | {"ctvk", "params"}
    for path, number, quoted, name in includes(tree, C):
        here, folder = room(path), name.split("/")[0] if "/" in name else None
        if here is None or not (quoted or folder in known):
            continue
        if here not in allowed:
            yield path, number, f"{here}/ is not in the table of plugin/README.md"
        elif folder is None:
            if here in LIBRARY:
                yield path, number, f'"{name}": name the room, "{here}/{name}"'
        elif folder == "params":
            if "shaders/params" not in allowed[here]:
                yield path, number, f"{here}/ may not include {name}"
        elif folder not in allowed[here] or (folder == "ctvk" and here in ("formats", "gpu", "ops", "nets", "volume", "ref", "selftest")):
            yield path, number, f"{here}/ may not include {name}"


def public_headers(tree):
    """include/ stands alone; shaders include params/ and common/; a consumer knows the installed headers only."""
    for path, number, quoted, name in includes(tree, C + SHADER):
        if path.startswith("include/") and not (name.startswith("ctvk/") or name in ("stddef.h", "stdint.h")):
            yield path, number, f"a public header may not include {name}"
        if path.startswith("shaders/") and not name.startswith(("params/", "common/")):
            yield path, number, f"a shader may not include {name}"
        if path.startswith("tests/consumer/") and quoted:
            yield path, number, f"a consumer may not include {name}"


def foreign_libraries(tree):
    """Vulkan is called in gpu/ alone, files are parsed in formats/ alone. A host may bring a JSON parser of its own."""
    owners = {"vulkan/": "gpu", "cJSON.h": "formats", "cjson/": "formats", "nifti": "formats", "znzlib": "formats"}
    for path, number, quoted, name in includes(tree, C):
        for start, owner in owners.items():
            mine = room(path) == owner or (start.lower().startswith("cjson") and room(path) not in LIBRARY)
            if room(path) and not quoted and name.startswith(start) and not mine:
                yield path, number, f"{name} belongs to {owner}/"
    for path, text in sorted(tree.items()):
        if room(path) not in (None, "gpu") and path.endswith(C):
            for number, line in lines(code(text)):
                if re.search(r"\b(vk[A-Z]|Vk[A-Z]|VK_)\w*", line):
                    yield path, number, "Vulkan is called in gpu/ alone"


def file_sizes(tree):
    for path, text in sorted(tree.items()):
        limit = 400 if path.endswith(C + SHADER) else 600 if path.endswith(".py") else None
        count = text.count("\n")
        if limit and count > limit:
            yield path, count, f"{count} lines where {limit} are the most"


def one_name(tree):
    """An operation has one name: shader, params, op, reference, test."""
    heads = {m[1] for m in (re.fullmatch(r"plugin/ops/(\w+)\.h", p) for p in tree) if m}
    ops = {n for n in heads if n not in HELPERS and not n.endswith("_plan") and not n.endswith("_internal")}
    shaders = {m[1] for m in (re.fullmatch(r"shaders/(\w+)\.comp", p) for p in tree) if m}
    owner = {}
    for op in sorted(ops):
        mine = [s for s in shaders if s == op or s.startswith(op + "_") or s in SHADERS_OF.get(op, ())]
        for shader in mine:
            owner[shader] = op
        wanted = [f"plugin/ops/{op}.c", f"shaders/params/{op}.h", f"plugin/ref/{op}.c", f"plugin/ref/{op}.h", f"tests/ops/test_{op}.c"]
        for path in wanted:
            if path not in tree:
                yield f"plugin/ops/{op}.h", 1, f"the operation {op} has no {path}"
        if not mine:
            yield f"plugin/ops/{op}.h", 1, f"the operation {op} has no shader"
    for shader in sorted(shaders):
        path = f"shaders/{shader}.comp"
        if shader not in owner:
            yield path, 1, "no operation of plugin/ops has this name"
        elif f'#include "params/{owner[shader]}.h"' not in tree[path]:
            yield path, 1, "does not include the params header of its operation"
    for path in sorted(tree):
        match = re.fullmatch(r"shaders/params/(\w+)\.h", path)
        if match and f"params/{match[1]}.h" not in "".join(t for p, t in tree.items() if p.startswith("shaders/") and p != path):
            yield path, 1, "no shader includes it"


def quiet_library(tree):
    """The library prints nothing, ends nothing, changes nothing of the process, and takes memory from the host's allocator."""
    process = r"(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|assert|atexit|setlocale|setenv|unsetenv|putenv|signal|sigaction|chdir|system|fork)"
    memory = r"(malloc|calloc|realloc|aligned_alloc|posix_memalign|strdup|strndup|free)"
    for path, text in sorted(tree.items()):
        if room(path) not in LIBRARY or not path.endswith(C):
            continue
        for number, line in lines(code(text)):
            match = re.search(rf"(?<!->)(?<!\.)\b{process}\s*\(", line) if not line.lstrip().startswith("#") else None
            if match and not re.search(r"format\s*\(\s*printf", line):
                yield path, number, f"{match[1]} is the host's business"
            if re.search(r"\b(stdout|stderr)\b", line):
                yield path, number, "the library does not print"
            match = re.search(rf"(?<!->)(?<!\.)\b{memory}\s*\(", line)
            if match and path != "plugin/core/host.c":
                yield path, number, f"{match[1]}: memory comes from core/host.h"


def machine_paths(tree):
    """No path of the machine where it was written. A test may make its scratch files in /tmp."""
    for path, text in sorted(tree.items()):
        if path.startswith(SELF):
            continue
        for number, line in lines(text):
            match = re.search(r"(?<![\w.$}/])/(work|home|root|Users|mnt)/[\w.-]+", line) or (
                None if path.startswith("tests/") else re.search(r"(?<![\w.$}/])/tmp/[\w.-]+", line))
            if match:
                yield path, number, f"a path of one machine: {match.group()}"


def unfinished(tree):
    for path, text in sorted(tree.items()):
        if path.startswith(SELF) or path.endswith("LICENSE"):
            continue
        for number, line in lines(text):
            if re.search(r"\b(TODO|FIXME|HACK|XXX)\b", line):
                yield path, number, "unfinished work is not committed"


RULES = (rooms, public_headers, foreign_libraries, file_sizes, one_name, quiet_library, machine_paths, unfinished)
