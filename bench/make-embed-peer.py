"""Writes a sentence encoder's directory as the ONNX file that Transformers.js reads, with the same weights in float32.

pip install "optimum-onnx[onnxruntime]"
python bench/make-embed-peer.py path/to/all-MiniLM-L6-v2 OUT
"""

import shutil
import sys
from pathlib import Path

from optimum.onnxruntime import ORTModelForFeatureExtraction

source, out = Path(sys.argv[1]), Path(sys.argv[2])
model = ORTModelForFeatureExtraction.from_pretrained(source, export=True)
model.save_pretrained(out)
(out / "onnx").mkdir(exist_ok=True)
for path in out.glob("model.onnx*"):
    shutil.move(path, out / "onnx" / path.name)
for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
    if (source / name).exists():
        shutil.copyfile(source / name, out / name)
print(f"wrote {out}")
