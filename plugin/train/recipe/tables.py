"""The tables of docs/evidence.md from the rows of results.json: what was measured, and whether what was hoped for holds."""
from recipe import statistics

TITLES = {"dice": "Dice", "iou": "IoU", "hd95_mm": "HD95 (mm)", "nsd": "NSD at 3 mm"}
HOSPITALS = ("internal", "external")
DIGITS = {"hd95_mm": 1}


class Results:
    """rows(kind, hospital, condition, seed): test rows of all runs that fit."""

    def __init__(self, content):
        self.plan, self.runs = content["plan"], content["runs"]

    def rows(self, kind, hospital, condition="own", seed=None):
        found = [r for r in self.runs if r["run"]["kind"] == kind and seed in (None, r["run"]["seed"])]
        return [row for r in found for row in r["rows"] if row["hospital"] == hospital and row["condition"] == condition]

    def seeds(self, kind):
        return sorted(r["run"]["seed"] for r in self.runs if r["run"]["kind"] == kind)


def rendering(plan):
    """How the CTs that the tests are measured on were made."""
    if not plan["rendered_mm"]:
        return "CTs are rendered at the hospitals' own spacings, which differ too."
    return f"CTs of both are rendered at {' x '.join(f'{s:g}' for s in plan['rendered_mm'])} mm to save time, not at their own spacings."


def cell(found, metric):
    """mean (low to high)"""
    if found is None:
        return "undefined"
    digits = DIGITS.get(metric, 3)
    text = f"{found['mean']:.{digits}f} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"
    return text + (f", {found['undefined']} undefined" if found.get("undefined") else "")


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"] + ["| " + " | ".join(row) + " |" for row in rows])


def main_table(results):
    lines = []
    for hospital in HOSPITALS:
        both = [results.rows(kind, hospital) for kind in ("multimodal-100", "vision-100")]
        for metric, title in TITLES.items():
            lines.append([hospital, title] + [cell(statistics.summary(rows, metric), metric) for rows in both] +
                         [cell(statistics.difference(*both, metric), metric)])
    return table(["test", "", "multimodal", "vision-only", "difference"], lines)


def seed_table(results):
    lines = []
    for kind in ("multimodal-100", "vision-100"):
        for seed in results.seeds(kind):
            means = [statistics.summary(results.rows(kind, hospital, seed=seed), "dice") for hospital in HOSPITALS]
            lines.append([kind.split("-")[0], str(seed)] + [f"{m['mean']:.3f}" if m else "undefined" for m in means])
    return table(["model", "seed", "Dice internal", "Dice external"], lines)


# A test by its title: hospital, and in whose words the multimodal models are told.
WORDS = {"internal": ("internal", "own"), "external": ("external", "own"), "external, in the template's words": ("external", "template")}


def share_table(results):
    lines = []
    for share in results.plan["shares"]:
        for title, (hospital, condition) in WORDS.items():
            both = results.rows(f"multimodal-{share}", hospital, condition), results.rows(f"vision-{share}", hospital)
            if all(both):
                lines.append([f"{share} % ({max(1, round(results.plan['patients'] * share / 100))})", title] +
                             [cell(statistics.summary(rows, "dice"), "dice") for rows in both] + [cell(statistics.difference(*both, "dice"), "dice")])
    return table(["training patients", "test", "multimodal", "vision-only", "difference"], lines)


# What a sceptic asks for: title, kind of run, condition of the test.
ABLATIONS = (
    ("the patient's own text", "multimodal-100", "own"),
    ("the template's words", "multimodal-100", "template"),
    ("another patient's text", "multimodal-100", "shuffled"),
    ("the wrong side on purpose", "multimodal-100", "wrong side"),
    ("every field unknown", "multimodal-100", "all unknown"),
    ("no words at all (the library refuses this)", "multimodal-100", "empty"),
    ("trained and tested with facts as one-hot numbers, no language model", "one-hot", "own"),
    ("soft prompts and segment token frozen at random", "frozen-prompts", "own"),
    ("trained with other patients' texts, tested with the own", "shuffled-training", "own"),
    ("vision-only", "vision-100", "own"),
)


def ablation_table(results):
    lines = []
    for title, kind, condition in ABLATIONS:
        found = [results.rows(kind, hospital, condition) for hospital in HOSPITALS]
        if any(found):
            lines.append([title] + [cell(statistics.summary(rows, "dice"), "dice") if rows else "" for rows in found])
    return table(["text", "Dice internal", "Dice external"], lines)


# A text is misread where the patient's own words give less than this share of the Dice that the template's words give.
MISREAD = 0.5


