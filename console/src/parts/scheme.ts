import { applyMode, Mode } from "@cloudscape-design/global-styles";

export type Scheme = "system" | "light" | "dark";
const KEPT = "sagewright-scheme";
const DARK = matchMedia("(prefers-color-scheme: dark)");

export function scheme(): Scheme {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function isDark(): boolean {
  return scheme() === "dark" || (scheme() === "system" && DARK.matches);
}

function apply(): void {
  applyMode(isDark() ? Mode.Dark : Mode.Light);
  dispatchEvent(new Event("scheme"));
}

export function setScheme(chosen: Scheme): void {
  localStorage.setItem(KEPT, chosen);
  apply();
}

/** Dark where the system is, unless something else was chosen. */
export function followScheme(): void {
  apply();
  DARK.addEventListener("change", apply);
}
