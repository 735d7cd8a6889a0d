"""The training loop: a stop leaves no trace, one step's gradient is that of one graph, windows, augmentation, logs, refusals."""
import json
import os

import numpy
import torch

from support import check, close, finish, folder, refused

from recipe import loop, model, sampler, words
from recipe.config import Config, Refused
from small_cases import case, cases, config, facts, llm, tokens

BASE = folder("train-loop")
LLM = llm(f"{BASE}/tiny.gguf")


def trained(name, settings, *stops):
    """State after training with stops; every part is a new model, as a new process has it."""
    path, said = f"{BASE}/{name}", []
    for stop in stops + (None,):
        net = model.Model(settings, LLM, tokens)
        done = loop.train(path, settings, net, cases(settings), say=said.append, every=2, stop_after=stop)
        check(done == (stop is None), f"{name}: done only after the last step")
    return net.state_dict(), said, path


def stops():
    """Bit for bit, for each way of the text."""
    for text in ("llm", "frozen", "onehot", "none"):
        settings = config(text=text)
        whole, _, path = trained(f"{text}-whole", settings)
        parts, said, again = trained(f"{text}-parts", settings, 1, 3)
        check(whole.keys() == parts.keys() and all(torch.equal(whole[k], parts[k]) for k in whole), f"{text}: stopped twice, equal to the last bit")
        check(any("taken up at step 4" in line for line in said) and "left" in said[-1], f"{text}: says where it goes on, and the time left: {said}")
        first = model.Model(settings, LLM, tokens).state_dict()
        moved = [k for k in whole if not torch.equal(whole[k], first[k])]
        learned = ("text.contexts" in moved, "text.segment_token" in moved, "text.linear.weight" in moved, "net.out.transp_conv.conv.weight" in moved)
        check(learned == (text == "llm", text == "llm", text == "onehot", True), f"{text}: what is learned {learned}")
        check([json.loads(line)["step"] for line in open(f"{path}/{loop.LOG}")] == [2, 4, 6], f"{text}: the log's steps")
        steps = [json.loads(line)["step"] for line in open(f"{again}/{loop.LOG}")]
        check(steps == sorted(set(steps)) and steps[-1] == 6, f"{text}: the stopped log is one log: {steps}")
    other, _, _ = trained("seed", config(text="none", seed=2))
    check(not torch.equal(other["net.out.transp_conv.conv.weight"], whole["net.out.transp_conv.conv.weight"]), "another seed, other weights")


def killed():
    """A checkpoint is behind the log where a run was killed: what it had logged beyond is dropped, a torn line too."""
    settings = config(text="none")
    path = f"{BASE}/killed"
    net = model.Model(settings)
    loop.train(path, settings, net, cases(settings), say=lambda line: None, every=1, stop_after=2)
    with open(f"{path}/{loop.LOG}", "a", encoding="utf-8") as file:
        file.write('{"step": 3, "loss": 9}\n{"step": 4, "lo')
    loop.train(path, settings, model.Model(settings), cases(settings), say=lambda line: None, every=1)
    rows = [json.loads(line) for line in open(f"{path}/{loop.LOG}")]
    check([row["step"] for row in rows] == [1, 2, 3, 4, 5, 6] and rows[2]["loss"] != 9, "what a killed run logged too much is dropped")
    check(not [name for name in os.listdir(path) if name.endswith(".part")], "no half-written file")
    refused(Refused, lambda: loop.settle(path, config(text="none", rate=0.5)), ["rate", "new folder"], "a folder of other settings")
    with open(f"{path}/config.json", encoding="utf-8") as file:
        old = json.load(file)
    del old["rate"]
    with open(f"{path}/config.json", "w", encoding="utf-8") as file:
        json.dump(old, file)
    refused(Refused, lambda: Config.load(f"{path}/config.json"), ["rate"], "settings of another version")
    for word, wrong in (("bert", {"text": "bert"}), ("16", {"features": 8}), ("at least 1", {"steps": 0}), ("norm", {"grid": {"window": [32] * 3}})):
        refused(Refused, lambda: config(**wrong), [word], f"settings {wrong}")


