/** The worker's script. */

import { engine } from "./engine.js";
import { answer } from "./rpc.js";
import { litert } from "./runner.js";

answer(engine(litert));
