/** Keeps the page for visits without a network. */

const PATIENCE_MS = 3000;

/**
 * Start the service worker, and wait until it keeps what is loaded from then on; where there is none, or it takes long, the
 * page goes on without.
 */
export async function keepForLater(): Promise<void> {
  if (!("serviceWorker" in navigator) || !globalThis.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("sw.js");
    if (navigator.serviceWorker.controller) return;
    await new Promise<void>((resolve) => {
      navigator.serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
      setTimeout(resolve, PATIENCE_MS);
    });
  } catch {
    // Forbidden or full: the page works as long as the network does.
  }
}
