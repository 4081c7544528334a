// Operators of the domain "bedside" for ONNX Runtime (scripts/export/README.md describes the graphs that use them):
//
// QuantLinear: y = W8 * Q(norm(x)) with the row's and the outputs' scales; Q rounds to 8 bits and a shift of 16 inputs
//   inputs: x float [rows, inputs]; weight int8 [outputs/16, inputs/4, 16, 4]; scale float [outputs]; zero int32 [outputs], 64 times
//           the sum of an output's weights; norm float [inputs], bias float [outputs], add float [rows, outputs] and steps int16
//           [outputs/16, inputs/32, 16, 2], each optional. With steps the weight is of 4 bits, [outputs/16, inputs/8, 16, 4] as
//           kernels.h describes it
//   output: y float [rows, outputs], or [rows, outputs/2] where gated
//   attributes: epsilon (float, of norm), gated (0: not; 1: SiLU, 2: GELU's tanh form)
//
// CachedAttention: caches the keys and values of new tokens, and lets each token look at its sequence
//   inputs: qkv float [tokens, (heads+2*kv_heads)*dim]; cos, sin float [positions, dim/2]; slots, starts, counts int32 [sequences]:
//           the tokens come sequence after sequence, counts[i] of them after starts[i] that slots[i] holds; cache uint8
//           [slots, bytes], **written to**; q_norm, k_norm float [dim], optional
//   output: y float [tokens, heads*dim]
//   attributes: heads, kv_heads, dim, layer, layers, window (0: none), scale and epsilon (float)
//
// NormAdd: y = add + norm(x), for layers that norm what they give before it is added
//   inputs: x float [rows, width]; norm float [width]; add float [rows, width]
//   output: y float [rows, width]
//   attributes: epsilon (float)
#ifndef BEDSIDE_OPS_H
#define BEDSIDE_OPS_H

// As ONNX Runtime's RegisterCustomOps wants it: adds the domain to session options. api_base is OrtApiBase. The set of kernels is
// the best of this processor, or the one that the environment's BEDSIDE_KERNELS names.
void *bed_register_ops(void *options, const void *api_base);

// The name of the set that the operators compute with.
const char *bed_ops_kernels(void);

#endif
