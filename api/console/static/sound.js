// A gong for life alerts: struck when one arises, and again until somebody has answered. Made here, not loaded.

import { recall, remember } from "./prefs.js";

const AGAIN_MS = 20_000;
// Partials of a gong: ratio to the base, loudness, seconds until silence. Not harmonic; that is what makes a gong.
const PARTIALS = [[1, 0.5, 4.5], [1.48, 0.3, 3.6], [2.09, 0.22, 2.8], [2.93, 0.14, 2], [4.17, 0.08, 1.2]];
const BASE_HZ = 146;

export class Gong {
  constructor() {
    this.on = recall("sound") === "on";
    this.context = null;
    this.last = 0;
    // Browsers let a page sound only after a person has touched it.
    const unlock = () => this.on && this.#wake();
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, unlock, { capture: true });
  }

  toggle() {
    this.on = !this.on;
    remember("sound", this.on ? "on" : "off");
    if (this.on) {
      this.#wake();
      this.#strike(0.4);
    }
  }

  /** Tell how many life alerts wait for an answer, and whether one has just arisen. */
  tell(waiting, arisen) {
    const now = Date.now();
    if (!this.on || waiting === 0 || this.context === null) return;
    if (!arisen && now - this.last < AGAIN_MS) return;
    this.last = now;
    this.#strike(1);
  }

  #wake() {
    this.context ??= new AudioContext();
    if (this.context.state === "suspended") this.context.resume();
  }

  #strike(loudness) {
    const { currentTime: start, destination } = this.context;
    for (const [ratio, gain, seconds] of PARTIALS) {
      const tone = this.context.createOscillator();
      const volume = this.context.createGain();
      tone.frequency.setValueAtTime(BASE_HZ * ratio * 1.02, start);
      tone.frequency.exponentialRampToValueAtTime(BASE_HZ * ratio, start + 0.3);
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(gain * loudness, start + 0.015);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
      tone.connect(volume).connect(destination);
      tone.start(start);
      tone.stop(start + seconds);
    }
  }
}
