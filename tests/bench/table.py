"""From measurements to a table, and from two tables to what became slower."""
import statistics

# Two runs of the same program on the same idle machine differ by less; a smaller change says nothing.
NOISE = 0.05


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def row(name, a, b, more):
    """a, b: what the rounds gave, in order, one of each per round. The ratio is the median of the rounds' own ratios: what slows the machine
    for a while slows both sides of a round."""
    result = {"name": name, "rounds": len(a), **more}
    for key, side in (("ctvk", a), ("peer", b)):
        if side:
            result[key] = {"seconds": summary([m["seconds"] for m in side]), "peak_mib": max(m["peak_mib"] for m in side)}
    if a and b:
        result["ratio"] = summary([x["seconds"] / y["seconds"] for x, y in zip(a, b)])
    if a:
        result["ctvk"]["wall_seconds"] = summary([m["wall_seconds"] for m in a])
        if "planned_bytes" in a[0]:
            result["ctvk"]["planned_mib"] = round(a[0]["planned_bytes"] / 2**20)
        if "device_bytes" in a[0]:
            result["ctvk"]["device_gib"] = max(m["device_bytes"] for m in a) / 2**30
    return result


def figures(rows):
    """Sentences: each row that has a figure, the most seconds that it may take, and whether its median keeps it."""
    found = []
    for r in rows:
        if "figure" in r and "ctvk" in r:
            took = r["ctvk"]["seconds"]["median"]
            found.append(f"{r['name']}: {took:.2f} s, at most {r['figure']:g} s are allowed: {'kept' if took <= r['figure'] else 'MISSED'}")
    return found


def seconds(side, missing):
    if not side:
        return missing or "-"
    value = side["seconds"]
    digits = 2 if value["median"] < 10 else 1
    return f"{value['median']:.{digits}f} ({value['min']:.{digits}f} - {value['max']:.{digits}f})"


def cells(r):
    ratio, missing = r.get("ratio"), r.get("missing", {})
    rounds = str(max(r["rounds"], r.get("peer_rounds", 0)))
    return [r["name"], rounds, seconds(r.get("ctvk"), missing.get("ctvk")), seconds(r.get("peer"), missing.get("peer")),
            f"{ratio['median']:.2f} ({ratio['min']:.2f} - {ratio['max']:.2f})" if ratio else "-",
            str(r["ctvk"].get("planned_mib", "-")) if "ctvk" in r else "-", str(r["ctvk"]["peak_mib"]) if "ctvk" in r else "-",
            str(r["peer"]["peak_mib"]) if "peer" in r else "-", f"{r['difference']:.0e}" if r.get("difference") is not None else "-"]


HEAD = ["what", "rounds", "ctvk s (spread)", "peer s (spread)", "ratio (spread)", "planned MiB", "ctvk peak MiB", "peer peak MiB", "difference"]


def markdown(rows):
    lines = [HEAD] + [cells(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def spread(ratio):
    return (ratio["max"] - ratio["min"]) / 2 / ratio["median"]


def slower(old, new):
    """Sentences: rows of `new` whose ratio rose over the same row of `old` by more than both runs' own spread and NOISE."""
    before = {r["name"]: r["ratio"] for r in old["rows"] if "ratio" in r}
    found = []
    for r in new["rows"]:
        if r["name"] not in before or "ratio" not in r:
            continue
        was, now = before[r["name"]], r["ratio"]
        if now["median"] > was["median"] * (1 + max(NOISE, spread(was) + spread(now))):
            found.append(f"{r['name']}: ratio {now['median']:.2f}, was {was['median']:.2f}")
    return found


def compared(old, new):
    """How many rows both runs have."""
    before = {r["name"] for r in old["rows"] if "ratio" in r}
    return sum(r["name"] in before for r in new["rows"] if "ratio" in r)
