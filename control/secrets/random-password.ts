import { randomInt } from "node:crypto";
import type { GetRandomPasswordRequest } from "@aws-sdk/client-secrets-manager";
import { AwsFault } from "../protocol/fault.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const LENGTH = 32;

/** A password from the kinds of characters that are wanted; each kind occurs unless told otherwise. */
export function randomPassword(input: GetRandomPasswordRequest): string {
  const excluded = new Set(input.ExcludeCharacters ?? "");
  const kinds = [
    input.ExcludeLowercase === true ? "" : LOWER,
    input.ExcludeUppercase === true ? "" : UPPER,
    input.ExcludeNumbers === true ? "" : DIGITS,
    input.ExcludePunctuation === true ? "" : PUNCTUATION,
    input.IncludeSpace === true ? " " : "",
  ]
    .map((kind) => [...kind].filter((char) => !excluded.has(char)))
    .filter((kind) => kind.length > 0);
  const all = kinds.flat();
  if (all.length === 0)
    throw new AwsFault(
      "InvalidParameterException",
      "The password can't be generated: no character is left.",
    );
  const length = input.PasswordLength ?? LENGTH;
  const chosen: string[] = [];
  if (input.RequireEachIncludedType !== false)
    for (const kind of kinds.slice(0, length)) chosen.push(kind[randomInt(kind.length)]!);
  while (chosen.length < length) chosen.push(all[randomInt(all.length)]!);
  for (let i = chosen.length - 1; i > 0; i--) {
    const other = randomInt(i + 1);
    [chosen[i], chosen[other]] = [chosen[other]!, chosen[i]!];
  }
  return chosen.join("");
}
