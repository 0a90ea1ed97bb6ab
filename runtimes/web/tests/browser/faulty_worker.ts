// The library's worker with a fault put into one compute unit: faulty_worker.js?FAULT&UNIT. Test code.
import { engine } from "../../src/engine.js";
import { answer } from "../../src/rpc.js";
import { type Loaded, litert, type Runtime, type Values } from "../../src/runner.js";

const [fault, faulty] = location.search.slice(1).split("&");

const FAULTS: Record<string, (loaded: Loaded) => Loaded> = {
  "channel-order": (loaded) => onImage(loaded, (image) => image.map((_, i) => image[i - (i % 3) + 2 - (i % 3)])),
  stride: (loaded) => onImage(loaded, (image, width) => image.map((_, i) => image[Math.min(image.length - 1, i + 3 * Math.floor(i / (3 * width)))])),
  swapped: (loaded) => ({
    ...loaded,
    run: async (signature, inputs) => {
      const { alpha, path, ...others } = await loaded.run(signature, inputs);
      return { ...others, alpha: path, path: alpha };
    },
  }),
  slow: (loaded) => ({
    ...loaded,
    run: async (signature, inputs) => {
      await new Promise((resume) => setTimeout(resume, 400));
      return loaded.run(signature, inputs);
    },
  }),
};

function onImage(loaded: Loaded, change: (image: Float32Array, width: number) => Float32Array): Loaded {
  return {
    ...loaded,
    run: (signature, inputs) => {
      const { data, shape } = inputs.image as Values;
      return loaded.run(signature, { ...inputs, image: { data: change(data, shape[2]), shape } });
    },
  };
}

/** Change the weights in the middle of a file. */
function spoil(bytes: Uint8Array): Uint8Array {
  const spoilt = bytes.slice();
  const view = new DataView(spoilt.buffer);
  const middle = (spoilt.length >> 3) << 2;
  for (let at = middle; at < middle + 4096; at += 4) view.setFloat32(at, view.getFloat32(at, true) * 1.5, true);
  return spoilt;
}

const spoiled: Runtime = {
  start: litert.start,
  load: async (unit, bytes) => {
    if (unit !== faulty && faulty !== "all") return litert.load(unit, bytes);
    if (fault === "weight") return litert.load(unit, spoil(bytes));
    return FAULTS[fault](await litert.load(unit, bytes));
  },
};

answer(engine(spoiled));
