/** pam-edge in the browser: cut-outs that check themselves and keep a budget. */

export { defaultBandPx, maskFromTrimap, trimapFromMask } from "./bands.js";
export { AT_EASE, type Choice, type Conditions, Controller, type Thermal, type Unit } from "./controller.js";
export { ArtifactError, NewerArtifactError, PamEdgeError, UnitError, UsageError } from "./errors.js";
export type { CostUnit, EntryPoint, Manifest, Mode, Precision, Provenance, Selection } from "./manifest.js";
export { type Cutout, type CutOptions, Matter, type OpenOptions, type Preparation } from "./matter.js";
export { measure, type MeasureOptions } from "./measure.js";
export { decode, type Guide, LARGEST_PIXELS, type Picture, readGrey } from "./pictures.js";
export { type Order, type PixelBuffer, toRgb } from "./pixels.js";
export type { Alpha, Grey, Rgb } from "./raster.js";
export type { Sample, SampleFile } from "./samples.js";
export type { GoldenResult } from "./self_test.js";
export { threadsOf, UNITS, type UnitName } from "./units.js";
export type { Remembered, Verdicts } from "./verdicts.js";
