"""Draws the log of a training: plot_log.py RUN OUTPUT writes OUTPUT.png and OUTPUT.svg. Needs Debian's python3-matplotlib."""
import argparse
import json
import os
import sys

from recipe import plots
from recipe.loop import LOG


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of train.py, or a run of experiment.py")
    parser.add_argument("output", help="path without ending")
    arguments = parser.parse_args(argv)
    try:
        with open(os.path.join(arguments.run, LOG), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.endswith("\n")]
        if not rows:
            sys.exit(f"plot_log: {arguments.run}/{LOG}: empty so far")
        plots.log(rows, arguments.output)
    except OSError as problem:
        sys.exit(f"plot_log: {problem}")


if __name__ == "__main__":
    main()
