#define _GNU_SOURCE
#include <string.h>

#include "kernels.h"

extern const bed_kernels bed_plain;

#ifdef __x86_64__
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }

#elif defined(__aarch64__)
extern const bed_kernels bed_neondot;

#ifdef __linux__
#include <sys/auxv.h>

static int has_neondot(void) {
  enum { asimddp = 1 << 20 }; // HWCAP_ASIMDDP of Linux's asm/hwcap.h
  return (getauxval(AT_HWCAP) & asimddp) != 0;
}
#elif defined(__APPLE__)
static int has_neondot(void) { return 1; }
#else
static int has_neondot(void) { return 0; }
#endif
#endif

static int anywhere(void) { return 1; }

// The fastest first.
static const struct {
  const bed_kernels *set;
  int (*here)(void);
} sets[] = {
#ifdef __x86_64__
    {&bed_amx, has_amx},   {&bed_avx512vnni, has_avx512vnni}, {&bed_avxvnni, has_avxvnni},
    {&bed_avx2, has_avx2},
#elif defined(__aarch64__)
    {&bed_neondot, has_neondot},
#endif
    {&bed_plain, anywhere},
};

static const bed_kernels *find(const char *name) {
#ifdef __x86_64__
  __builtin_cpu_init();
#endif
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    if ((name == NULL || strcmp(name, sets[i].set->name) == 0) && sets[i].here()) return sets[i].set;
  }
  return NULL;
}

const bed_kernels *bed_kernels_named(const char *name) { return find(name); }
const bed_kernels *bed_kernels_best(void) { return find(NULL); }
