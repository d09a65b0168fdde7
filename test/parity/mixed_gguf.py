"""
Writes a GGUF file in which neighbours have different types, as the mixes of llama.cpp have them (gguf 0.19.0):

    python mixed_gguf.py fixtures/gguf/small-F32.gguf fixtures/gguf/neighbours.gguf
"""

import sys

from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import quantize

TYPES = {"attn_q": "Q4_0", "attn_k": "Q4_0", "attn_v": "Q8_0", "ffn_gate": "Q4_1", "ffn_up": "Q5_1", "ffn_down": "Q5_0"}
TYPES |= {"token_embd": "Q8_0", "output": "F16"}

source, out = sys.argv[1:]
reader = GGUFReader(source)
fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
writer = GGUFWriter(out, fields["general.architecture"].contents())
for name, field in fields.items():
    if name != "general.architecture":
        kind, *rest = field.types
        writer.add_key_value(name, field.contents(), kind, sub_type=rest[-1] if kind == GGUFValueType.ARRAY else None)
for tensor in reader.tensors:
    part = tensor.name.removesuffix(".weight").split(".")[-1]
    kind = GGMLQuantizationType[TYPES.get(part, "F32")]
    writer.add_tensor(tensor.name, quantize(tensor.data, kind), raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
