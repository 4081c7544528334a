// Products by AMX: tiles of 16 rows by 64 bytes of the activations, and of 16 quads by 16 outputs of the weights.

// tiles_begin and tiles_end stand around a stretch of work: a thread that holds no tiles is switched faster.
INLINE void tiles_begin(void) {
  // Constant, for GCC 12 thinks that _tile_loadconfig reads 8 bytes of it, and would leave out what a function writes to the rest.
  static const struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } shape = {.palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  _tile_loadconfig(&shape);
}
INLINE void tiles_end(void) { _tile_release(); }

enum { ACC_BYTES = 256, TILE_BYTES = 1024 };

// 32 rows by two blocks, from block `b0` on.
INLINE void tile_square(const uint8_t *a, size_t stride, const blocks_of *w, int b0, int32_t *acc) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int part = 0; part < w->parts; part++) {
    const int8_t *first = w->w + w->onward * (size_t)part + w->apart * (size_t)b0, *second = first + w->apart;
    for (int k = 0; k < w->quads / 16; k++, a += 64) {
      _tile_loadd(4, a, stride);
      _tile_loadd(6, first + TILE_BYTES * k, 64);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, second + TILE_BYTES * k, 64);
      _tile_dpbusd(1, 4, 7);
      _tile_loadd(5, a + 16 * stride, stride);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
    }
  }
  _tile_stored(0, acc, ACC_BYTES);
  _tile_stored(1, acc + 16, ACC_BYTES);
  _tile_stored(2, acc + 1024, ACC_BYTES);
  _tile_stored(3, acc + 1040, ACC_BYTES);
}

// 16 rows by four blocks.
INLINE void tile_flat(const uint8_t *a, size_t stride, const blocks_of *w, int32_t *acc) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int part = 0; part < w->parts; part++) {
    const int8_t *first = w->w + w->onward * (size_t)part;
    for (int k = 0; k < w->quads / 16; k++, a += 64) {
      _tile_loadd(4, a, stride);
      _tile_loadd(5, first + TILE_BYTES * k, 64);
      _tile_dpbusd(0, 4, 5);
      _tile_loadd(6, first + w->apart + TILE_BYTES * k, 64);
      _tile_dpbusd(1, 4, 6);
      _tile_loadd(7, first + 2 * w->apart + TILE_BYTES * k, 64);
      _tile_dpbusd(2, 4, 7);
      _tile_loadd(5, first + 3 * w->apart + TILE_BYTES * k, 64);
      _tile_dpbusd(3, 4, 5);
    }
  }
  _tile_stored(0, acc, ACC_BYTES);
  _tile_stored(1, acc + 16, ACC_BYTES);
  _tile_stored(2, acc + 32, ACC_BYTES);
  _tile_stored(3, acc + 48, ACC_BYTES);
}

// Fewer lines than this are as fast by lanes: then it is memory that takes the time.
enum { FEW_LINES = 3, SINGLE_LINES = 4 };

INLINE void tile(const uint8_t *a, size_t stride, int lines, const blocks_of *w, int32_t *acc) {
  if (w->quads % 16 != 0 || w->blocks != TILE_BLOCKS || lines < FEW_LINES) {
    tile_by_lanes(a, stride, lines, w, acc);
    return;
  }
  if (lines <= 16) {
    tile_flat(a, stride, w, acc);
    return;
  }
  tile_square(a, stride, w, 0, acc);
  tile_square(a, stride, w, 2, acc + 32);
}
