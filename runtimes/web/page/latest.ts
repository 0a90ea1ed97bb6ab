/** Of many wishes only the last counts. */

/** Does one thing at a time; a new wish gives up what is being done, and those that wait. */
export class Latest {
  private running: Promise<void> = Promise.resolve();
  private controller: AbortController | null = null;

  /** Do this next, and give up everything else. */
  async want(action: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.controller?.abort(new DOMException("Something else is wanted.", "AbortError"));
    const controller = new AbortController();
    this.controller = controller;
    const before = this.running;
    this.running = before.then(async () => {
      if (!controller.signal.aborted) await action(controller.signal);
    });
    const own = this.running;
    this.running = own.catch(() => undefined);
    await own;
  }
}
