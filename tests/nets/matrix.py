"""The same numbers on every driver, whatever its subgroups' size and whatever it lacks: nets_matrix once per driver, one table of all.

A row is what was taken away, a column a driver. A cell: relative L2 error of the logits and of the language model against float64; "=" where every
number is that of the whole device bit for bit, "~" where other variants gave other sums; "absent" where the driver has nothing of it.
"shaders": how many of the embedded shaders need what was taken away; "taken": how many of these a whole device's run took. Standard library only.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

PROGRAM, LAVAPIPE, SWIFTSHADER, CACHE = sys.argv[1:5]
NEAR = 5e-5  # of another driver's numbers: half of what is promised against the published code
DRIVERS = {f"lavapipe {width}": (LAVAPIPE, width) for width in (256, 128, 512)}
DRIVERS["SwiftShader"] = (SWIFTSHADER, None)
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def measure(driver, numbers):
    """{row: None or (shaders, taken, other pipelines, error, error of the text, distance, hash)}, size of its subgroups."""
    icd, width = DRIVERS[driver]
    environment = dict(os.environ, VK_DRIVER_FILES=icd, VK_ICD_FILENAMES=icd)
    if width:  # Mesa's shader cache does not know the width
        environment |= {"LP_NATIVE_VECTOR_WIDTH": str(width), "MESA_SHADER_CACHE_DIR": f"{CACHE}/{width}"}
        os.makedirs(f"{CACHE}/{width}", exist_ok=True)
    done = subprocess.run([PROGRAM, numbers], env=environment, capture_output=True, text=True)
    check(done.returncode == 0, f"{driver}: exit {done.returncode}: {done.stderr[-2000:]}")
    rows, size = {}, 0
    for kind, *values in (line.split("\t") for line in done.stdout.splitlines()):
        if kind == "device":
            size = int(values[1])
        elif kind in ("row", "absent"):
            rows[values[0]] = None if kind == "absent" else (*map(int, values[1:4]), *map(float, values[4:7]), values[7])
    return rows, size


def judge_cell(place, cell, whole):
    shaders, taken, others, _, _, distance, bits = cell
    check(distance <= NEAR, f"{place}: {distance} from the first driver's numbers")
    check(others or bits == whole[-1], f"{place}: the same shaders were taken, and yet the numbers are others")
    check(others or not taken, f"{place}: {taken} shaders of {shaders} need it, and yet no other ones were taken")


def judge(found):
    """Beside what the program checked: errors, labels, no shader without what it needs."""
    first = next(iter(found))
    check(all(list(rows) == list(found[first][0]) for rows, _ in found.values()), "every driver has the same rows")
    for driver, (rows, size) in found.items():
        width = DRIVERS[driver][1]
        check(not width or size == width // 32, f"{driver}: subgroups of {size}")
        for name, cell in rows.items():
            if cell:
                judge_cell(f"{driver}, without {name}", cell, rows["(nothing)"])
            if cell and width and found[first][0].get(name):
                check(cell[-1] == found[first][0][name][-1], f"{driver}, without {name}: not the bits of {first}")
    check(any(cell and cell[1] for rows, _ in found.values() for cell in rows.values()), "something that was taken away is needed by a shader that was taken")


def table(found):
    rows = list(next(iter(found.values()))[0])
    yield f"{'without':20}{'shaders':>8}{'taken':>6}" + "".join(f"{driver:>21}" for driver in found)
    yield f"{'(subgroups of)':20}{'':14}" + "".join(f"{size:21}" for _, size in found.values())
    for name in rows:
        cells = [columns.get(name) for columns, _ in found.values()]
        shaders, taken = (max((cell[i] for cell in cells if cell), default=0) for i in (0, 1))
        line = f"{name:20}{shaders:8}{taken:6}"
        for cell, (columns, _) in zip(cells, found.values()):
            same = cell and "=" if cell and cell[-1] == columns["(nothing)"][-1] else "~"
            line += f"{f'{cell[3]:.1e} {cell[4]:.1e} {same}' if cell else 'absent':>21}"
        yield line


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        first, *others = DRIVERS
        numbers = f"{folder}/numbers"
        found = {first: measure(first, numbers)}
        found |= zip(others, pool.map(lambda driver: measure(driver, numbers), others))
    if not all(rows for rows, _ in found.values()):
        return 1
    judge(found)
    print(*table(found), sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
