"""The runs of the experiment: which trainings there are, what each is tested with, and how one is done from its cohort to its result.json."""
import dataclasses
import os

import numpy
import torch

import cohort
import safetensors_io
from recipe import data, loop, model, score, tune, words
from recipe.config import Config, Grid, Refused, read_json, write_json


@dataclasses.dataclass
class Plan:
    """The experiment's size. Everything that a number depends on, so that two plans never share a folder."""
    patients: int = 400
    tests: int = 25
    seeds: tuple = (1, 2, 3)
    rendered_mm: tuple = (4.0, 4.0, 4.0)
    shares: tuple = (10, 25, 50, 100)  # per cent of the training patients; the last is 100
    adapt_with: tuple = (5, 10, 20)  # patients of the external and of the planning hospital (practice.py)
    adapt_steps: int = 40
    settings: dict = dataclasses.field(default_factory=lambda: {"steps": 200})
    # As much room as the shipped model's, at voxels 4.5 times as large: 42 trainings have to fit into hours.
    grid: Grid = dataclasses.field(default_factory=lambda: Grid(spacing_mm=[7.5, 7.5, 10.0], window=[64, 64, 32]))

    def __post_init__(self):
        """As JSON gives it."""
        self.grid = Grid(**self.grid) if isinstance(self.grid, dict) else self.grid
        for name in ("seeds", "shares", "adapt_with", "rendered_mm"):
            setattr(self, name, getattr(self, name) and tuple(getattr(self, name)))

    def config(self, run):
        count = max(1, round(self.patients * run.share / 100))
        return Config(text=run.text, seed=run.seed, patients=count, grid=self.grid, **self.settings)


@dataclasses.dataclass(frozen=True)
class Run:
    """One training. shuffled: its texts belong to other patients, in training too."""
    kind: str
    text: str
    share: int
    seed: int
    shuffled: bool = False
    site: str = ""  # the hospital that the full model of this seed is adapted to and tested at; empty: a training of its own
    adapt: int = 0  # how many of its patients that takes; 0: none, the full model itself is tested there
    whole: bool = False  # with the U-Net too

    @property
    def name(self):
        return f"{self.kind}-seed{self.seed}"


def all_runs(plan):
    """In the order in which they are worth having: every comparison for the first seed, then the next seed's."""
    runs = []
    for seed in plan.seeds:
        runs += [Run("multimodal-100", "llm", 100, seed), Run("vision-100", "none", 100, seed)]
        for share in plan.shares[:-1]:
            runs += [Run(f"multimodal-{share}", "llm", share, seed), Run(f"vision-{share}", "none", share, seed)]
        runs += [Run("one-hot", "onehot", 100, seed), Run("frozen-prompts", "frozen", 100, seed), Run("shuffled-training", "llm", 100, seed, True)]
        runs += [Run(f"adapted-{count}", "llm", 100, seed, site="external", adapt=count) for count in plan.adapt_with]
        runs += [Run(f"planning-{count}", "llm", 100, seed, site="planning", adapt=count) for count in (0, *plan.adapt_with)]
        runs += [Run(f"planning-whole-{count}", "llm", 100, seed, site="planning", adapt=count, whole=True) for count in plan.adapt_with]
    return runs


class Folder:
    """Where the parts of an experiment lie, and the commands that it calls."""

    def __init__(self, path, llm, ctvk):
        self.path, self.llm, self.ctvk = path, llm, ctvk
        self.cohort, self.encoded = os.path.join(path, "cohort"), os.path.join(path, "encoded")

    def run(self, name):
        return os.path.join(self.path, "runs", name)

    def result(self, name):
        return os.path.join(self.run(name), "result.json")


def write_own(case):
    """A patient's text as the own hospital writes it, always the same."""
    from patients import write_prompt
    return write_prompt(case.facts, case.writes, numpy.random.default_rng([case.seed, 22]))


def conditions(run, cases):
    """{condition: [Text of each case, or None where it cannot be]} that a model is tested with."""
    own = [words.Text(write_own(case), words.one_hot(case.facts)) for case in cases]
    if run.text == "none":
        return {"own": own}
    table = {"own": own}
    if run.kind == "multimodal-100" or (cases[0].writes == "external" and run.text != "onehot"):
        table["template"] = [words.Text(words.internal_text(case.facts), words.one_hot(case.facts)) for case in cases]
    if run.kind in ("multimodal-100", "one-hot"):
        swapped = [words.mirrored(case.facts) if case.facts.side in words.MIRRORED else None for case in cases]
        table["wrong side"] = [None if facts is None else words.Text(words.internal_text(facts), words.one_hot(facts)) for facts in swapped]
        # Each gets the text of the next: nobody keeps the own, nobody's is lost.
        order = numpy.random.default_rng([run.seed, 23]).permutation(len(cases))
        table["shuffled"] = [own[order[(int(numpy.flatnonzero(order == i)[0]) + 1) % len(order)]] for i in range(len(cases))]
        everything = tuple(words.NAMES)
        table["all unknown"] = [words.Text(words.internal_text(case.facts, everything), words.one_hot(case.facts, everything)) for case in cases]
    if run.kind == "multimodal-100":
        table["empty"] = [words.Text("") for _ in cases]
    return table


