"""MODEL_CARD.md of a bundle: from its manifest, its provenance and results of tests. No number in it is typed; what was not measured is not said."""
from recipe import statistics, tables

PAGE = """# {name} {version}

**{intended_use}.** This model was made to show how a sentence moves a contour. It has seen no patient, nobody has
judged its contours, and it is no medical device.

| | |
| --- | --- |
| network | LLMSeg, feature size {features}, {parameters:,} weights as float16; {kind} |
| grid | {orientation}, {spacing} mm, windows of {window} voxels ({extent} mm) |
| label | {label} |
| text | {text} |
| cached prompts | {cached} |
| trained by | `{made_by}`: {steps} steps of {batch} patients, seed {seed} |
| size | {size:.1f} MB |
| licence | {license} |

## What it is for

To try ctvk, to test hosts, and to see what wrong, missing or freely written words do to a contour.

## Who must not use it

Nobody may plan, check or teach the treatment of a patient with it, nor measure another method against it as if it were one for patients. It is not
for anatomy that it never saw: men, children, implants, flaps, pacemakers, hanging arms, anything but a chest CT of a woman on her back.

## Data

{patients} synthetic patients of one made-up hospital ({seeds}), no real one. Anatomy, CT, clinical facts and prompts are formulas and seeds
(`plugin/train/patients`, SHA-256 of its code `{generator}`). Facts are drawn independently, rare ones more often than in life.

## The rules that it was taught

Whole breast 5 mm under the skin after breast conserving surgery, chest wall after a mastectomy; from N1 the axilla's levels I and II, from N2 level
III and the supraclavicular nodes, N3 the internal mammary chain; cT4 reaches the skin; both sides in a bilateral case. Simplified from the ESTRO
(Offersen 2015) and RTOG (White 2009) atlases, one function a rule in `plugin/train/patients/rules.py`. Side, nodes and stage are partly or wholly
invisible in the image.

## Results

{results}

## Limits

- All of this holds for synthetic patients alone. On a real CT nothing was measured, and there is no reference to measure with.
- {limit}
- A contour may look right and be wrong. Read the warnings of the report, and look at the picture.

## Checked

`ctvk verify` runs the self-test that lies in this folder: a synthetic patient (`{image}`), and what PyTorch made of it.
"""

RESULTS = """Test patients that no training saw: {internal} of the same hospital, {external} of another one, which differs in scanner, positioning, bodies and in
how its physicians write. {rendered} Metrics by `ctvk evaluate` on the CT's own grid; means over patients with 95 % bootstrap intervals ({resamples} resamples).
{seeds}

{main}
"""
WORDS = """
What the words do:

{words}
{side}"""
# Conditions of the tests that a card tells, in this order.
CONDITIONS = (("the patient's own text", "own"), ("the template's words", "template"), ("another patient's text", "shuffled"),
              ("the wrong side on purpose", "wrong side"), ("every field unknown", "all unknown"))


def text_of(spec):
    if not spec:
        return "none: this is the vision-only twin, a prompt changes nothing"
    values = "; ".join(f"{name}: {', '.join(allowed)}" for name, allowed in spec["fields"].items())
    encoder = spec["encoder"]
    return (f"`{encoder['file']}` (not part of the bundle; SHA-256 `{encoder['sha256']}`), {spec['prompts']} soft prompts learned; template "
            f"`{spec['template']}`, {values}")


def words_table(results):
    """A line for each condition that was tested."""
    lines = []
    for title, condition in CONDITIONS:
        found = [results.rows("multimodal-100", hospital, condition) for hospital in tables.HOSPITALS]
        if any(found):
            lines.append([title] + [tables.cell(statistics.summary(rows, "dice"), "dice") if rows else "" for rows in found])
    return tables.table(["text", "Dice internal", "Dice external"], lines)


def results_of(content, has_text):
    results = tables.Results(content)
    count = {h: len({row["case"] for row in results.rows("multimodal-100", h) + results.rows("vision-100", h)}) for h in tables.HOSPITALS}
    seeds = sorted({*results.seeds("multimodal-100"), *results.seeds("vision-100")})
    said = RESULTS.format(**count, rendered=tables.rendering(content["plan"]), resamples=statistics.RESAMPLES, main=tables.main_table(results),
                          seeds=f"Seeds of the trainings: {', '.join(map(str, seeds))}.")
    if has_text:
        rows = [row for hospital in tables.HOSPITALS for row in tables.swapped_rows(results, hospital)]
        side = f"\nOne-sided patients with the wrong side in the text:\n\n{tables.side_table(results)}\n" if rows else ""
        said += WORDS.format(words=words_table(results), side=side)
    return said.rstrip()


def times(values):
    return " x ".join(f"{value:g}" for value in values)


def of(manifest, content, parameters, size, cached):
    """The card. content: what results.json holds; None: no test was made. parameters, size (bytes), cached: of the bundle."""
    network, made, text = manifest["network"], manifest["provenance"], manifest["network"]["text"]
    settings, window, spacing = made["settings"], manifest["inference"]["window"], manifest["preprocess"]["spacing_mm"]
    limit = ("Words that no training text had may be misread; where they name no side, the model can only guess it."
             if text else "It cannot know what is not in the image: side, nodes and stage are guesses.")
    return PAGE.format(
        name=manifest["name"], version=manifest["version"], intended_use=manifest["intended_use"].capitalize(), features=network["feature_size"],
        parameters=parameters, kind="multimodal" if text else "vision only", orientation=manifest["preprocess"]["orientation"],
        spacing=times(spacing), window=times(window), extent=times(n * mm for n, mm in zip(window, spacing)),
        label=", ".join(f"{label['value']} \"{label['name']}\"" for label in manifest["labels"][1:]), text=text_of(text),
        cached=f"{cached}: every combination of the fields, and the bilateral ones (the same on both sides)" if text else "none",
        made_by=made["made_by"], steps=made["steps_done"], batch=settings["batch"], seed=settings["seed"], size=size / 1e6, license=manifest["license"],
        patients=settings["patients"], seeds=made["patients"], generator=made["generator_sha256"],
        results=results_of(content, bool(text)) if content else "None: this bundle was not tested.", limit=limit,
        image=(manifest.get("selftest") or {}).get("image", "none"))
