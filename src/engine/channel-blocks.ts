/**
 * The fast kernels of runtimes work on blocks of so many channels, and only where the number is a multiple; others take
 * about this many times as long by channel (ONNX Runtime on x86-64: 1.2 for big layers to 1.9 for small ones).
 */
const block = 16;
const unblocked = 1.5;

/** Of a layer's channels, `needed` of which it can't do without, those that it is fastest with: whole blocks, or the needed. */
export function stayingChannels(channels: number, needed: number): number {
  if (channels % block !== 0) return needed;
  const whole = block * Math.ceil(needed / block);
  return unblocked * needed < whole ? needed : whole;
}