def test(net, run, plan, cases, judge):
    """[{case, condition, metrics…}] of one hospital."""
    table, rows = conditions(run, cases), []
    net.eval()
    for place, case in enumerate(cases):
        chosen = {name: texts[place] for name, texts in table.items() if texts[place] is not None}
        embeddings = net.embed_all(list(chosen.values()))
        logits = score.logits_of(net.net, case.image, embeddings, plan.grid.manifest())
        for number, (name, text) in enumerate(chosen.items()):
            label = score.label_map(logits[number], case.geometry)
            row = {"case": case.name, "hospital": case.hospital, "condition": name, "side": case.facts.side, "nodes": case.facts.nodes,
                   **judge(case.native, label)}
            if name == "wrong side" and case.swapped:
                row["dice_swapped_target"] = judge(case.swapped, label)["dice"]
            rows.append(row)
    return rows


def shuffle_texts(cases, seed):
    """Every patient gets the texts of another, for good."""
    order = numpy.random.default_rng([seed, 24]).permutation(len(cases.texts))
    turned = numpy.empty_like(order)
    turned[order] = numpy.roll(order, 1)
    cases.texts, cases.mirrored = ([bank[i] for i in turned] for bank in (cases.texts, cases.mirrored))


def trained(run, plan, folder, say):
    """The model of a run, trained or taken up; adapted runs start from the full model of their seed."""
    from patients import write_prompt
    config, tokens = plan.config(run), words.Tokens(folder.ctvk, folder.llm)
    cases = data.Cases.of_cohort(cohort.load(folder.cohort, "internal", cohort.TRAIN, config.patients), config, write_prompt)
    if run.shuffled:
        shuffle_texts(cases, run.seed)
    if config.text in ("llm", "frozen"):
        tokens.learn(cases.all_words())
    net = model.Model(config, folder.llm, tokens, folder.encoded)
    loop.train(folder.run(run.name), config, net, cases, say=say)
    return net


def adapted(run, plan, folder, say):
    """The full model of the run's seed after fine-tuning with the run's number of patients of its site."""
    parent = dataclasses.replace(run, kind="multimodal-100", site="", adapt=0, whole=False)
    if not os.path.exists(folder.result(parent.name)):
        raise Refused(f"{run.name}: needs {parent.name} first")
    config, tokens = plan.config(parent), words.Tokens(folder.ctvk, folder.llm)
    net = model.Model(config, folder.llm, tokens, folder.encoded)
    loop.load_checkpoint(folder.run(parent.name), net)
    os.makedirs(folder.run(run.name), exist_ok=True)
    if not run.adapt:
        return net
    cases = cohort.load(folder.cohort, run.site, cohort.ADAPT, run.adapt)
    texts = [words.Text(write_own(case)) for case in cases]
    learn, held = tune.split(len(cases), run.adapt // 5, run.seed)
    parts = [([cases[i] for i in places], [texts[i] for i in places]) for places in (learn, held)]
    tune.adapt(net, *parts, tune.Settings(steps=plan.adapt_steps, whole=run.whole, seed=run.seed), config, say=say)
    return net


def complete(run, plan, folder, say=print):
    """Does a run unless its result is there. The seconds are of this machine and stand beside the numbers, not among them."""
    path = folder.result(run.name)
    if os.path.exists(path):
        return read_json(path)
    torch.set_num_threads(1)
    net, judge, rows = (adapted if run.site else trained)(run, plan, folder, say), score.Judge(folder.ctvk), []
    for hospital in ("internal", run.site or "external"):
        rows += test(net, run, plan, cohort.load(folder.cohort, hospital, cohort.TEST, plan.tests), judge)
        say(f"{run.name}: {hospital} test done")
    result = {"run": dataclasses.asdict(run), "settings": dataclasses.asdict(plan.config(run)), "rows": rows,
              "generator_sha256": read_json(os.path.join(folder.cohort, "cohort.json"))["generator_sha256"],
              "llm_sha256": safetensors_io.sha256(folder.llm) if run.text in ("llm", "frozen") else None}
    write_json(path, result)
    return result
