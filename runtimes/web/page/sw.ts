/**
 * The service worker: after the first visit the page works without a network.
 *
 * Files of the page are what they were when its version was built: those kept are used at once. The model can be another
 * under the same name: it is asked for first, and what was kept is used when nothing answers.
 */

// In the lib of web workers, service workers are not told apart from others.
declare const VERSION: string;
declare const FILES: readonly string[];

interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface ServiceWorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(kind: "fetch", listener: (event: FetchEvent) => void): void;
}

const scope = self as unknown as ServiceWorkerScope;
const NAME = `pam-edge ${scope.registration.scope} ${VERSION}`;
const PREFIX = `pam-edge ${scope.registration.scope} `;

/** What the page needs to open; the rest, which is large, is kept when it is first asked for. */
const SHELL = FILES.filter((name) => !name.includes("/"));
const OWN = new Set([...FILES, ""].map((name) => new URL(name, scope.registration.scope).href));

scope.addEventListener("install", (event) => {
  const addresses = SHELL.map((name) => new URL(name, scope.registration.scope).href);
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(addresses.map((each) => new Request(each, { cache: "no-cache" }))))
      .then(() => scope.skipWaiting()),
  );
});

scope.addEventListener("activate", (event) => {
  const forget = async (): Promise<void> => {
    for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== NAME) await caches.delete(name);
    await scope.clients.claim();
  };
  event.waitUntil(forget());
});

scope.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || !address.href.startsWith(scope.registration.scope)) return;
  address.search = "";
  if (address.href.endsWith("/about")) return;
  event.respondWith(OWN.has(address.href) ? kept(event.request, address.href) : asked(event.request, address.href));
});

/** Return what was kept, else what the server has. */
async function kept(request: Request, address: string): Promise<Response> {
  const cache = await caches.open(NAME);
  return (await cache.match(shellOf(address))) ?? keep(cache, address, await fetch(request));
}

/** Return what the server has; what was kept if nothing answers. */
async function asked(request: Request, address: string): Promise<Response> {
  const cache = await caches.open(NAME);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    const found = await cache.match(address);
    if (found) return found;
    throw error;
  }
  return keep(cache, address, response);
}

async function keep(cache: Cache, address: string, response: Response): Promise<Response> {
  if (response.status === 200) await cache.put(address, response.clone()).catch(() => undefined); // full: go on without
  return response;
}

/** The page's address without a name is its index. */
function shellOf(address: string): string {
  return address === scope.registration.scope ? new URL("index.html", address).href : address;
}
