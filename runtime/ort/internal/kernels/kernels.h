// The arithmetic of the operators in ops.c, for one processor each.
//
// Every function gives the same bits whatever the processor: products sum integers, which have no order, and float32
// is only added, multiplied and divided (never fused), sixteen lanes wide, in an order that the code spells out.
// isa.c chooses a set when the operators are registered; kernels_test.go holds all of them against the plain one.
#ifndef BEDSIDE_KERNELS_H
#define BEDSIDE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Weights of a product lie as the widest instructions want them: blocks of 16 outputs; in a block, for each 4 inputs,
// the 4 weights of output 0, of output 1, and so on: [outputs/16][inputs/4][16][4]. 64 inputs of a block are a tile of AMX,
// 4 inputs a register of AVX-512.
#define BED_BLOCK 16

// The cache of one key-value head comes in pages of 64 tokens (see bed_page_bytes).
#define BED_PAGE 64

// The widest head that is served, and the most query heads that share a key-value head.
#define BED_MAX_HEAD 256
#define BED_MAX_GROUP 16

// Activations quantized by row, in two lines of bytes a row: whole numbers that one scale a row makes floats of. 16 inputs share a shift
// of 0 to 3 bits, and each is a number from -127 to 127 shifted by it; the largest of the row is 127 << 3. (Formats with a shared
// power of two: OCP Microscaling 2023, MXINT8.) How they lie there is the set's own matter: as bytes beside their shifts, or shifted
// already, as words or as two digits of 7 bits, the value being 128*(upper-64) + lower. Sums are the same whole numbers either way.
typedef struct {
  uint8_t *values; // lines are `stride` bytes apart
  float *scales;   // [rows]
  size_t stride;
  int rows;
} bed_quantized;

// One product's weights: q int8 as above, one scale an output, 64 times the sum of each output's weights.
//
// With steps, q has 4 bits of each: [outputs/16][inputs/8][16] of 4 bytes, whose lower half has inputs 0, 1, 4 and 5, its upper
// half 2, 3, 6 and 7, from the lowest bits on. The weight is (step*q + offset) >> 8, in 16 bits, by the step and the offset
// that 32 inputs of an output share: [outputs/16][inputs/32][16][2].
typedef struct {
  const int8_t *q;
  const int16_t *steps; // or NULL
  const float *scale;
  const int32_t *zero;
  const float *bias; // or NULL
  int inputs, outputs;
} bed_weights;

typedef enum { BED_PLAIN, BED_ADD, BED_GATED } bed_finish;

// What becomes of a product: written to out [rows, width] (BED_PLAIN), added to `add` of the same shape (BED_ADD), or, where blocks
// of gate and up take turns among the outputs, activation(gate)*up in [rows, width/2] (BED_GATED).
typedef struct {
  bed_finish finish;
  int gelu; // BED_GATED: the tanh form of GELU instead of SiLU
  float *out;
  const float *add;
  size_t stride; // of out and add, in elements
} bed_target;

// Queries, keys and values of one layer, and where they are cached.
typedef struct {
  const float *qkv;     // [tokens, (heads+2*kv_heads)*dim]
  const float *cos, *sin; // [positions, dim/2]
  const float *q_norm, *k_norm; // [dim] or NULL
  float epsilon, scale; // scale: of scores, such as 1/sqrt(dim)
  uint8_t *cache;       // [slots, slot_bytes]
  size_t slot_bytes, layer_offset;
  int heads, kv_heads, dim, pages; // pages of a slot
  int window;           // a token sees so many before it, itself among them; 0: all
} bed_attention;

typedef struct {
  const char *name;
  // Blocks of a product of so many rows that are best computed together; even. Fewer of them part more evenly among threads.
  int (*together)(int rows);
  // The largest absolute value of the row decides its scale, that of 16 inputs their shift; norm (NULL: none) is RMS normalisation's
  // weight, applied first.
  void (*quantize)(const float *x, const float *norm, float epsilon, int width, uint8_t *values, size_t stride, float *scale);
  // add + norm(x), of one row.
  void (*norm_add)(const float *x, const float *norm, const float *add, float epsilon, int width, float *out);
  // Outputs of blocks [from, to) for all rows; with BED_GATED both are even. Up to BED_SPARE lines behind the last are read.
  // scratch has bed_product_bytes.
  void (*product)(const bed_quantized *, const bed_weights *, int from, int to, const bed_target *, void *scratch);
  // Rotates, quantizes and caches a token's keys and values.
  void (*store)(const bed_attention *, int token, int slot, int position);
  // Attention of `count` consecutive tokens of a slot, the first at `position`, for the heads that share a key-value head. All
  // of their keys are cached. scratch has bed_attend_bytes; out is [tokens, heads*dim].
  void (*attend)(const bed_attention *, int token, int count, int slot, int position, int kv_head, void *scratch, float *out);
} bed_kernels;

// NULL where this processor, or this build, has not what the set needs. Sets: "plain", "avx2", "avxvnni", "avx512vnni", "amx",
// "neondot".
const bed_kernels *bed_kernels_named(const char *name);
const bed_kernels *bed_kernels_best(void);

// Lines that must be readable behind those of a product.
#define BED_SPARE 32

static inline size_t bed_product_bytes(const bed_weights *w) { return (size_t)w->inputs * 128; }

static inline size_t bed_page_bytes(int dim) { return (size_t)BED_PAGE * (2 * (size_t)dim + 3 * sizeof(float)); }

// For queries of so many tokens, of which the last is at `last`.
static inline size_t bed_attend_bytes(const bed_attention *a, int count, int last) {
  size_t n = (size_t)count * (size_t)(a->heads / a->kv_heads), stride = (size_t)(last / BED_PAGE + 1) * BED_PAGE;
  return n * stride * sizeof(float) + n * sizeof(float) + (2 * n + BED_SPARE) * (stride + (size_t)a->dim);
}

#endif
