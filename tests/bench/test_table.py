"""table.py: ratios of rounds, what counts as slower, and the printed table."""
import table


def side(*seconds):
    return [{"seconds": s, "wall_seconds": s + 1, "peak_mib": 100 + i, "planned_bytes": 5 << 20} for i, s in enumerate(seconds)]


def row(name, a, b):
    return table.row(name, side(*a), side(*b), {})


def run(*rows):
    return {"rows": list(rows)}


# The machine was three times slower in the second round, for both.
steady = row("x", (1, 3, 1), (2, 6, 2))
assert steady["ratio"] == {"median": 0.5, "min": 0.5, "max": 0.5} and steady["rounds"] == 3
assert steady["ctvk"] == {"seconds": {"median": 1, "min": 1, "max": 3}, "wall_seconds": {"median": 2, "min": 2, "max": 4}, "peak_mib": 102,
                          "planned_mib": 5}
noisy = row("x", (1, 1.4, 1.2), (2, 2, 2))

assert table.slower(run(steady), run(row("x", (1.04,), (2,)))) == [], "within what two runs differ by"
assert table.slower(run(steady), run(row("x", (1.2,), (2,)))) == ["x: ratio 0.60, was 0.50"]
assert table.slower(run(noisy), run(row("x", (1.3,), (2,)))) == [], "within the spread of the run before"
assert len(table.slower(run(noisy), run(row("x", (1.5,), (2,))))) == 1
assert table.slower(run(steady), run(row("y", (9,), (2,)))) == [] and table.compared(run(steady), run(row("y", (9,), (2,)))) == 0
assert table.slower(run(steady), run(row("x", (0.5,), (2,)))) == [] and table.compared(run(steady), run(steady)) == 1

start = [{"seconds": s, "wall_seconds": s, "peak_mib": 90} for s in (1.5, 1.7, 2.6)]
kept, missed = (table.row(name, start, [], {"figure": figure}) for name, figure in (("a", 2.0), ("b", 1.6)))
assert "ratio" not in kept and "planned_mib" not in kept["ctvk"] and table.cells(kept)[5] == "-"
assert table.figures([kept, steady, missed]) == ["a: 1.70 s, at most 2 s are allowed: kept", "b: 1.70 s, at most 1.6 s are allowed: MISSED"]

absent = table.row("model", [], side(0.2), {"missing": {"ctvk": "not built"}, "peer_rounds": 1})
assert "ratio" not in absent and table.slower(run(steady), run(absent)) == []
lines = table.markdown([steady, absent]).splitlines()
assert len(lines) == 4 and len({len(line) for line in lines}) == 1
assert "| 0.50 (0.50 - 0.50) |" in lines[2] and "| not built " in lines[3] and "| 0.20 (0.20 - 0.20) " in lines[3]
print("ok")
