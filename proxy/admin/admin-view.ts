export type { AdminView } from "../observe/state-view.ts";
