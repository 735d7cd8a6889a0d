"""The reference that Doxygen makes from the headers: the target `docs` runs without a warning, every declaration of every header is in it and has
words, and one that has none is found. Standard library only."""
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SOURCE, BUILD = os.environ["CTVK_SOURCE"], os.environ["CTVK_BUILD"]
SCRATCH = os.environ["CTVK_TEST_TMP"] + "/reference"


def fail(text):
    sys.exit(f"reference: {text}")


def doxygen(folder, output, more=""):
    with open(f"{SOURCE}/docs/Doxyfile", encoding="utf-8") as file:
        settings = file.read() + more
    return subprocess.run(["doxygen", "-"], input=settings, capture_output=True, text=True, cwd=folder, timeout=120,
                          env={**os.environ, "CTVK_VERSION": "0", "CTVK_DOCS": output})


def headers(folder):
    found = {}
    for root, _, names in os.walk(f"{folder}/include/ctvk"):
        for name in names:
            with open(os.path.join(root, name), encoding="utf-8") as file:
                found[os.path.relpath(os.path.join(root, name), f"{folder}/include")] = file.read()
    return found


def words(node):
    return "".join("".join(node.find(part).itertext()) for part in ("briefdescription", "detaileddescription") if node.find(part) is not None).strip()


def check_declarations():
    """Names as the C text has them against the names with words in Doxygen's XML."""
    done = doxygen(SOURCE, SCRATCH, "\nGENERATE_HTML = NO\nGENERATE_XML = YES\n")
    if done.returncode or done.stderr:
        fail(f"Doxygen: {done.returncode}: {done.stderr[:3000]}")
    told = set()
    for name in os.listdir(f"{SCRATCH}/xml"):
        for node in ElementTree.parse(f"{SCRATCH}/xml/{name}").iter() if name.endswith(".xml") else ():
            if node.tag in ("compounddef", "memberdef", "enumvalue") and words(node):
                owner = node.find("compoundname" if node.tag == "compounddef" else "name")
                told.add(owner.text.strip("() *"))
    texts = headers(SOURCE)
    code = re.sub(r"/\*.*?\*/", "", "".join(texts.values()), flags=re.DOTALL)
    wanted = set(map(os.path.basename, texts)) | set(re.findall(r"\(\*(\w+)\)\(", code)) | set(re.findall(r"^\} (ctvk_\w+);", code, re.MULTILINE))
    wanted |= set(re.findall(r"^#define (CTVK_\w+)(?<!_H)(?<!_EXPORT)\b(?!\n)", code, re.MULTILINE)) | {"ctvk_interface"}
    missing = sorted(wanted - told)
    if missing or len(wanted) < 100:
        fail(f"{len(wanted)} declarations, without words: {missing}")
    return len(wanted)


def check_refusal():
    """A function without a comment, planted in a copy."""
    copy = f"{SCRATCH}/copy"
    for name in ("include", "docs", "tests/consumer"):
        shutil.copytree(f"{SOURCE}/{name}", f"{copy}/{name}")
    with open(f"{copy}/include/ctvk/plugin.h", encoding="utf-8") as file:
        text = file.read()
    with open(f"{copy}/include/ctvk/plugin.h", "w", encoding="utf-8") as file:
        file.write(text.replace("} ctvk_plugin_api;", "    ctvk_status (*silent)(ctvk_text *out);\n} ctvk_plugin_api;"))
    done = doxygen(copy, f"{SCRATCH}/refused")
    if done.returncode == 0 or "silent" not in done.stderr:
        fail(f"a function without a comment passes: {done.returncode}: {done.stderr[:500]}")


def main():
    if not shutil.which("doxygen"):
        fail("doxygen is missing (install the package doxygen)")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.mkdir(SCRATCH)
    count = check_declarations()
    check_refusal()
    done = subprocess.run(["cmake", "--build", BUILD, "--target", "docs"], capture_output=True, text=True, timeout=120)
    pages = f"{BUILD}/docs/html"
    if done.returncode or "warning" in done.stdout + done.stderr or not os.path.exists(f"{pages}/index.html"):
        fail(f"the target docs: {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    index = open(f"{pages}/index.html", encoding="utf-8").read()
    if "take_result" not in index or "structctvk__job__api.html" not in index:
        fail("the first page lacks the host, or a link to a table")
    print(f"reference: {count} declarations")


if __name__ == "__main__":
    main()
