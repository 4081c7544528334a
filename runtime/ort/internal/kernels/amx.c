// x86-64 with AMX: servers of 2023 and later. Tiles where a sum is of whole tiles, AVX-512 VNNI for the rest.
#ifdef __x86_64__
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx-tile,amx-int8"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx-tile,amx-int8,prefer-vector-width=512")
#endif
#define SET bed_amx
#define NAME "amx"
#define LANES 16
#define MICRO_LINES 6
#define MICRO_BLOCKS 4
#define HAVE_DOT4
#define HAVE_LARGEST
#define HAVE_STORE_BYTES
#define HAVE_TILE
#include "lanes.h"

#include "avx512.h"
#include "set.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
