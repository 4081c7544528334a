#define _GNU_SOURCE
#include <string.h>

#include "kernels.h"

extern const bed_kernels bed_plain;

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const bed_kernels bed_avx2, bed_avxvnni, bed_avx512vnni, bed_amx;

static int has_avxvnni(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4)) && __builtin_cpu_supports("avx2");
}

static int has_avx512vnni(void) {
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

// Linux gives a process the tiles' registers only when it asks (arch_prctl(2), ARCH_REQ_XCOMP_PERM).
static int has_amx(void) {
#ifdef __linux__
  enum { request_permission = 0x1023, tile_data = 18 };
  unsigned a, b, c, d;
  if (!has_avx512vnni() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(d & (1u << 24)) || !(d & (1u << 25))) return 0;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return 0;
#endif
}

static const struct {
  const bed_kernels *set;
  int (*here)(void);
} faster[] = {{&bed_amx, has_amx}, {&bed_avx512vnni, has_avx512vnni}, {&bed_avxvnni, has_avxvnni}, {&bed_avx2, NULL}};

const bed_kernels *bed_kernels_named(const char *name) {
  __builtin_cpu_init();
  for (size_t i = 0; i < sizeof faster / sizeof *faster; i++) {
    if (strcmp(name, faster[i].set->name) != 0) continue;
    int here = faster[i].here == NULL ? __builtin_cpu_supports("avx2") : faster[i].here();
    return here ? faster[i].set : NULL;
  }
  return strcmp(name, bed_plain.name) == 0 ? &bed_plain : NULL;
}
#else
const bed_kernels *bed_kernels_named(const char *name) { return strcmp(name, bed_plain.name) == 0 ? &bed_plain : NULL; }
#endif

const bed_kernels *bed_kernels_best(void) {
  static const char *const names[] = {"amx", "avx512vnni", "avxvnni", "avx2"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const bed_kernels *k = bed_kernels_named(names[i]);
    if (k != NULL) return k;
  }
  return &bed_plain;
}
