// The page's microphone, apart from the page: samples of 16 bits, a fortieth of a second at a time.
registerProcessor("microphone", class extends AudioWorkletProcessor {
  #kept = new Int16Array(1200);
  #at = 0;
  process([[channel]]) {
    for (const sample of channel || []) {
      this.#kept[this.#at++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#at === this.#kept.length) { this.port.postMessage(this.#kept.slice().buffer); this.#at = 0; }
    }
    return true;
  }
});
