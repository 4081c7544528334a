INLINE vi dot4(vi acc, vi u, vi s) { return (vi)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)u, (__m512i)s); }
INLINE vi dot_bytes(vi acc, vi a, vi w) { return dot4(acc, w, a); }
INLINE vf largest(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE void store_bytes(uint8_t *p, vi v) { _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)v)); }
