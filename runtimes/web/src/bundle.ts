/** Files of a bundle, by their address. */

import { ArtifactError } from "./errors.js";
import { fileHash } from "./hashes.js";
import { type EntryPoint, type Manifest, parseManifest } from "./manifest.js";

/**
 * Read a file.
 *
 * @param base address of the folder, ending in a slash
 * @param file in it, parts joined by `/`
 * @throws ArtifactError if it is not there
 */
export async function fetchFile(base: string, file: string): Promise<Uint8Array> {
  const address = base + file.split("/").map(encodeURIComponent).join("/");
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new ArtifactError(`Expected ${file} at ${base}; nothing answers there. Serve the whole bundle, and check the address.`);
  }
  if (!response.ok) {
    throw new ArtifactError(`Expected ${file} in the bundle at ${base}; the answer is ${response.status}. Copy the bundle again.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Read a bundle's manifest.
 *
 * @throws ArtifactError if it is not there, damaged, or not for this platform
 */
export async function fetchManifest(base: string): Promise<{ manifest: Manifest; text: string }> {
  const text = new TextDecoder().decode(await fetchFile(base, "manifest.json"));
  const manifest = parseManifest(text);
  if (manifest.target !== "tflite") {
    throw new ArtifactError(`Expected a bundle for tflite; this one is for ${manifest.target}. Convert with --target tflite.`);
  }
  return { manifest, text };
}

/**
 * Read an entry point's model.
 *
 * @throws ArtifactError if it is not there, or not the file that was converted
 */
export async function fetchModel(base: string, entry: EntryPoint): Promise<Uint8Array> {
  const bytes = await fetchFile(base, entry.file);
  if (bytes.length !== entry.bytes || fileHash(bytes) !== entry.sha256) {
    throw new ArtifactError(
      `${entry.file} is not the file that was converted: expected ${entry.bytes} bytes with SHA-256 ` +
        `${entry.sha256.slice(0, 12)}..., found ${bytes.length} bytes or another hash. Copy the bundle again.`,
    );
  }
  return bytes;
}
