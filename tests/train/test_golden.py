"""The PyTorch twin, which is the benchmark's peer and trains the bundles, on golden cases: the repository's own in both forms of its
cross-attentions; where they lie beside it, the published code's, and the language model of text-tiny-spm."""
import contextlib
import io
import os
import sys

from support import check, finish

import check_golden
import check_text


def agrees(tool, least, *arguments):
    """Runs a check_*.py; `least` cases must be there and agree."""
    out, sys.argv = io.StringIO(), [tool.__name__, *arguments]
    with contextlib.redirect_stdout(out):
        code = tool.main()
    lines = [line for line in out.getvalue().splitlines() if line.strip()]
    print(out.getvalue(), end="")
    check(code == 0 and len(lines) >= least, f"{' '.join(sys.argv)}: exit {code}, {len(lines)} lines: {lines}")


def main():
    own, published = os.path.join(os.environ["CTVK_TEST_DATA"], "golden"), os.environ.get("CTVK_GOLDEN", "")
    agrees(check_golden, 4, own)
    agrees(check_golden, 4, "--folded", own)
    if published:
        agrees(check_golden, 6, published)
        agrees(check_text, 1, os.path.join(published, "text-tiny-spm"))
    else:
        print("golden cases of the published code: not beside this clone; the repository's own were compared")
    finish()


if __name__ == "__main__":
    main()