def one_graph():
    """A step's gradients against the batch in one graph, before clipping."""
    settings = config(clip=1e9, decay=0.0)
    net, seen = model.Model(settings, LLM, tokens), cases(settings)
    batch = seen.batch(0)
    loop.step_of(net, loop.optimiser_of(net, settings), batch, settings, 0.0)
    got = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    whole = model.Model(settings, LLM, tokens)
    embedding = whole.embed([text for _, _, text in batch])
    sum(loop.loss_of(whole.net(image, embedding[i:i + 1]), target)[0] for i, (image, target, _) in enumerate(batch)).div(len(batch)).backward()
    want = {name: p.grad for name, p in whole.named_parameters() if p.grad is not None}
    check(got.keys() == want.keys() and "text.contexts" in got, "the same parameters have gradients")
    check(all(float(g.norm()) > 0 for name, g in got.items() if name.startswith("text.")), "the text side's gradients are not zero")
    # In float32 the sums run in another order.
    for group in ("text.", "net."):
        vectors = [torch.cat([g[name].flatten() for name in got if name.startswith(group)]) for g in (got, want)]
        close(*vectors, 1e-4, f"gradients of {group}")


def projections():
    """txt2vis begins with tokens of mean 0 and, within a soft prompt, deviation 1, that tell the facts apart and not the order of the words."""
    for text in ("llm", "frozen", "onehot"):
        net = model.Model(config(text=text), LLM, tokens)
        chosen = [words.Text(form.format(side), words.one_hot(facts(side), drop)) for side in ("left", "right") for form, drop in
                  (("N1, cT2, {} side", ("surgery",)), ("{} side, cT2, N1", ("surgery",)), ("{} side, cT2", ("surgery", "nodes")), ("{} side", ("surgery", "nodes", "stage")))]
        net.start_projections(chosen)
        with torch.no_grad():
            for linear in net.net.txt2vis:
                got = linear(net.embed_all(chosen))
                inside = (got - got.mean(0)).flatten(0, 1)
                check(abs(float(got.mean((0, 1)).abs().max())) < 1e-3 and abs(float(inside.std()) - 1) < 1e-3, f"{text}: {got.mean():.1e}, {inside.std():.3f}")
                # The same side in other words, against the other side in the same words.
                near, far = (float((got[a] - got[b]).norm()) for a, b in ((0, 1), (0, 4)))
                check(near < 0.5 * far, f"{text}: what is said counts, not its order: {near:.3f}, {far:.3f}")
    same = model.Model(config(), LLM, tokens)
    before = same.net.txt2vis[0].weight.clone()
    same.start_projections([words.Text("left", words.one_hot(facts()))] * 3)
    check(torch.equal(before, same.net.txt2vis[0].weight), "texts that do not differ leave the usual start")


def encoded():
    """While soft prompts rest, a text is encoded once and kept in a folder that other trainings read; when they learn, nothing is kept."""
    net, text = model.Model(config(), LLM, tokens, f"{BASE}/store"), words.Text("left side")
    with torch.no_grad():
        want = net.text([tokens(text.words)])
    net.tuning = False
    check(torch.equal(net.embed([text]), want) and not net.embed([text]).requires_grad, "the same numbers, without a gradient")
    files = [os.path.join(at, name) for at, _, names in os.walk(f"{BASE}/store") for name in names]
    check(len(files) == 1 and files[0].endswith(".npy"), f"one file: {files}")
    numpy.save(files[0], numpy.ones((2, net.text.contexts.shape[-1]), numpy.float32))
    other = model.Model(config(seed=2), LLM, tokens, f"{BASE}/store")
    other.tuning = False
    check(bool((other.embed([text]) == 1).all()), "another training with the same vectors reads it")
    frozen = model.Model(config(text="frozen"), LLM, tokens, f"{BASE}/store")
    check(not bool((frozen.embed([text]) == 1).all()), "one with other vectors does not")
    net.tuning = True
    check(torch.equal(net.embed([text]), want) and net.embed([text]).requires_grad, "tuning: encoded anew, with gradients")


def windows():
    subject = case(4)
    settings = config(affine=0.0, mirror=0.0)
    for seed in range(20):
        random = numpy.random.default_rng(seed)
        centre = sampler.middle_of_window(subject.label, settings.grid.window, random)
        image, label = sampler.cut(subject.image, subject.label, centre, numpy.eye(3), numpy.zeros(3), settings.grid.window)
        first = (centre - (31.5, 15.5, 15.5)).astype(int)
        part = tuple(slice(a, a + n) for a, n in zip(first, (64, 32, 32)))
        check(bool(numpy.all(first >= 0)) and label.shape == (64, 32, 32) and torch.equal(label, torch.from_numpy(subject.label[part].copy())),
              f"a window without augmentation is a part of the volume, {first}")
        close(image.numpy(), subject.image[part], 1e-4, "its image too")
    # A turn by 90 degrees about z and a shift by whole voxels are exact.
    turn = numpy.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    image, label = sampler.cut(subject.image[4:36, 2:34], subject.label[4:36, 2:34], numpy.full(3, 15.5), turn, numpy.zeros(3), [32, 32, 32])
    want = numpy.rot90(subject.label[4:36, 2:34], 1, (0, 1))
    want = want if numpy.array_equal(label.numpy(), want) else numpy.rot90(subject.label[4:36, 2:34], -1, (0, 1))
    check(numpy.array_equal(label.numpy(), want), "a turned window")
    _, label = sampler.cut(subject.image, subject.label, numpy.array([17.5, 15.5, 15.5]), numpy.eye(3), numpy.array([2.0, 1, 0]), [32, 32, 32])
    check(numpy.array_equal(label.numpy(), subject.label[4:36, 1:33, 0:32]), "a shifted window")
    matrix, shift = sampler.placement([4.0, 2.0, 8.0], numpy.random.default_rng(1), 1.0)
    world = matrix / numpy.array([4.0, 2, 8]) * numpy.array([4.0, 2, 8])[:, None]
    close(world @ world.T, numpy.eye(3) * (world @ world.T)[0, 0], 1e-9, "in millimetres it is a turn and one scale")
    check(bool(numpy.abs(shift * [4, 2, 8]).max() <= sampler.SHIFT), "its shift in voxels")


