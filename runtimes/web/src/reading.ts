/** Reads parsed JSON field by field; whatever is not as expected is named by where it stands. */

/** Something of a document is not as expected; the message says where, what was expected and what was found. */
export class Unexpected extends Error {}

/** A value in a document, with its place. */
export class Field {
  constructor(
    private readonly value: unknown,
    readonly place: string,
  ) {}

  /** Return a field of an object. */
  at(name: string): Field {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) throw this.not("an object");
    const own = this.value as Record<string, unknown>;
    return new Field(Object.hasOwn(own, name) ? own[name] : undefined, this.place ? `${this.place}.${name}` : name);
  }

  /** Whether it is missing or null. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** Return null if it is missing or null, else what `read` makes of it. */
  optional<T>(read: (field: Field) => T): T | null {
    return this.isAbsent ? null : read(this);
  }

  /** Return what `read` makes of each item of a list. */
  list<T>(read: (field: Field) => T, least = 0): T[] {
    if (!Array.isArray(this.value) || this.value.length < least) throw this.not(`a list of at least ${least}`);
    return this.value.map((item, index) => read(new Field(item, `${this.place}.${index}`)));
  }

  /** Return what `read` makes of each value of an object. */
  entries<T>(read: (field: Field) => T): Record<string, T> {
    this.at("");
    const found = Object.keys(this.value as object).map((name) => [name, read(this.at(name))] as const);
    return Object.fromEntries(found);
  }

  text(pattern: RegExp = /^[^]*$/, what = "text"): string {
    if (typeof this.value !== "string" || !pattern.test(this.value)) throw this.not(what);
    return this.value;
  }

  number(least: number, most: number, what = `a number from ${least} to ${most}`): number {
    if (typeof this.value !== "number" || !(this.value >= least && this.value <= most)) throw this.not(what);
    return this.value;
  }

  whole(least: number, most: number, multiple = 1): number {
    const what = `a whole number from ${least} to ${most}${multiple > 1 ? `, a multiple of ${multiple}` : ""}`;
    const found = this.number(least, most, what);
    if (!Number.isInteger(found) || found % multiple !== 0) throw this.not(what);
    return found;
  }

  flag(): boolean {
    if (typeof this.value !== "boolean") throw this.not("true or false");
    return this.value;
  }

  one<T extends string>(words: readonly T[]): T {
    const found = words.find((word) => word === this.value);
    if (found === undefined) throw this.not(`one of ${words.join(", ")}`);
    return found;
  }

  /** Return what to throw where something else was expected. */
  not(expected: string): Unexpected {
    const text = JSON.stringify(this.value);
    const found = text === undefined ? "nothing" : text.length > 60 ? `${text.slice(0, 60)}...` : text;
    return new Unexpected(`${this.place || "the file"}: expected ${expected}, found ${found}`);
  }
}