def reading_table(results):
    """External texts of the full models, a text and a seed at a time: how many are misread, and what the others cost."""
    lines = []
    for kind in ("multimodal-100", *(f"adapted-{count}" for count in results.plan["adapt_with"])):
        pairs = []
        for seed in results.seeds(kind):
            own, template = ({row["case"]: row["dice"] for row in results.rows(kind, "external", condition, seed)} for condition in ("own", "template"))
            pairs += [(own[case], template[case]) for case in own if case in template]
        if pairs:
            wrong = [pair for pair in pairs if pair[0] < MISREAD * pair[1]]
            right = [b - a for a, b in pairs if a >= MISREAD * b]
            lines.append([kind, str(len(pairs)), f"{len(wrong)} ({len(wrong) / len(pairs):.0%})", str(sum(own < 0.1 for own, _ in wrong)), f"{sum(right) / len(right):.3f}" if right else "none"])
    return table(["model", "texts read", "misread", "of them Dice under 0.1", "template - free among the others"], lines)


def swapped_rows(results, hospital):
    """Rows of the wrong side that have a target on that side (one-sided patients)."""
    return [row for row in results.rows("multimodal-100", hospital, "wrong side") if row.get("dice_swapped_target") is not None]


def side_table(results):
    lines = []
    for hospital in HOSPITALS:
        rows = swapped_rows(results, hospital)
        lines.append([hospital] + [cell(statistics.summary(rows, metric), "dice") for metric in ("dice", "dice_swapped_target")])
    return table(["test", "Dice with the true target", "Dice with the other side's target"], lines)


SITES = ("external", "planning")


def adapted_kind(site, count, whole=False):
    """The runs whose full models were adapted with `count` patients of `site`; with none they are tested there as they are."""
    if site == "external":
        return f"adapted-{count}" if count else "multimodal-100"
    return f"{site}-whole-{count}" if whole and count else f"{site}-{count}"


def scopes(site):
    """(what learns, whether that is the whole network) of the adapted runs of a site."""
    return (("soft prompts and alignment", False),) + ((("the whole network", True),) if site != "external" else ())


def gain_of(results, site, count, whole=False):
    """Adapted minus unadapted, Dice, paired by patient; None where a run is missing."""
    both = [results.rows(kind, site) for kind in (adapted_kind(site, count, whole), adapted_kind(site, 0))]
    return statistics.difference(*both, "dice") if all(both) else None


def adapt_table(results, site):
    lines = []
    for scope, whole in scopes(site):
        for count in (*results.plan["adapt_with"],) if whole else (0, *results.plan["adapt_with"]):
            found = [statistics.summary(results.rows(adapted_kind(site, count, whole), hospital), "dice") for hospital in (site, "internal")]
            if all(found):
                lines.append([str(count), scope if count else "nothing"] + [cell(value, "dice") for value in found] +
                             [cell(gain_of(results, site, count, whole), "dice") if count else ""])
    return table([f"patients of the {site} hospital", "what learns", f"Dice {site}", "Dice internal", f"gain, {site}"], lines)


def aims(results):
    """[(aim, what was found, whether it holds)]; an aim whose runs are missing is not listed."""
    found = []

    def gap(share, hospital):
        return statistics.difference(results.rows(f"multimodal-{share}", hospital), results.rows(f"vision-{share}", hospital), "dice")

    for hospital in HOSPITALS:
        full = gap(100, hospital)
        if full:
            found.append((f"{hospital}: multimodal - vision-only at least 0.15 Dice", cell(full, "dice"), full["mean"] >= 0.15))
        few = gap(results.plan["shares"][0], hospital)
        if full and few:
            found.append((f"{hospital}: gap at {results.plan['shares'][0]} % of the data no smaller than at 100 %",
                          f"{few['mean']:.3f} and {full['mean']:.3f}", few["mean"] >= full["mean"]))
        rows = swapped_rows(results, hospital)
        if rows:
            true, other = (statistics.summary(rows, metric)["mean"] for metric in ("dice", "dice_swapped_target"))
            found.append((f"{hospital}: a wrong side shows: the other side's target is drawn", f"Dice {other:.3f} with it, {true:.3f} with the true one",
                          other > true))
    free = statistics.difference(results.rows("multimodal-100", "external", "template"), results.rows("multimodal-100", "external"), "dice")
    if free:
        found.append(("external: free phrasings within 0.03 of the template's", f"template - free {cell(free, 'dice')}", free["mean"] <= 0.03))
    for site in SITES:
        for scope, whole in scopes(site):
            for count in results.plan["adapt_with"]:
                gain = gain_of(results, site, count, whole)
                if gain:
                    found.append((f"{site}: a gain with {count} patients, its interval above 0 ({scope})", cell(gain, "dice"), gain["low"] > 0))
    return found


def aim_table(results):
    return table(["aim", "found", ""], [[aim, text, "holds" if holds else "**does not hold**"] for aim, text, holds in aims(results)])
