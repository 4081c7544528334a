// 64-bit ARM with the dot product of 8-bit integers (FEAT_DotProd): Apple's processors, servers and phones of 2018 and later.
#ifdef __aarch64__
#include <arm_neon.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#define SET bed_neondot
#define NAME "neondot"
#define LANES 4
#define MICRO_LINES 6
#define MICRO_BLOCKS 1
#define BYTE_ROWS 4
#define BYTE_BLOCKS 1
#define HAVE_DOT4
#define HAVE_BYTES
#define ADDED 0
#define HAVE_STORE_BYTES
#include "lanes.h"

// u is below 128, so it is the same number with a sign.
INLINE vi dot4(vi acc, vi u, vi s) { return (vi)vdotq_s32((int32x4_t)acc, (int8x16_t)u, (int8x16_t)s); }
INLINE vi dot_bytes(vi acc, vi a, vi w) { return dot4(acc, a, w); }
INLINE void store_bytes(uint8_t *p, vi v) {
  uint16x4_t half = vmovn_u32((uint32x4_t)v);
  uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(half, half))), 0);
  memcpy(p, &bytes, 4);
}
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
