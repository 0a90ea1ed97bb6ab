/** Calls into a worker: one message for a call, any number for its progress, one for its answer. */

import { flatten, type PlainError, revive, UnitError } from "./errors.js";

interface Call {
  id: number;
  method: string;
  input: unknown;
}

type Answer = { id: number } & ({ progress: unknown } | { value: unknown } | { error: PlainError });

/** What a method may do while it works. */
export interface Work {
  /** Tell the caller how far it is. */
  report(progress: unknown): void;
  /** Let messages in; throws if the caller has given up in the meantime. */
  breathe(): Promise<void>;
  /** Hand memory over with the answer, instead of a copy. */
  give(...memory: Transferable[]): void;
}

/** Methods of a worker, by name. */
export type Methods = Record<string, (input: any, work: Work) => Promise<unknown>>;

/** Answer calls in a worker, one after the other. */
export function answer(methods: Methods): void {
  const abandoned = new Set<number>();
  let queue: Promise<void> = Promise.resolve();
  const post = (message: Answer, transfer: Transferable[] = []): void => self.postMessage(message, { transfer });
  self.onmessage = ({ data }: MessageEvent<Call | { abandon: number }>) => {
    if ("abandon" in data) abandoned.add(data.abandon);
    else queue = queue.then(() => handle(data));
  };

  async function handle({ id, method, input }: Call): Promise<void> {
    const gifts: Transferable[] = [];
    const work: Work = {
      report: (progress) => post({ id, progress }),
      breathe: async () => {
        await nextTask();
        if (abandoned.has(id)) throw new DOMException("The call was given up.", "AbortError");
      },
      give: (...memory) => gifts.push(...memory),
    };
    try {
      const value = await methods[method](input, work);
      post({ id, value }, gifts);
    } catch (error) {
      post({ id, error: flatten(error) });
    } finally {
      abandoned.delete(id);
    }
  }
}

/** Wait until messages that came were taken; timers would wait four milliseconds more. */
function nextTask(): Promise<void> {
  return new Promise((resume) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resume();
    };
    port2.postMessage(null);
  });
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onProgress?(progress: unknown): void;
}

/** How a call is made. */
export interface CallOptions {
  /** Memory that is handed over instead of copied; it is of no use here afterwards. */
  transfer?: Transferable[];
  /** Told how far the call is. */
  onProgress?: (progress: never) => void;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/** A worker that answers calls. */
export class Remote {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private count = 0;
  private failure: Error | null = null;

  /** @param script address of the worker's script */
  constructor(script: string) {
    this.worker = new Worker(script);
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.receive(data);
    this.worker.onerror = (event) => this.close(new UnitError(`The worker ${script} stopped: ${event.message || "it cannot be loaded"}.`));
  }

  /** Call a method and return its answer. */
  async call<T>(method: string, input: unknown, options: CallOptions = {}): Promise<T> {
    if (this.failure) throw this.failure;
    options.signal?.throwIfAborted();
    const id = ++this.count;
    const abandon = (): void => this.worker.postMessage({ abandon: id });
    options.signal?.addEventListener("abort", abandon);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.pending.set(id, {
          resolve: resolve as (value: unknown) => void,
          reject,
          onProgress: options.onProgress as ((progress: unknown) => void) | undefined,
        });
        this.worker.postMessage({ id, method, input }, options.transfer ?? []);
      });
    } finally {
      options.signal?.removeEventListener("abort", abandon);
    }
  }

  /** End the worker; calls that wait fail, as do later ones. */
  close(why: Error = new UnitError("The worker was closed.")): void {
    this.failure ??= why;
    this.worker.terminate();
    for (const each of this.pending.values()) each.reject(this.failure);
    this.pending.clear();
  }

  private receive(message: Answer): void {
    const waiting = this.pending.get(message.id);
    if ("progress" in message) {
      waiting?.onProgress?.(message.progress);
      return;
    }
    this.pending.delete(message.id);
    if ("error" in message) waiting?.reject(revive(message.error));
    else waiting?.resolve(message.value);
  }
}
