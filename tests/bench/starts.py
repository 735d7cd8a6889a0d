"""The command from its start, on the demo's CT: how long until the device gets its first work where all caches are filled and the prompt is the
bundle's own, how long the whole command takes where no cache is there, and what trying the device before its first use adds to that."""
import os
import tempfile
import time

import hosts
import language
import profiling
import programs

SENTENCE = "N1, cT2, breast conserving surgery of the left breast"


def command(build, folder, prompt):
    return [os.path.join(build, "ctvk"), "segment", "--model", hosts.DEMO, "--image", hosts.CT, "--prompt", prompt, "--output",
            os.path.join(folder, "start.nii.gz"), "--quiet"]


def first_work(build, folder, threads, rounds):
    """Seconds of each round from the making of the process to its first submission; a run that fills the caches comes first."""
    caches, trace, found = os.path.join(folder, "caches"), os.path.join(folder, "start.json"), []
    os.makedirs(caches, exist_ok=True)
    for _ in range(rounds + 1):
        if os.path.exists(trace):
            os.remove(trace)
        began = time.perf_counter()
        programs.measure(command(build, folder, hosts.PROMPT), threads, folder, caches, {"CTVK_TRACE": trace})
        found.append(profiling.first_submission(profiling.load(trace)) - began)
    return found[1:]


def has_language_model():
    return os.path.exists(os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "ctvk", language.GGUF))


def cold(build, folder, threads, rounds, say):
    """(seconds of each round, what was said to the command): a sentence for the language model where that lies in the user's folder."""
    prompt, what = (SENTENCE, "a sentence") if has_language_model() else (hosts.PROMPT, "a prompt of the bundle")
    found = []
    for number in range(rounds):
        say(f"cold start: round {number + 1} of {rounds}")
        with tempfile.TemporaryDirectory(dir=folder) as caches:
            found.append(programs.measure(command(build, folder, prompt), threads, folder, caches)[1])
    return found, what


def trying(what, threads, folder, rounds, say):
    """Seconds that the self-test adds to a first run of a command without any cache, of each round: one run with it and one without, in turns."""
    found = []
    for number in range(rounds):
        say(f"first use of a device: round {number + 1} of {rounds}")
        seconds = {}
        for how in ("auto", "skip") if number % 2 else ("skip", "auto"):
            with tempfile.TemporaryDirectory(dir=folder) as caches:
                seconds[how] = programs.measure(what, threads, folder, caches, {"CTVK_SELF_TEST": how})[1]
        found.append(seconds["auto"] - seconds["skip"])
    return found


def measure(build, folder, threads, say, rounds=(5, 3, 5)):
    """{"first_work", "cold", "trying" (and "trying_text"): seconds of each round, "prompt": what the cold one read}"""
    folder = os.path.join(folder, "starts")
    os.makedirs(folder, exist_ok=True)
    say("start of the command")
    warm = first_work(build, folder, threads, rounds[0])
    seconds, what = cold(build, folder, threads, rounds[1], say)
    found = {"first_work": warm, "cold": seconds, "prompt": what, "trying": trying(command(build, folder, hosts.PROMPT), threads, folder, rounds[2], say)}
    if has_language_model():
        embed = [os.path.join(build, "ctvk"), "embed", "--model", hosts.DEMO, "--prompt", SENTENCE, "--output",
                 os.path.join(folder, "start.safetensors"), "--quiet"]
        found["trying_text"] = trying(embed, threads, folder, rounds[2], say)
    return found
