"""
Tiny checkpoints as quantization libraries publish them, with the weights that the libraries dequantize and the logits of
transformers with these weights in float32:

    python quantized_checkpoints.py fixtures/quantized

auto-gptq 0.7.1 (qlinear_cuda, its path in torch), autoawq 0.2.9, compressed-tensors 0.20.1, bitsandbytes 0.50.2, transformers 5.24.0
(Fp8Dequantize), torch 2.15.0; all on the CPU. Packages that import GPU code at their top are loaded module by module.
"""

import json
import sys
import types
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

OUT = Path(sys.argv[1])
IDS = [5, 9, 3, 20, 17, 4, 33, 60]
LINEARS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
LINEARS += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]


def load(package, file, name=None):
    """Runs one file of a package, without the package's __init__."""
    path = Path(find_spec(package).origin).parent / file
    spec = spec_from_file_location(name or path.stem, path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def model(seed, **settings):
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, attention_bias=True, initializer_range=0.2,
        tie_word_embeddings=False, **settings,
    )
    made = LlamaForCausalLM(config).float().eval()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
        parameter.data = parameter.data.half().float()
    return made


def write(name, seed, quantize, settings, left=()):
    """quantize(weight [O, I], path) gives the tensors that take a weight's place, and the dequantized weight."""
    made = model(seed)
    tensors, rows = dict(made.state_dict()), {}
    paths = [f"model.layers.0.{linear}" for linear in LINEARS if linear not in left]
    for path in paths:
        weight = tensors.pop(f"{path}.weight")
        parts, values = quantize(weight, path)
        assert values.dtype == torch.float32 and values.shape == weight.shape
        tensors |= {f"{path}.{part}": tensor.contiguous() for part, tensor in parts.items()}
        made.get_submodule(path).weight.data = values.clone()
        rows[f"{path}.weight"] = values[:: values.shape[0] // 4].clone().contiguous()
    with torch.no_grad():
        rows["logits"] = made(torch.tensor([IDS])).logits[0].contiguous()
    floats = {key for key, value in tensors.items() if key in made.state_dict() and value.dtype == torch.float32}
    tensors |= {key: tensors[key].half() for key in floats}
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(made.config.to_json_string(use_diff=False))
    kept = ("model_type architectures vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads "
            "num_key_value_heads max_position_embeddings attention_bias tie_word_embeddings rms_norm_eps rope_parameters hidden_act").split()
    config = {key: config[key] for key in kept if key in config} | {"quantization_config": settings}
    config["architectures"] = ["LlamaForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    save_file(rows, folder / "expected.safetensors")


def grid(weight, bits, group, symmetric):
    """Scales and zero points of groups of the inputs, rounded to the nearest: both [G, O]."""
    grouped = weight.reshape(weight.shape[0], -1, group)
    most = 2**bits - 1
    if symmetric:
        scales = (grouped.abs().amax(-1) * 2 / most).half().float()
        zeros = torch.full_like(scales, 2 ** (bits - 1))
    else:
        low, high = grouped.amin(-1).clamp(max=0), grouped.amax(-1).clamp(min=0)
        scales = ((high - low) / most).half().float()
        zeros = (-low / scales).round().clamp(1, most)
    return scales.t().contiguous(), zeros.t().contiguous()


def on_grid(weight, bits, scales, zeros, g_idx):
    s, z = scales.t()[:, g_idx], zeros.t()[:, g_idx]
    return ((weight / s).round() + z).clamp(0, 2**bits - 1).sub(z) * s


def gptq(bits, group, symmetric, act_order=False, version="gptq"):
    module = load("auto_gptq", "nn_modules/qlinear/qlinear_cuda.py")

    def quantize(weight, path):
        outputs, inputs = weight.shape
        size = inputs if group == -1 else group
        g_idx = torch.arange(inputs, dtype=torch.int32) // size
        if act_order:
            g_idx = g_idx[torch.randperm(inputs, generator=torch.Generator().manual_seed(len(path)))]
        by_group = weight[:, torch.argsort(g_idx, stable=True)]
        scales, zeros = grid(by_group, bits, size, symmetric)
        linear = torch.nn.Linear(inputs, outputs, bias=False)
        linear.weight.data = on_grid(weight, bits, scales, zeros, g_idx.long())
        layer = module.QuantLinear(bits, size, inputs, outputs, False, weight_dtype=torch.float32)
        layer.pack(linear, scales.t(), zeros.t().clone(), g_idx)
        layer.wf = layer.wf.clone()
        with torch.no_grad():
            values = layer(torch.eye(inputs)).t().contiguous()
        qzeros = layer.qzeros
        if version == "gptq_v2":  # the same zero points, stored as they are
            ones = sum(1 << (bits * i) for i in range(32 // bits))
            qzeros = (qzeros.long() + ones).to(torch.int32)
        return {"qweight": layer.qweight, "qzeros": qzeros, "scales": layer.scales.half(), "g_idx": g_idx}, values

    return quantize


def awq_modules():
    """AutoAWQ's layer and its unpacking, with stubs for what their files import beside them."""
    packing = load("awq", "utils/packing_utils.py", "awq_packing")
    path = Path(find_spec("awq").origin).parent / "modules/linear/gemm.py"
    stubs = {name: types.ModuleType(name) for name in ["awq", "awq.utils", "awq.modules", "awq.modules.linear"]}
    for stub in stubs.values():
        stub.__path__ = []
    stubs["awq.utils.module"] = types.SimpleNamespace(try_import=lambda name: (None, ""))
    stubs["awq.utils.utils"] = types.SimpleNamespace(get_best_device=lambda: "cpu")
    sys.modules.update(stubs | {"awq.utils.packing_utils": packing})
    spec = spec_from_file_location("awq_gemm", path)
    gemm = module_from_spec(spec)
    spec.loader.exec_module(gemm)
    return packing, gemm


PACKING, GEMM = awq_modules()


def awq(weight, path):
    scales, zeros = grid(weight, 4, 32, False)
    linear = torch.nn.Linear(*weight.shape[::-1], bias=False)
    linear.weight.data = on_grid(weight, 4, scales, zeros, torch.arange(weight.shape[1]) // 32)
    layer = GEMM.WQLinear_GEMM.from_linear(linear, 4, 32, scales=scales, zeros=zeros)
    values = PACKING.dequantize_gemm(layer.qweight, layer.qzeros, layer.scales.float(), 4, 32).t().contiguous()
    return {"qweight": layer.qweight, "qzeros": layer.qzeros, "scales": layer.scales}, values


def compressed(kind, args):
    from compressed_tensors.compressors.base import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams

    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**args))
    compressor = BaseCompressor.get_value_from_registry(kind)

    def quantize(weight, path):
        own = scheme.weights
        size = own.group_size or weight.shape[1]
        grouped = weight.reshape(weight.shape[0], -1, size)
        low, high = grouped.amin(-1), grouped.amax(-1)
        if args["strategy"] == "tensor":
            low, high = low.min().reshape(1), high.max().reshape(1)
        scale, zero = calculate_qparams(low, high, own)
        state = {"weight": weight, "weight_scale": scale.half().float(), "weight_zero_point": zero}
        packed = compressor.compress(state, scheme)
        values = compressor.decompress(packed, scheme)["weight"].float()
        return packed, values

    group = json.loads(scheme.model_dump_json(exclude_none=True))
    settings = {
        "quant_method": "compressed-tensors", "format": kind, "quantization_status": "compressed",
        "config_groups": {"group_0": group}, "ignore": ["lm_head"],
    }
    return quantize, settings


def fp8(block):
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize

    def quantize(weight, path):
        height, width = block or weight.shape
        blocks = weight.reshape(weight.shape[0] // height, height, weight.shape[1] // width, width)
        scales = blocks.abs().amax((1, 3)) / 448
        stored = (blocks / scales[:, None, :, None]).to(torch.float8_e4m3fn).reshape(weight.shape)
        values = Fp8Dequantize(None)._dequantize_one(stored, scales, torch.float32)
        return {"weight": stored, "weight_scale_inv" if block else "weight_scale": scales if block else scales[0, 0]}, values

    return quantize


def bnb8(weight, path):
    import bitsandbytes.functional as F

    levels, scales, _ = F.int8_vectorwise_quant(weight.half())
    values = F.int8_vectorwise_dequant(levels, scales)
    return {"weight": levels, "SCB": scales, "weight_format": torch.tensor(0, dtype=torch.uint8)}, values.float()


def bnb4(kind, nested):
    import bitsandbytes.functional as F

    def quantize(weight, path):
        stored, state = F.quantize_4bit(weight, blocksize=64, quant_type=kind, compress_statistics=nested)
        values = F.dequantize_4bit(stored, state)
        parts = {f"weight.{name}": tensor for name, tensor in state.as_dict(packed=True).items()}
        return {"weight": stored} | parts, values.float()

    return quantize


def gptq_settings(bits, group, symmetric, act_order, version):
    return {
        "quant_method": "gptq", "bits": bits, "group_size": group, "sym": symmetric, "desc_act": act_order,
        "checkpoint_format": version,
    }


for name, arguments in {
    "gptq4": (4, 32, True, False, "gptq"),
    "gptq4_asym_act_order": (4, 32, False, True, "gptq"),
    "gptq4_v2": (4, 32, False, False, "gptq_v2"),
    "gptq8_whole_rows": (8, -1, True, False, "gptq"),
    "gptq8_asym": (8, 64, False, False, "gptq"),
}.items():
    left = ["self_attn.k_proj"] if name == "gptq4" else ()
    write(name, 1, gptq(*arguments), gptq_settings(*arguments), left)
write("awq", 2, awq, {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm",
                      "modules_to_not_convert": ["mlp.down_proj"]}, ["mlp.down_proj"])
for name, kind, args in [
    ("compressed_w4a16", "pack-quantized", dict(num_bits=4, type="int", symmetric=True, strategy="group", group_size=32)),
    ("compressed_w4a16_asym", "pack-quantized", dict(num_bits=4, type="int", symmetric=False, strategy="group", group_size=32)),
    ("compressed_w8a16", "pack-quantized", dict(num_bits=8, type="int", symmetric=True, strategy="channel")),
    ("compressed_w8a8", "int-quantized", dict(num_bits=8, type="int", symmetric=True, strategy="channel")),
    ("compressed_fp8", "float-quantized", dict(num_bits=8, type="float", symmetric=True, strategy="channel")),
    ("compressed_fp8_tensor", "naive-quantized", dict(num_bits=8, type="float", symmetric=True, strategy="tensor")),
]:
    write(name, 3, *compressed(kind, args))
write("fp8_blocks", 4, fp8((32, 32)), {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [32, 32]})
write("fp8_tensor", 4, fp8(None), {"quant_method": "fp8", "activation_scheme": "static"})
write("bnb_int8", 5, bnb8, {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False})
for name, kind, nested in [("bnb_nf4", "nf4", False), ("bnb_nf4_nested", "nf4", True), ("bnb_fp4", "fp4", False)]:
    write(name, 6, bnb4(kind, nested), {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": kind,
        "bnb_4bit_use_double_quant": nested, "bnb_4bit_compute_dtype": "float32",
    })
