"""Splits a GGUF file as llama.cpp's converter does: python split_gguf.py IN OUT.gguf TENSORS_PER_PART"""

import sys

from gguf import GGUFReader, GGUFValueType, GGUFWriter

source, out, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
reader = GGUFReader(source)
fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
writer = GGUFWriter(out, fields["general.architecture"].contents(), split_max_tensors=most)
for name, field in fields.items():
    if name == "general.architecture":
        continue
    kind, *rest = field.types
    writer.add_key_value(name, field.contents(), kind, sub_type=rest[-1] if kind == GGUFValueType.ARRAY else None)
for tensor in reader.tensors:
    writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
