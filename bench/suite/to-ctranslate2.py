"""Converts a Marian checkpoint without a tokenizer to CTranslate2, int8: python to-ctranslate2.py DIRECTORY OUT"""

import os
import sys

from ctranslate2.converters import transformers as converters
from transformers import MarianMTModel

directory, out = sys.argv[1:3]
model = MarianMTModel.from_pretrained(directory)
loader = converters.MarianMTLoader()
spec = loader.get_model_spec(model)
words = [str(i) for i in range(model.config.vocab_size - 1)]  # the converter leaves the padding token out, the last
words[model.config.eos_token_id] = "</s>"
spec.register_source_vocabulary(words)
spec.register_target_vocabulary(words)
spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "<s>", "</s>", words[1]
spec.config.decoder_start_token = "</s>"
spec.validate()
spec.optimize(quantization="int8")
os.makedirs(out, exist_ok=True)
spec.save(out)
