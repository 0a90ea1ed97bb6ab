// A server of folders on this machine, with the headers that threads need, and files put in the place of others.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".png": "image/png",
};

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; img-src 'self' blob: data:; " +
  "media-src 'self' blob:; style-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface ServeOptions {
  /** Folders by the address that they are served under, the longest first. */
  folders: Record<string, string>;
  /** Contents by address, in the place of files; null is 404. */
  instead?: Map<string, Uint8Array | string | null>;
  /** Whether threads may be used. */
  isolated?: boolean;
  /** Whether pages are held to the policy of `pam-edge serve`; an app's own have scripts in them. */
  strict?: boolean;
  /** Answers what is posted, and other addresses. */
  handle?: (request: IncomingMessage, response: ServerResponse, body: string) => boolean;
}

export interface Served {
  address: string;
  /** Addresses asked for, in order. */
  asked: string[];
  close(): void;
}

/** Serve folders at an address of this machine alone. */
export async function serve(options: ServeOptions): Promise<Served> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0]);
    asked.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (options.handle?.(request, response, Buffer.concat(chunks).toString())) return;
    send(options, path.endsWith("/") ? `${path}index.html` : path, response);
  });
  server.unref(); // a test that failed leaves it open
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function send(options: ServeOptions, path: string, response: ServerResponse): void {
  const headers: Record<string, string> = { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Cache-Control": "no-cache" };
  if (options.strict ?? true) headers["Content-Security-Policy"] = POLICY;
  if (options.isolated ?? true) {
    headers["Cross-Origin-Opener-Policy"] = "same-origin";
    headers["Cross-Origin-Embedder-Policy"] = "require-corp";
  }
  const instead = options.instead?.get(path);
  const prefix = Object.keys(options.folders)
    .sort((a, b) => b.length - a.length)
    .find((each) => path.startsWith(each));
  const file = prefix === undefined ? null : join(options.folders[prefix], normalize(path.slice(prefix.length)));
  if (instead !== undefined && instead !== null) {
    response.writeHead(200, headers).end(instead);
  } else if (instead === null || file === null || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404, headers).end();
  } else {
    response.writeHead(200, headers);
    createReadStream(file).pipe(response);
  }
}
