/** Errors that are meant for the app's engineer: one paragraph each, what was expected, what was found, what to do. */

/** Base of all of them; anything else that is thrown is a fault of this library. */
export class PamEdgeError extends Error {
  override name = "PamEdgeError";
}

/** A bundle that is missing, damaged, changed, or of a schema that this library does not read. */
export class ArtifactError extends PamEdgeError {
  override name = "ArtifactError";
}

/** A bundle of a newer schema: an update of this library reads it. */
export class NewerArtifactError extends ArtifactError {
  override name = "NewerArtifactError";
}

/** Arguments that do not fit: a picture, a mask, a budget. */
export class UsageError extends PamEdgeError {
  override name = "UsageError";
}

/** A compute unit that cannot load or run a model, or no unit that gives right results. */
export class UnitError extends PamEdgeError {
  override name = "UnitError";
}

const KINDS: Record<string, new (message: string) => PamEdgeError> = {
  ArtifactError,
  NewerArtifactError,
  UsageError,
  UnitError,
  PamEdgeError,
};

/** What is left of an error when it comes out of a worker. */
export interface PlainError {
  name: string;
  message: string;
}

/** Return what can be posted of an error. */
export function flatten(error: unknown): PlainError {
  return error instanceof Error ? { name: error.name, message: error.message } : { name: "Error", message: String(error) };
}

/** Return the error that was flattened. */
export function revive(error: PlainError): Error {
  if (error.name === "AbortError") return new DOMException(error.message, error.name);
  const Kind = KINDS[error.name];
  return Kind ? new Kind(error.message) : new Error(error.message);
}
