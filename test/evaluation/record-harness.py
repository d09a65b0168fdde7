"""Records prompts and results of lm-evaluation-harness for the tasks in harness/, with tiny random models.

pip install "lm-eval[api,hf]==0.4.13"
cd harness && python ../record-harness.py > ../harness.json
python ../record-harness.py --prompts > ../harness-prompts.json   # prompts alone, of tasks that any model would do for
"""
import json
import os
import sys
from pathlib import Path

os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["DISABLE_MULTIPROC"] = "1"
import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

MODELS = Path(__file__).resolve().parent.parent / "parity/fixtures/models"
TASKS = ["sounds", "reviews", "reviews_random", "sums", "aliases", "lastword", "tales", "pronouns"]
manager = TaskManager(include_path=".", include_defaults=False)
stdout, sys.stdout = sys.stdout, sys.stderr
runs = []


def plain(value):
    return value if isinstance(value, (int, float, str)) else float(value)


def run(name, model, tasks, shots):
    result = lm_eval.simple_evaluate(model=model, tasks=tasks, num_fewshot=shots, bootstrap_iters=1000, log_samples=True, task_manager=manager)
    for task in sorted(result["samples"]):
        items, seen = [], set()
        for sample in sorted(result["samples"][task], key=lambda s: s["doc_id"]):
            if sample["doc_id"] in seen:
                continue
            seen.add(sample["doc_id"])
            items.append([list(args.values())[0] if len(args) == 1 else [args["arg_0"], args["arg_1"]] if isinstance(args["arg_1"], str) else args["arg_0"] for args in (sample["arguments"].values() if isinstance(sample["arguments"], dict) else [{f"arg_{i}": a for i, a in enumerate(x)} for x in sample["arguments"]])])
        metrics = {k: plain(v) for k, v in result["results"][task].items() if "," in k and v != "N/A"}
        runs.append(dict(model=name, task=task, shots=shots, prompts=items, metrics=metrics))
    return result


if "--prompts" in sys.argv:
    model = HFLM(pretrained=str(MODELS / "gpt2"), device="cpu", dtype="float32", batch_size=4)
    for shots in [0, 1, 5]:
        for task in ["animals", "gsm", "mood"]:
            run("gpt2", model, [task], shots)
    prompts = [{key: own[key] for key in ("task", "shots", "prompts")} for own in runs]
    json.dump(dict(lm_eval=lm_eval.__version__, runs=prompts), stdout, ensure_ascii=False, separators=(",", ":"))
    sys.exit()

for name in ["gpt2", "llama_gqa"]:
    model = HFLM(pretrained=str(MODELS / name), device="cpu", dtype="float32", batch_size=4)
    for shots in [0, 1, 5]:
        run(name, model, TASKS, shots)
groups = run("gpt2", HFLM(pretrained=str(MODELS / "gpt2"), device="cpu", dtype="float32", batch_size=4), ["moods"], 1)["groups"]
runs = [r for r in runs]
group = {k: plain(v) for k, v in groups["moods"].items() if "," in k and v != "N/A"}
json.dump(dict(lm_eval=lm_eval.__version__, group=group, runs=runs[:48]), stdout, ensure_ascii=False)
