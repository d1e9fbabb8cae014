"""Takes memory until somebody stops it; gives up far beyond what its instance has."""

STEP = 256 * 2**20
LIMIT = 8 * 2**30

held = []
while len(held) * STEP < LIMIT:
    block = bytearray(STEP)
    block[::4096] = b"\1" * (STEP // 4096)
    held.append(block)
    print(f"took {len(held) * STEP // 2**20} MiB", flush=True)
