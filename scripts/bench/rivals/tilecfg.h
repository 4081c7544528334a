/* Included before everything in llama.cpp's C++ files. GCC 12 says of _tile_loadconfig that it reads 8 of its 64 bytes, so it drops
   the stores to the others, and llama.cpp's products on AMX end in a segmentation fault. */
#ifdef __AMX_TILE__
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg %0" : : "m"(*(const char(*)[64])(config)))
#endif
