"""Every public header compiles alone, as C11 and as C++11 to C++20, with gcc and clang, without one warning; and so do the *_INIT macros."""
import os
import re
import subprocess
import sys
import tempfile

INCLUDE = sys.argv[1]
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{INCLUDE}"]
COMPILERS = [("gcc", "c", "c11"), ("clang", "c", "c11")] + [
    (compiler, "c++", f"c++{year}") for compiler in ("g++", "clang++") for year in (11, 14, 17, 20)]


def headers():
    for root, _, names in os.walk(f"{INCLUDE}/ctvk"):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(root, name), INCLUDE)


def init_macros(header):
    """(struct, macro) of every CTVK_X_INIT: the struct's name is the macro's in small letters."""
    with open(f"{INCLUDE}/{header}", encoding="utf-8") as file:
        return [(name.lower(), f"{name}_INIT") for name in re.findall(r"^#define (CTVK_\w+)_INIT\b", file.read(), re.M)]


def main():
    failed, found, macros = 0, list(headers()), 0
    with tempfile.TemporaryDirectory() as folder:
        for compiler, language, standard in COMPILERS:
            for number, header in enumerate(found):
                source = f"{folder}/{number}.{'c' if language == 'c' else 'cpp'}"
                lines = [f'#include "{header}"', f'#include "{header}"']
                for struct, macro in init_macros(header):
                    lines += [f"{struct} make_{struct}(void);", f"{struct} make_{struct}(void)", "{", f"    {struct} made = {macro};",
                              "    return made;", "}"]
                    macros += 1
                with open(source, "w", encoding="utf-8") as file:
                    file.write("\n".join(lines) + "\n")
                done = subprocess.run([compiler, "-x", language, f"-std={standard}", *FLAGS, source], capture_output=True, text=True)
                if done.returncode or done.stderr:
                    failed += 1
                    print(f"{compiler} {standard} {header}:\n{done.stderr}", file=sys.stderr)
    print(f"headers: {len(found)} headers, {len(COMPILERS)} compilers and standards, {macros} macros, {failed} failed")
    return 1 if failed or len(found) < 8 or macros < 8 * len(COMPILERS) else 0


if __name__ == "__main__":
    sys.exit(main())
