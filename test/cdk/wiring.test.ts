import { beforeAll, describe, expect, inject, it } from "vitest";
import { readAssembly } from "../../local/template/assembly.ts";
import { CHECKS } from "./checks.ts";
import { Scene } from "./scene.ts";

describe.each(inject("syntheses"))("the wiring of $stage", ({ folder }) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = new Scene((await readAssembly(folder)).stacks);
  });

  it.each(CHECKS)("$id", async ({ find }) => {
    expect(await find(scene)).toEqual([]);
  });
});
