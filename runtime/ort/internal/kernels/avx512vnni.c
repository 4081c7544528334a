// x86-64 with AVX-512 VNNI: servers of 2019 and later.
#ifdef __x86_64__
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
#endif
#define SET bed_avx512vnni
#define NAME "avx512vnni"
#define LANES 16
#define MICRO_LINES 6
#define MICRO_BLOCKS 4
#define BYTE_ROWS 4
#define BYTE_BLOCKS 4
#define HAVE_DOT4
#define HAVE_BYTES
#define ADDED 128
#define HAVE_LARGEST
#define HAVE_STORE_BYTES
#include "lanes.h"

#include "avx512.h"
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