def mirror():
    """The mirrored window has mirrored words; nothing else ever mirrors it."""
    settings, seen = config(mirror=1.0, affine=0.0, drop=0.0, paraphrase=0.0), 0
    plain = config(mirror=0.0, affine=0.0, drop=0.0, paraphrase=0.0)
    for step in range(6):
        for (image, target, text), (_, straight, _) in zip(cases(settings).batch(step), cases(plain).batch(step)):
            check(torch.equal(target.flip(1), straight), "the target is the mirrored one")
            # The left block lies where x is small, the mirrored one where x is large.
            if target.any():
                middle = float(target[0].nonzero()[:, 0].float().mean())
                check((middle < 31.5) == ("left" in text.words), f"words and picture: {text.words}, {middle}")
                seen += 1
    check(seen > 6, "targets were seen")
    check(words.mirrored(facts("left")).side == "right" and words.mirrored(facts("bilateral")).side == "bilateral", "mirrored facts")


def intensities():
    random = numpy.random.default_rng(3)
    image = torch.rand(32, 32, 32, generator=torch.Generator().manual_seed(1))
    image[:5] = 0
    for _ in range(20):
        got = sampler.intensities(image.clone(), random)
        check(float(got.min()) >= 0 and float(got.max()) <= 1 and float(got[:5].abs().max()) == 0, "range and air")
    a, b = (sampler.sample(case(1).image, case(1).label, config(), numpy.random.default_rng(8))[0] for _ in range(2))
    check(torch.equal(a, b), "the same seed, the same window")


def texts():
    bank = words.bank(facts(), "internal", 1, 40, 0.5, write_prompt=lambda f, h, r, drop: " ".join(drop))
    missing = sum(len(text.words.split()) for text in bank[1:]) / 39 / 4
    check(bank[0].words == "" and 0.35 < missing < 0.65, f"the first text is whole, of the others half is missing ({missing:.2f})")
    for text in bank:
        check(float(text.hot.sum()) == 4 and len(text.hot) == words.ONE_HOT, "one-hot facts: one of each")
        unknown = text.hot[[4, 9, 12, 16]]
        check([bool(u) for u in unknown] == [name in text.words.split() for name in words.VALUES], "one-hot facts know what the text knows")
    check(len(set(words.all_prompts())) == len(words.all_prompts()) == 300, "every combination of the fields, and the bilateral ones, once")
    for side in ("left", "right", "bilateral"):
        for drop in ((), ("nodes",), ("stage", "surgery")):
            check(words.internal_text(facts(side), drop) in words.all_prompts(), f"cached: {side} without {drop}")


def rates():
    settings = config(steps=1000)
    shares = [loop.rate_at(step, settings) for step in range(1000)]
    check(abs(max(shares) - 1) < 1e-9 and shares.index(max(shares)) in (49, 50) and shares[0] == 0.02 and shares[-1] < 1e-4, "linear start, cosine end")
    check(all(a >= b for a, b in zip(shares[50:], shares[51:])), "it falls")
    text = [loop.text_rate_at(step, settings) for step in range(1000)]
    check(text[:500] == [0.0] * 500 and text[500] == 1.0 and text[-1] < 1e-4, "soft prompts rest first")
    check([loop.text_rate_at(s, config(text="onehot", steps=1000)) for s in (0, 700)] == [shares[0], shares[700]], "one-hot facts learn from the start")


torch.set_num_threads(1)
for part in (stops, killed, one_graph, projections, encoded, windows, mirror, intensities, texts, rates):
    part()
finish()
