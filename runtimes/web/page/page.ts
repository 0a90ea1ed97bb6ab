/** The page: a picture in, a cut-out out, and what it took. */

import { type Cutout, decode, type Grey, type Guide, Matter, type UnitName } from "../src/index.js";
import { flatten } from "../src/errors.js";
import { Background } from "./background.js";
import { Brush } from "./brush.js";
import { BudgetSlider } from "./budget.js";
import { Camera } from "./camera.js";
import { offerComparison, type Subject } from "./compare.js";
import { offerDevice, tellVerdict } from "./device.js";
import { choose, chosen, element, fail, onChoice, progress, save, say, show, succeed } from "./dom.js";
import { Latest } from "./latest.js";
import { keepForLater } from "./offline.js";
import { People } from "./people.js";
import { report } from "./report.js";
import { Stage } from "./stage.js";
import { unitName } from "./words.js";

/** Most pixels of a picture here; larger ones are made smaller, for a phone's memory. */
const MOST_PIXELS = 24_000_000;

/** How far the unknown edge of a mask reaches, as a share of the picture's short side: hands are less exact than models. */
const PAINTED_BAND = 0.05;
const PEOPLE_BAND = 0.03;

const NOBODY = "Nobody was found in the picture. Paint over the subject, then cut out.";

/** What is on the page. */
class Page {
  private readonly background = new Background(() => this.stage.draw());
  private readonly stage = new Stage(this.background);
  private readonly brush = new Brush(() => undefined);
  private readonly latest = new Latest();
  private readonly budget: BudgetSlider;
  private picture: ImageBitmap | null = null;
  private found: Grey | null = null;
  private cutout: Cutout | null = null;
  /** What was done to the picture, if it was too large. */
  private shrunk = "";
  private camera: Camera | null = null;

  constructor(
    private readonly matter: Matter,
    private readonly people: People,
  ) {
    this.budget = new BudgetSlider(matter.manifest, () => this.refresh());
    this.listen();
  }

  /** Take a picture. */
  async open(source: ImageBitmapSource): Promise<void> {
    this.stopCamera();
    succeed();
    await this.latest.want(async (signal) => {
      say("Reading the picture ...");
      const decoded = await decode(source);
      const whole = `${decoded.width} x ${decoded.height}`;
      const picture = await smaller(decoded);
      signal.throwIfAborted();
      this.shrunk = picture === decoded ? "" : ` Made smaller: the picture has ${whole}, and this page takes ${MOST_PIXELS / 1e6} megapixels.`;
      this.take(picture);
      await this.stage.showPicture(picture);
      show(false, "paint");
      choose("mask", "people");
      show(false, "brush");
      const why = await this.findPeople(picture);
      signal.throwIfAborted();
      if (why === null) await this.cut(signal);
      else this.askForPaint(why);
    });
  }

  /** What is to be compared; null without a picture. */
  async subject(): Promise<Subject | null> {
    const guide = this.guide();
    if (!this.picture || !guide || !this.cutout) return null;
    return { picture: await createImageBitmap(this.picture), guide, cost: this.cutout.budget ?? this.cutout.entry.predictedCost };
  }

  private take(picture: ImageBitmap): void {
    this.picture?.close();
    this.picture = picture;
    this.background.before = picture;
    this.found = null;
    this.cutout = null;
    element<HTMLButtonElement>("download").disabled = true;
    this.stage.open(picture.width, picture.height);
    this.brush.reset(picture.width, picture.height);
    show(true, "picture", "mask", "background");
    show(false, "compared");
  }

  /** Look for people; return what to tell if there is no mask, else null. */
  private async findPeople(picture: ImageBitmap): Promise<string | null> {
    say("Looking for people ...");
    try {
      this.found = await this.people.find(picture);
    } catch (error) {
      return `People cannot be found here: ${flatten(error).message} Paint over the subject, then cut out.`;
    }
    if (!this.found) return NOBODY;
    this.brush.fill(this.found);
    return null;
  }

  private guide(): Guide | null {
    const isPainted = chosen("mask") === "paint";
    const mask = isPainted ? this.brush.mask() : this.found;
    if (!mask || !this.picture) return null;
    const share = isPainted ? PAINTED_BAND : PEOPLE_BAND;
    return { mask, bandPx: Math.round(share * Math.min(this.picture.width, this.picture.height)) };
  }

  private async cut(signal: AbortSignal): Promise<void> {
    const guide = this.guide();
    if (!this.picture || !guide) return;
    say("Cutting out ...");
    const copy = await createImageBitmap(this.picture);
    const cutout = await this.matter.cutOut(copy, guide, {
      budget: this.budget.chosen.value,
      signal,
      onProgress: ({ done, needed }) => progress(needed > 1 ? done / needed : null),
    });
    signal.throwIfAborted();
    await this.present(cutout);
    say(`Cut out, ${cutout.width} x ${cutout.height} pixels.${this.shrunk}`);
  }

  private async present(cutout: Cutout): Promise<void> {
    this.cutout = cutout;
    await this.stage.showCutout(cutout);
    show(false, "paint");
    report(cutout);
    progress(null);
    succeed();
    element<HTMLButtonElement>("download").disabled = false;
  }

  private askForPaint(why: string): void {
    choose("mask", "paint");
    this.beginPainting();
    say(why);
    progress(null);
    succeed();
  }

