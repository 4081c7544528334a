/* roofline THREADS SECONDS BYTES...: the most that this machine's cores do, measured on the spot. Prints a line of JSON:
   {"kernel": NAME, "macs": 8-bit multiply-adds a second, "bandwidth": [bytes a second read from BYTES, for each]}.
   Operands stay in registers, so that the figure is what the units can do and not what memory feeds them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds that this thread has run: what other programs take of a core is none of its limit. */
static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One pass of a kernel: how many multiply-adds it did. Its loops over sums are unrolled, or GCC would keep the sums in memory, where a
   VNNI core shows a third of what it can do. */
typedef double (*pass)(void);
#define UNROLLED _Pragma("GCC unroll 12")

#if defined(__x86_64__)
#include <asm/prctl.h>
#include <immintrin.h>
#include <sys/syscall.h>

enum { LOOPS = 100000 };
#define KEEP(x) __asm__ volatile("" : "+x"(x))
#define KEEPV(x) __asm__ volatile("" : "+v"(x))

__attribute__((target("avx2"))) static double avx2(void) {
	__m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1), s[6];
	UNROLLED for (int i = 0; i < 6; i++) s[i] = _mm256_setzero_si256();
	for (int n = 0; n < LOOPS; n++)
		UNROLLED for (int i = 0; i < 6; i++) {
			KEEP(a);
			s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
			KEEP(s[i]);
		}
	return 32.0 * 6 * LOOPS;
}

__attribute__((target("avx512f,avx512vnni"))) static double avx512_vnni(void) {
	__m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5), s[12];
	UNROLLED for (int i = 0; i < 12; i++) s[i] = _mm512_setzero_si512();
	for (int n = 0; n < LOOPS; n++)
		UNROLLED for (int i = 0; i < 12; i++) {
			s[i] = _mm512_dpbusd_epi32(s[i], a, b);
			KEEPV(s[i]);
		}
	return 64.0 * 12 * LOOPS;
}

__attribute__((target("avxvnni,avx2"))) static double avx_vnni(void) {
	__m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5), s[12];
	UNROLLED for (int i = 0; i < 12; i++) s[i] = _mm256_setzero_si256();
	for (int n = 0; n < LOOPS; n++)
		UNROLLED for (int i = 0; i < 12; i++) {
			s[i] = _mm256_dpbusd_avx_epi32(s[i], a, b);
			KEEP(s[i]);
		}
	return 32.0 * 12 * LOOPS;
}

/* Four sums of 16x16, two tiles of each side: what a blocked product keeps in the eight tile registers. */
__attribute__((target("amx-tile,amx-int8"))) static double amx_int8(void) {
	static const struct { /* static: GCC 12 takes _tile_loadconfig to read eight bytes, and drops stores to the rest */
		uint8_t palette, start, reserved[14];
		uint16_t columns[16];
		uint8_t rows[16];
	} config __attribute__((aligned(64))) = {
		.palette = 1, .columns = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
	_tile_loadconfig(&config);
	_tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
	_tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
	for (int n = 0; n < LOOPS / 10; n++) {
		_tile_dpbssd(0, 4, 6);
		_tile_dpbssd(1, 4, 7);
		_tile_dpbssd(2, 5, 6);
		_tile_dpbssd(3, 5, 7);
	}
	_tile_release();
	return 4.0 * 16 * 16 * 64 * (LOOPS / 10);
}

static int amx_allowed(void) {
	enum { ARCH_REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
	return __builtin_cpu_supports("amx-int8") && !syscall(SYS_arch_prctl, ARCH_REQUEST_PERMISSION, TILE_DATA);
}

static int has_avx_vnni(void) {
	uint32_t a = 7, c = 1, b, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (a >> 4 & 1) && __builtin_cpu_supports("avx2");
}

static pass choose(const char **name) {
	if (amx_allowed()) return *name = "AMX-INT8", amx_int8;
	if (__builtin_cpu_supports("avx512vnni")) return *name = "AVX512-VNNI", avx512_vnni;
	if (has_avx_vnni()) return *name = "AVX-VNNI", avx_vnni;
	if (__builtin_cpu_supports("avx2")) return *name = "AVX2", avx2;
	return NULL;
}
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>

static double neon(void) {
	enum { LOOPS = 100000 };
	int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(5);
	int32x4_t s[12];
	UNROLLED for (int i = 0; i < 12; i++) s[i] = vdupq_n_s32(0);
	for (int n = 0; n < LOOPS; n++)
		UNROLLED for (int i = 0; i < 12; i++) {
			s[i] = vdotq_s32(s[i], a, b);
			__asm__ volatile("" : "+w"(s[i]));
		}
	return 16.0 * 12 * LOOPS;
}

static pass choose(const char **name) { return *name = "NEON dot", neon; }
#else
static pass choose(const char **name) { return *name = "none", NULL; }
#endif

struct job {
	pass kernel;
	const uint64_t *data;
	size_t words;
	double seconds, done;
	pthread_barrier_t *start;
};

/* Sums of all words: eight chains, which the compiler turns into vectors. */
static uint64_t sum(const uint64_t *p, size_t n) {
	uint64_t s[8] = {0};
	for (size_t i = 0; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++) s[k] += p[i + (size_t)k];
	return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

static void *work(void *arg) {
	struct job *j = arg;
	static _Atomic uint64_t sink;
	if (j->kernel) j->kernel();
	else sink += sum(j->data, j->words);
	pthread_barrier_wait(j->start);
	double begin = now(), done = 0, end;
	do {
		if (j->kernel) {
			done += j->kernel();
		} else {
			sink += sum(j->data, j->words);
			done += 8.0 * (double)j->words;
		}
	} while ((end = now()) < begin + j->seconds);
	j->done = done / (end - begin);
	return NULL;
}

static double run(int threads, double seconds, pass kernel, const uint64_t *data, size_t words) {
	pthread_t *t = calloc((size_t)threads, sizeof *t);
	struct job *jobs = calloc((size_t)threads, sizeof *jobs);
	pthread_barrier_t start;
	pthread_barrier_init(&start, NULL, (unsigned)threads);
	size_t share = words / (size_t)threads;
	for (int i = 0; i < threads; i++) {
		jobs[i] = (struct job){kernel, data + (size_t)i * share, share, seconds, 0, &start};
		pthread_create(&t[i], NULL, work, &jobs[i]);
	}
	double all = 0;
	for (int i = 0; i < threads; i++) pthread_join(t[i], NULL), all += jobs[i].done;
	return all;
}

int main(int argc, char **argv) {
	if (argc < 3) return fprintf(stderr, "usage: roofline THREADS SECONDS BYTES...\n"), 2;
	int threads = atoi(argv[1]);
	double seconds = atof(argv[2]);
	const char *name = "none";
	pass kernel = choose(&name);
	printf("{\"kernel\": \"%s\", \"macs\": %.4g, \"bandwidth\": [", name, kernel ? run(threads, seconds, kernel, NULL, 0) : 0);
	for (int i = 3; i < argc; i++) {
		size_t bytes = strtoull(argv[i], NULL, 10);
		uint64_t *data = malloc(bytes);
		if (!data) return perror("malloc"), 1;
		memset(data, 1, bytes);
		printf("%s%.4g", i > 3 ? ", " : "", run(threads, seconds, NULL, data, bytes / 8));
		free(data);
	}
	puts("]}");
	return 0;
}
