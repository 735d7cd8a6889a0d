"""The house rules that a machine can check: who includes whom, names, sizes, forbidden words. Standard library only.

doors.py             the repository
doors.py --planted   every rule finds what is planted for it in a small sound tree, and nothing in the tree as it is

A tree is {path: text}. Each rule yields (path, line number, what is wrong).
"""
import os
import sys

from rules import RULES

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEXT = (".c", ".h", ".cpp", ".comp", ".glsl", ".py", ".cmake", ".txt", ".md", ".json", ".in", ".map", ".supp", ".toml")


def load(folder):
    """Every text file of the repository, build folders left out."""
    tree = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if not (root == folder and f.startswith("build")) and f not in (".git", "__pycache__", ".venv", "shared")]
        for name in names:
            path = os.path.join(root, name)
            if name != ".git" and (name.endswith(TEXT) or "." not in name[1:]):
                try:
                    with open(path, encoding="utf-8") as file:
                        tree[os.path.relpath(path, folder)] = file.read()
                except (UnicodeDecodeError, OSError):
                    pass  # corpora of the fuzz targets
    return tree


def faults(tree):
    return [(rule.__name__, *fault) for rule in RULES for fault in rule(tree)]


def check_repository():
    tree = load(SOURCE)
    rooms = {path.split("/")[1] for path in tree if path.startswith("plugin/") and path.endswith(".c")}
    if len(tree) < 150 or len(rooms) < 9:
        print(f"doors: only {len(tree)} files in {len(rooms)} rooms: this is not the repository", file=sys.stderr)
        return 1
    found = faults(tree)
    for rule, path, line, wrong in found:
        print(f"{path}:{line}: {rule}: {wrong}", file=sys.stderr)
    print(f"doors: {len(tree)} files, {len(RULES)} rules, {len(found)} faults")
    return 1 if found else 0


def check_planted():
    from planted import PLANTED, SOUND

    bad = 0
    for fault in faults(SOUND):
        print(f"the sound tree is reported: {fault}", file=sys.stderr)
        bad += 1
    for rule, path, text in PLANTED:
        tree = dict(SOUND)
        if text is None:
            del tree[path]
        else:
            tree[path] = SOUND.get(path, "") + text
        hits = {name for name, *_ in faults(tree)}
        if hits != {rule}:
            print(f"planted in {path}: {(text or 'removed')[:60]!r}: found by {sorted(hits) or 'no rule'}, not by {rule}", file=sys.stderr)
            bad += 1
    unproved = {rule.__name__ for rule in RULES} - {rule for rule, *_ in PLANTED}
    if unproved:
        print(f"nothing is planted for {sorted(unproved)}", file=sys.stderr)
        bad += 1
    print(f"doors: {len(PLANTED)} planted faults, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(check_planted() if "--planted" in sys.argv else check_repository())
