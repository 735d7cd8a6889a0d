"""What the compiler of AMD's Mesa driver makes of every shader, for four generations of GPUs that need not be there: limits, and the table in docs.

    radv_table.py PROGRAM ICD TABLE            compiles, checks the limits, and TABLE against what was found
    radv_table.py PROGRAM ICD TABLE --write    writes TABLE anew

The program itself fails on a shader that spills, needs scratch memory or more shared memory than is promised. TABLE is held against the driver that it
names; of another version only the shaders' names are. Standard library only.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

PROGRAM, ICD, TABLE = sys.argv[1:4]
FAMILIES = {"polaris10": "gfx8", "vega10": "gfx9", "navi10": "gfx10", "navi21": "gfx10.3"}
FLOOR = 0.2  # of the most waves that any shader reaches there; fewer hide no latency of memory
# Taken on software drivers alone: they hold whole tiles or rows in registers on purpose.
SOFTWARE = ("conv3d_winograd_in", "conv3d_winograd_in_norm", "conv3d_winograd_in_half", "conv3d_winograd_out", "token_to_image_lane", "token_to_image_lane_texel")
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def compile_for(family):
    """{shader: (VGPRs, LDS, spilled, waves) or why it is absent}, driver."""
    environment = dict(os.environ, VK_DRIVER_FILES=ICD, VK_ICD_FILENAMES=ICD, RADV_FORCE_FAMILY=family, MESA_SHADER_CACHE_DISABLE="true")
    done = subprocess.run([PROGRAM, family], env=environment, capture_output=True, text=True)
    check(done.returncode == 0, f"{family}: exit {done.returncode}: {done.stderr[-2000:]}")
    rows, driver = {}, None
    for kind, *values in (line.split("\t") for line in done.stdout.splitlines()):
        if kind == "device":
            check(family.upper() in values[0], f"{family}: {values[0]}")
            driver = values[1]
        elif kind == "row":
            rows[values[0]] = tuple(map(int, values[1:]))
        elif kind == "absent":
            rows[values[0]] = values[1]
    return rows, driver


def check_limits(family, rows):
    figures = {name: row for name, row in rows.items() if not isinstance(row, str)}
    most = max(waves for *_, waves in figures.values())
    for name, (_, _, spilled, waves) in figures.items():
        check(spilled == 0, f"{family}: {name} spills {spilled} registers")
        check(waves >= FLOOR * most or name in SOFTWARE, f"{family}: {name} runs in {waves} waves of {most}")
    for name in SOFTWARE:
        check(name in rows, f"{name}: there is no such shader")


def text_of(found, driver):
    names = list(found["navi21"])
    yield "# Shaders on AMD GPUs, as compiled\n"
    yield f"Driver: {driver}, its null device; nothing was run. Made by `tests/spirv/radv_table.py`, which also holds the limits: no register is spilled, no"
    yield f"scratch memory, at most 32 KiB of LDS, and at least {FLOOR:.0%} of the most waves there, but for what only software drivers are given"
    yield f"({', '.join(SOFTWARE)}).\n"
    yield "Each cell: VGPRs / bytes of LDS / waves (subgroups per SIMD, as the driver counts). In brackets: specialised as the networks ask for it, by rows and"
    yield "channels; of classify, whether weights divide, and what goes out beside the labels (`shaders/params/classify.h`).\n"
    yield "| shader | " + " | ".join(f"{FAMILIES[family]} ({family})" for family in found) + " | spilled |"
    yield "| --- |" + " --- |" * (len(found) + 1)
    for name in names:
        cells = [rows.get(name, "-") for rows in found.values()]
        spilled = sum(cell[2] for cell in cells if not isinstance(cell, str))
        shown = [cell if isinstance(cell, str) else f"{cell[0]} / {cell[1]} / {cell[3]}" for cell in cells]
        yield f"| {name} | " + " | ".join(shown) + f" | {spilled} |"


def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(FAMILIES, pool.map(compile_for, FAMILIES)))
    found = {family: rows for family, (rows, _) in results.items()}
    if not all(found.values()):
        return 1
    for family, rows in found.items():
        check_limits(family, rows)
    text = "\n".join(text_of(found, results["navi21"][1])) + "\n"
    if "--write" in sys.argv[4:] and not failures:
        with open(TABLE, "w", encoding="utf-8") as file:
            file.write(text)
    with open(TABLE, encoding="utf-8") as file:
        committed = file.read()
    again = f"make it anew: {' '.join(sys.argv)} --write"
    if f"Driver: {results['navi21'][1]}," in committed:
        check(committed == text, f"{TABLE} is not what this build gives ({again})")
    else:
        names = re.findall(r"^\| (\w+(?: \([\d, ]+\))?) \|", committed, re.MULTILINE)
        check([name for name in names if name != "shader"] == list(found["navi21"]), f"{TABLE} lists other shaders ({again})")
    print(text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
