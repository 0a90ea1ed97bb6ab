/** Elements of the page. */

/** Return an element of the page by its id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Return which of some radio buttons is chosen. */
export function chosen(name: string): string {
  return document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`)?.value ?? "";
}

/** Choose one of some radio buttons. */
export function choose(name: string, value: string): void {
  const found = document.querySelector<HTMLInputElement>(`input[name="${name}"][value="${value}"]`);
  if (found) found.checked = true;
}

/** Call when another of some radio buttons is chosen. */
export function onChoice(name: string, action: (value: string) => void): void {
  for (const each of document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)) {
    each.addEventListener("change", () => action(each.value));
  }
}

/** Show or hide elements. */
export function show(isShown: boolean, ...ids: string[]): void {
  for (const id of ids) element(id).hidden = !isShown;
}

/** Say something that changes; screen readers read it when they are done with what they say. */
export function say(text: string): void {
  element("status").textContent = text;
}

/** Show a share of what is to be done; null hides it. */
export function progress(share: number | null): void {
  const bar = element<HTMLProgressElement>("progress");
  bar.hidden = share === null;
  bar.value = share ?? 0;
}

/** Say what went wrong, until the next thing goes well; what was given up is no fault. */
export function fail(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const box = element("error");
  box.textContent = error instanceof Error ? error.message : String(error);
  box.hidden = false;
  progress(null);
  say("");
}

/** Take the error away. */
export function succeed(): void {
  element("error").hidden = true;
}

/** Offer a file. */
export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
