import { forTerminal, type ProgressEvent } from "../index.js";
import type { Terminal } from "./terminal.js";

const redrawMs = 100;
const lineMs = 5000;

/**
 * Shows steps with an estimate of the time left. On a terminal one line is redrawn; elsewhere a line is printed at
 * most every five seconds, the first after five.
 */
export class Progress {
  #step = "";
  #started = 0;
  #startedAt = 0;
  #last: number;

  constructor(
    private readonly terminal: Terminal,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#last = terminal.live ? -Infinity : now();
  }

  readonly report = (event: ProgressEvent): void => {
    const time = this.now();
    if (event.step !== this.#step) {
      this.#step = event.step;
      this.#started = time;
      this.#startedAt = event.done;
    }
    if (time - this.#last < (this.terminal.live ? redrawMs : lineMs)) return;
    this.#last = time;
    const text = this.#describe(event, time - this.#started);
    if (this.terminal.live) this.terminal.status(text);
    else this.terminal.note(forTerminal(text));
  };

  /** Clears the live line. */
  end(): void {
    this.terminal.clear();
  }

  #describe({ step, done, total }: ProgressEvent, elapsedMs: number): string {
    if (total === null || total === 0) return done > 0 ? `${step} ${done} …` : `${step} …`;
    const advanced = done - this.#startedAt;
    const left = advanced > 0 && done < total ? ((elapsedMs / advanced) * (total - done)) / 1000 : null;
    return `${step} ${done}/${total}${left !== null && left >= 1 ? `, ${duration(left)} left` : ""}`;
  }
}

function duration(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
