"""The peer of `./run bench` for the language model: llama.cpp on the CPU, two sequences of one prompt's length in one batch.

bench_peer_llm.py FILE.gguf [--tokens 23] [--soft 8] [--sequences 2] [--threads 2] [--repeat 5]
prints one line of JSON: {"sequences": 2, "length": 33, "seconds": [...], "warm_up_seconds": ..., "load_seconds": ..., "peak_rss_mib": ...}.
A sequence is as long as BOS, the soft prompt, the prompt and <SEG> together; which ids stand there does not change the time. Only the last
position of a sequence is asked for. Needs llama-cpp-python (PyPI) and nothing else.
"""
import argparse
import ctypes
import json
import os
import resource
import time

import llama_cpp

quiet = llama_cpp.llama_log_callback(lambda level, text, user: None)


def fill(batch, ids, sequences, length):
    """`sequences` runs of `length` tokens at positions 0, 1, 2, ...; an output at each last one."""
    batch.n_tokens = sequences * length
    for at in range(batch.n_tokens):
        sequence, position = divmod(at, length)
        batch.token[at] = ids[at % len(ids)]
        batch.pos[at] = position
        batch.n_seq_id[at] = 1
        batch.seq_id[at][0] = sequence
        batch.logits[at] = position == length - 1


def run(arguments):
    began = time.perf_counter()
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    options = llama_cpp.llama_model_default_params()
    options.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(os.fsencode(arguments.gguf), options)
    if not model:
        raise SystemExit(f"{arguments.gguf}: llama.cpp cannot load it")
    length = 1 + arguments.soft + arguments.tokens + 1
    total = length * arguments.sequences
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = max(256, total)
    settings.n_seq_max = arguments.sequences
    settings.n_threads = settings.n_threads_batch = arguments.threads
    settings.embeddings = True
    settings.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
    context = llama_cpp.llama_init_from_model(model, settings)
    if not context:
        raise SystemExit(f"{arguments.gguf}: llama.cpp makes no context of it")
    loaded = time.perf_counter() - began
    batch = llama_cpp.llama_batch_init(total, 0, arguments.sequences)
    fill(batch, range(1000, 1000 + total), arguments.sequences, length)
    seconds, memory = [], llama_cpp.llama_get_memory(context)
    for _ in range(1 + arguments.repeat):
        llama_cpp.llama_memory_clear(memory, True)
        began = time.perf_counter()
        if llama_cpp.llama_decode(context, batch):
            raise SystemExit(f"{arguments.gguf}: llama.cpp fails to evaluate it")
        llama_cpp.llama_synchronize(context)
        seconds.append(time.perf_counter() - began)
    if not llama_cpp.llama_get_embeddings_ith(context, total - 1):
        raise SystemExit(f"{arguments.gguf}: llama.cpp gives no embedding")
    return {
        "sequences": arguments.sequences,
        "length": length,
        "seconds": [round(s, 5) for s in seconds[1:]],
        "warm_up_seconds": round(seconds[0], 5),
        "load_seconds": round(loaded, 4),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "threads": arguments.threads,
        "llama_cpp_python": llama_cpp.__version__,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf")
    parser.add_argument("--tokens", type=int, default=23)
    parser.add_argument("--soft", type=int, default=8)
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    print(json.dumps(run(parser.parse_args())))


if __name__ == "__main__":
    main()
