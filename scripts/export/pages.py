"""What a `fused-int8` graph and those who drive it agree on about its cache. It needs no package: drivers have few."""

from __future__ import annotations

GRAPH = "fused-int8"  # the graph's name in a manifest
PAGE = 64  # tokens of a page of the cache
PAGE_BYTES = "cache_page_bytes"  # the metadata's name for bytes of a page, of all heads and layers


def page_bytes(head_dim: int) -> int:
    """Bytes of a page of one key-value head: keys and values, and three numbers a token."""
    return PAGE * (2 * head_dim + 3 * 4)


def slot_bytes(metadata: dict[str, str], tokens: int) -> int:
    """Bytes of the cache of a sequence of so many tokens, in whole pages, by what the graph says of itself."""
    return -(-tokens // PAGE) * int(metadata[PAGE_BYTES])