  private beginPainting(): void {
    show(true, "brush", "paint");
    say("Paint over the subject.");
    if (this.picture) void this.stage.showPicture(this.picture);
  }

  private refresh(): void {
    if (this.camera || !this.picture || !this.guide()) return;
    void this.latest.want((signal) => this.cut(signal)).catch(fail);
  }

  private async startCamera(): Promise<void> {
    succeed();
    say("Starting the camera ...");
    this.camera = await Camera.open();
    this.shrunk = "";
    show(true, "freeze");
    const { camera } = this;
    await this.latest.want(async (signal) => {
      const [{ width, height }] = this.matter.manifest.entryPoints;
      for (let count = 0; this.camera === camera; count++) {
        const picture = await camera.frame(width, height);
        signal.throwIfAborted();
        if (count === 0) this.take(picture);
        else this.replace(picture);
        const found = await this.people.find(picture);
        this.found = found;
        if (!found) {
          await this.stage.showPicture(picture);
          say("Nobody is in the picture.");
          continue;
        }
        const copy = await createImageBitmap(picture);
        const cutout = await this.matter.cutOut(copy, { mask: found }, { budget: this.budget.chosen.value, isNext: count > 0 });
        if (this.camera === camera) await this.present(cutout);
        say("");
      }
    });
  }

  private replace(picture: ImageBitmap): void {
    this.picture?.close();
    this.picture = picture;
    this.background.before = picture;
  }

  private stopCamera(): void {
    this.camera?.close();
    this.camera = null;
    show(false, "freeze");
  }

  private listen(): void {
    const file = element<HTMLInputElement>("file");
    const attempt = (action: () => Promise<void>): void => void action().catch((error) => (this.stopCamera(), fail(error)));
    const pick = (): void => file.click();
    const button = (id: string, action: () => void): void => {
      element(id).addEventListener("click", action);
      element<HTMLButtonElement>(id).disabled = false;
    };
    for (const id of ["open", "another"]) button(id, pick);
    for (const id of ["camera", "camera-again"]) button(id, () => attempt(() => this.startCamera()));
    file.addEventListener("change", () => {
      const [picture] = file.files ?? [];
      if (picture) attempt(() => this.open(picture));
      file.value = "";
    });
    element("freeze").addEventListener("click", () => {
      this.stopCamera();
      if (this.found) this.brush.fill(this.found);
      this.refresh(); // the cut-out that is shown may be of the frame before
    });
    element("clear").addEventListener("click", () => this.brush.clear());
    element("cut").addEventListener("click", () => {
      if (this.guide()) this.refresh();
      else say("Nothing is painted yet. Paint over the subject first.");
    });
    element("download").addEventListener("click", () => attempt(() => this.download()));
    onChoice("mask", (kind) => {
      this.stopCamera();
      if (kind === "paint") this.beginPainting();
      else this.usePeople();
    });
    this.listenToDrops((picture) => attempt(() => this.open(picture)));
  }

  private usePeople(): void {
    show(false, "brush", "paint");
    if (this.found) this.refresh();
    else this.askForPaint(NOBODY);
  }

  private listenToDrops(take: (picture: Blob) => void): void {
    const stage = element("stage");
    const image = (items: DataTransfer | null): File | undefined => [...(items?.files ?? [])][0];
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("over");
    });
    document.addEventListener("dragleave", () => stage.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      const picture = image(event.dataTransfer);
      if (picture) take(picture);
    });
    document.addEventListener("paste", (event) => {
      const picture = image(event.clipboardData);
      if (picture) take(picture);
    });
  }

  private async download(): Promise<void> {
    if (!this.cutout) return;
    const content = this.background.isNone ? await this.matter.encodePng(this.cutout) : await this.background.compose(this.cutout);
    save("cut-out.png", content);
  }
}

/** Return a picture of no more pixels than the page takes. */
async function smaller(picture: ImageBitmap): Promise<ImageBitmap> {
  const scale = Math.sqrt(MOST_PIXELS / (picture.width * picture.height));
  if (scale >= 1) return picture;
  const resized = await createImageBitmap(picture, {
    resizeWidth: Math.floor(picture.width * scale),
    resizeHeight: Math.floor(picture.height * scale),
    resizeQuality: "high",
  });
  picture.close();
  return resized;
}

function tellModel({ manifest }: Matter): void {
  const { variant, mode, precision, trained, entryPoints } = manifest;
  const [{ height, width }] = entryPoints;
  const untrained = trained ? "" : " UNTRAINED: its cut-outs mean nothing.";
  element("about").textContent = `${variant}, ${mode}, ${precision}, ${width} x ${height}.${untrained}`;
}

async function main(): Promise<void> {
  await keepForLater();
  const matter = await Matter.open("model/");
  tellModel(matter);
  const unit: UnitName = globalThis.crossOriginIsolated && navigator.hardwareConcurrency > 1 ? "wasm_threads" : "wasm";
  const people = new People(unit);
  const page = new Page(matter, people);
  say("Getting the model ready ...");
  const prepared = await matter.prepare(({ done, needed, unit: tried }) => {
    say(`First visit: checking the model on ${unitName(tried)} ...`);
    progress(done / needed);
  });
  progress(null);
  say("");
  tellVerdict(prepared);
  await offerDevice(matter, prepared.unit);
  await offerComparison(matter, () => page.subject());
  await people.ready();
}

main().catch(fail);
