"""Runs a script in a virtual environment with the packages of requirements.txt, beside Debian's own: environment.py SCRIPT. The environment
lies in the build folder and is made where it is missing or of other requirements; where it cannot be made, the test fails."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def make(folder, requirements):
    print(f"making {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", folder], check=True)
    subprocess.run([f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True)


def main():
    requirements = f"{HERE}/requirements.txt"
    folder = os.environ["CTVK_TEST_TMP"] + "/venv-evaluation"
    with open(requirements, "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several builds of one folder may test at once
        mark = f"{folder}/made-of"
        have = open(mark, encoding="ascii").read() if os.path.exists(mark) else ""
        if have != wanted:
            make(folder, requirements)
            with open(mark, "w", encoding="ascii") as file:
                file.write(wanted)
    sys.exit(subprocess.run([f"{folder}/bin/python", *sys.argv[1:]]).returncode)


if __name__ == "__main__":
    main()
