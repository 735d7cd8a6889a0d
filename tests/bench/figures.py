"""The figures that the project holds itself to: each with its floor, which is kept, and its aim."""
import table

FULL = "384 x 384 x 128, with text"
SMALL = "192 x 192 x 64, with text"
# Rows of the table against their peers: floor, aim.
AGAINST_PEER = {FULL: (0.8, 0.5), "384 x 384 x 128, vision only": (1.5, 1.0), SMALL: (0.8, 0.5), "96 x 96 x 32, with text": (1.0, 0.7)}
LANGUAGE = ("SmolLM2-135M", 3, 1.5)
LEVEL0 = {"conv3d": ("3x3x3 convolutions at level 0, share of the FMA peak", 0.9, 1.5, "more"),
          "token_to_image": ("token-to-image at level 0, copies of the voxels by a shader", 2, 1.2, "less"),
          "image_to_token": ("image-to-token at level 0, copies of the voxels by a shader", 2, 1.2, "less")}
GROWTH, MEMORY, START, COLD, TRYING = (8.8, 8.2), (2.0, 1.5), (0.5, 0.2), (60, 20), (1.0, 0.5)
SECOND, LARGE, HALF = (0.8, 0.6), (1.0, 0.6), (0.6, 0.55)


def figure(name, values, floor, aim, better="less"):
    """values: of each round, or a summary of them. better: whether less or more is good."""
    return {"name": name, "value": values if isinstance(values, dict) else table.summary(values), "floor": floor, "aim": aim, "better": better}


def growth(full, small):
    """The ratio of two rows' times; its spread is that of the worst pairs of their rounds."""
    a, b = full["ctvk"]["seconds"], small["ctvk"]["seconds"]
    return {"median": a["median"] / b["median"], "min": a["min"] / b["max"], "max": a["max"] / b["min"]}


def of(result):
    """The figures of a run: those whose measurements it has."""
    rows, found = {r["name"]: r for r in result["rows"]}, []
    for name, (floor, aim) in AGAINST_PEER.items():
        if "ratio" in rows.get(name, {}):
            found.append(figure(f"{name}, against PyTorch", rows[name]["ratio"], floor, aim))
    for name, row in rows.items():
        if name.startswith(LANGUAGE[0]) and "ratio" in row:
            found.append(figure(f"{name}, against llama.cpp", row["ratio"], *LANGUAGE[1:]))
    profile = result.get("profile")
    for key, (name, floor, aim, better) in LEVEL0.items() if profile else ():
        if key in profile["figures"]:
            found.append(figure(f"{name} ({profile['window']})", profile["figures"][key], floor, aim, better))
    if FULL in rows and SMALL in rows:
        found.append(figure("growth of time from 192 x 192 x 64 to 384 x 384 x 128, with text", growth(rows[FULL], rows[SMALL]), *GROWTH))
    if "device_gib" in rows.get(FULL, {}).get("ctvk", {}):
        found.append(figure(f"peak device memory, {FULL}, GiB", [rows[FULL]["ctvk"]["device_gib"]], *MEMORY))
    if "starts" in result:
        found.append(figure("segment's start to its first submission, warm caches, cached prompt, s", result["starts"]["first_work"], *START))
        found.append(figure(f"whole command on the demo's CT, cold caches, {result['starts']['prompt']}, s", result["starts"]["cold"], *COLD))
        found.append(figure("what trying the device adds to the first segment there, cold caches, s", result["starts"]["trying"], *TRYING))
    if "trying_text" in result.get("starts", {}):
        found.append(figure("what trying the device adds to the first embed there, cold caches, s", result["starts"]["trying_text"], *TRYING))
    for again in result.get("again", []):
        values = {"median": again["ratio"], "min": again["low"], "max": again["high"]}
        found.append(figure(f"second text on the same CT, {again['name']}, of the first", values, *SECOND))
    if "half" in result:
        found.append(figure(f"device memory planned in f16, {result['half']['name']}, of float32", [result["half"]["half"] / result["half"]["single"]], *HALF))
    if "large" in result:
        found.append(figure("host memory of a CT of 512 x 512 x 300 beyond it, its label map and device memory, GiB", [result["large"]["beyond_bytes"] / 2**30], *LARGE))
    return found


def verdict(f):
    sign = 1 if f["better"] == "less" else -1
    value = sign * f["value"]["median"]
    return "aim" if value <= sign * f["aim"] else "floor" if value <= sign * f["floor"] else "MISSED"


def markdown(found):
    lines = ["| figure | this run (spread) | floor | aim | kept |", "| --- | --- | --- | --- | --- |"]
    for f in found:
        v, bound = f["value"], "<=" if f["better"] == "less" else ">="
        lines.append(f"| {f['name']} | {v['median']:.3g} ({v['min']:.3g} - {v['max']:.3g}) | {bound} {f['floor']:g} | {bound} {f['aim']:g} | {verdict(f)} |")
    return "\n".join(lines)


def worse(old, new):
    """Sentences: figures of `new` that are worse than those of `old` by more than both runs' own spread and the noise of two runs. What a row's
    ratio says already is not said again."""
    before = {f["name"]: f for f in old.get("figures", [])}
    found = []
    for f in new:
        if f["name"] not in before or ", against " in f["name"]:
            continue
        was, now = before[f["name"]]["value"], f["value"]
        margin = 1 + max(table.NOISE, table.spread(was) + table.spread(now))
        if now["median"] > was["median"] * margin if f["better"] == "less" else now["median"] < was["median"] / margin:
            found.append(f"{f['name']}: {now['median']:.2f}, was {was['median']:.2f}")
    return found
