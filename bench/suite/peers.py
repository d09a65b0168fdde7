"""The sides of PyTorch and CTranslate2 in a benchmark: python peers.py '{"engine": "pytorch", "model": …}'"""

import json
import resource
import statistics
import sys
import time

spec = json.loads(sys.argv[1])
rows, length, steps, beams = spec["rows"], spec["length"], spec["steps"], spec["beams"]


def prompt_of(length, seed):
    return [5 + ((7 * i + 131 * seed + (seed * i) % 17) % 1000) for i in range(length)]


def source(seed):
    return [prompt_of(length, seed * 100 + i) for i in range(rows)]


def pytorch():
    import torch
    from transformers import AutoModelForSeq2SeqLM

    torch.set_num_threads(spec["threads"])
    model = AutoModelForSeq2SeqLM.from_pretrained(spec["model"], dtype=torch.float32).eval()
    options = dict(max_new_tokens=steps, min_new_tokens=steps, num_beams=beams, do_sample=False)

    def run(seed):
        with torch.no_grad():
            model.generate(input_ids=torch.tensor(source(seed)), **options)

    return run


def ctranslate2():
    import ctranslate2

    translator = ctranslate2.Translator(spec["model"], compute_type="int8", intra_threads=spec["threads"])
    options = dict(max_decoding_length=steps, min_decoding_length=steps, beam_size=beams)

    def run(seed):
        translator.translate_batch([[str(i) for i in row] for row in source(seed)], **options)

    return run


run = {"pytorch": pytorch, "ctranslate2": ctranslate2}[spec["engine"]]()
speeds = []
for i in range(spec["runs"] + 1):
    begun = time.perf_counter()
    run(i)
    if i > 0:
        speeds.append(rows * steps / (time.perf_counter() - begun))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({"tokens": statistics.median(speeds), "peakMB": peak}))
