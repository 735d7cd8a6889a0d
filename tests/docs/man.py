"""The man pages against the programs: sound mdoc (mandoc and groff warn of nothing), and the options of every command, with their arguments, the
commands, exit codes and environment variables are those of the programs' own help, both ways. Standard library only."""
import os
import re
import shutil
import subprocess
import sys

SOURCE = os.environ["CTVK_SOURCE"]
PAGES = {"ctvk": os.environ["CTVK_COMMAND"], "ctvk-draw": os.environ["CTVK_DRAW"], "ctvk-slicer": os.environ["CTVK_SLICER"]}
TOOLS = {"mandoc": "mandoc", "groff": "groff-base"}
OPTION = re.compile(r"^ +(--[\w-]+)(?: (\S+(?: [A-Z]+)*))?(?:\s|$)", re.MULTILINE)


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout


def lint(path):
    """Lines of warning. Style is the house's own (long lines)."""
    found = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
    warned = subprocess.run(["groff", "-mdoc", "-ww", "-T", "utf8", "-z", path], capture_output=True, text=True)
    return (found.stdout + found.stderr + warned.stderr).splitlines()


def options(text):
    return {(name, argument or None) for name, argument in OPTION.findall(text)} - {("--help", None)}


def sections(page, indent):
    """{heading: text} of a rendered page."""
    parts = re.split(rf"^ {{{indent}}}(\S.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def render(path):
    return re.sub(r".\x08", "", output("mandoc", "-T", "utf8", "-O", "width=500", path))


def compare(what, page, program):
    for missing in sorted(program - page, key=str):
        yield f"{what}: not in the man page: {missing}"
    for missing in sorted(page - program, key=str):
        yield f"{what}: only in the man page: {missing}"


def faults_of_command(page):
    """The page of ctvk itself, command by command."""
    whole = output(PAGES["ctvk"], "--help")
    commands = set(re.findall(r"^ctvk (\w+)", whole, re.MULTILINE))
    top = sections(page, 0)
    about = sections(top["COMMANDS"], 3)
    yield from compare("commands", set(about), commands)
    yield from compare("synopsis", set(re.findall(r"\bctvk (\w+)", top["SYNOPSIS"])) - {"command"}, commands)
    for name in sorted(commands & set(about)):
        yield from compare(name, options(about[name]), options(output(PAGES["ctvk"], name, "--help")))
    codes = whole[whole.index("exit codes:"):whole.index("environment:")]
    yield from compare("exit codes", set(re.findall(r"^ +(\d) ", top["EXIT STATUS"], re.MULTILINE)), set(re.findall(r"\b(\d) [a-z]", codes)))
    variables = set(re.findall(r"CTVK_\w+", whole))
    for folder, _, names in os.walk(f"{SOURCE}/plugin/cli"):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                variables |= set(re.findall(r'getenv\("(CTVK_\w+)"\)', file.read()))
    yield from compare("environment", set(re.findall(r"CTVK_\w+", top["ENVIRONMENT"])), variables)


def faults(name, page):
    if name == "ctvk":
        yield from faults_of_command(page)
    else:
        text = output(PAGES[name], "--help")
        found = options(text)
        # ctvk-draw names what is required in its first line alone.
        found |= {(option, argument) for option, argument in re.findall(r"(--[\w-]+) (\S+)", text.splitlines()[0]) if option not in dict(found)}
        yield from compare(name, options(sections(page, 0)["DESCRIPTION"]), found)


def main():
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            sys.exit(f"man: {tool} is missing (install the package {package})")
    found, counted = [], 0
    for name in PAGES:
        path = f"{SOURCE}/docs/{name}.1"
        page = render(path)
        counted += len(options(page))
        found += lint(path) + list(faults(name, page))
        # One option less must be seen, or silence says nothing.
        first = OPTION.search(page[page.index("DESCRIPTION"):])[1]
        if not list(faults(name, re.sub(rf"^ +{first}\b.*$", "", page, flags=re.MULTILINE))):
            found.append(f"{name}: a page without {first} passes")
    broken = os.environ["CTVK_TEST_TMP"] + "/broken.1"
    with open(broken, "w", encoding="utf-8") as file:
        file.write(".Dd January 1, 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Bogus z\n")
    if not lint(broken):
        found.append("a page with an unknown macro passes")
    if counted < 30:
        found.append(f"only {counted} options were read")
    print("\n".join(found), file=sys.stderr)
    print(f"man: {len(PAGES)} pages, {counted} options, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
