// Keccak-256 (FIPS 202's permutation with the padding that Ethereum uses), for the commitment that is computed here so that
// neither an id nor its salt has to be sent. Small inputs only: it is written to be read.
const keccak256 = (() => {
  const MASK = (1n << 64n) - 1n;
  const rotate = (x, n) => (n === 0n ? x : ((x << n) | (x >> (64n - n))) & MASK);
  // The constants of each round, by the shift register of FIPS 202, 3.2.5.
  const constants = [];
  let register = 1;
  for (let round = 0; round < 24; round++) {
    let constant = 0n;
    for (let j = 0; j < 7; j++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(j)) - 1n);
      register <<= 1;
      if (register & 0x100) register ^= 0x171;
    }
    constants.push(constant);
  }
  // Where each lane goes, and how far it is turned, 3.2.2 and 3.2.3.
  const path = [];
  for (let t = 0, x = 1, y = 0; t < 24; t++) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    path.push([x + 5 * y, BigInt(((t + 1) * (t + 2)) / 2 % 64)]);
  }
  const permute = (a) => {
    for (const constant of constants) {
      const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
      for (let i = 0; i < 25; i++) a[i] ^= c[(i + 4) % 5] ^ rotate(c[(i + 1) % 5], 1n);
      let last = a[1];
      for (const [place, turn] of path) [a[place], last] = [rotate(last, turn), a[place]];
      for (let y = 0; y < 25; y += 5) {
        const row = a.slice(y, y + 5);
        for (let x = 0; x < 5; x++) a[y + x] = row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5]);
      }
      a[0] ^= constant;
    }
  };
  return (bytes) => {
    const RATE = 136;
    const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
    padded.set(bytes);
    padded[bytes.length] ^= 0x01;
    padded[padded.length - 1] ^= 0x80;
    const a = new Array(25).fill(0n);
    for (let at = 0; at < padded.length; at += RATE) {
      for (let i = 0; i < RATE; i++) a[i >> 3] ^= BigInt(padded[at + i]) << BigInt(8 * (i & 7));
      permute(a);
    }
    return Uint8Array.from({ length: 32 }, (_, i) => Number((a[i >> 3] >> BigInt(8 * (i & 7))) & 0xffn));
  };
})();
