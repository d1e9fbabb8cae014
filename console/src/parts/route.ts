import { useEffect, useState } from "react";

/** Where the page is: `#/training-jobs/NAME?tab=log` gives ["training-jobs", "NAME"] and what follows. */
export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function routeNow(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(routeNow);
  useEffect(() => {
    const changed = () => setRoute(routeNow());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

export function to(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

export function go(...path: string[]): void {
  location.hash = to(...path);
}

const KEPT = "sagewright-place";

/** Remember a page of ours, to be back there after a way that leads elsewhere. */
export function keepPlace(hash: string): void {
  sessionStorage.setItem(KEPT, hash);
}

/** Go to the page that was remembered, once. */
export function backToPlace(): void {
  const hash = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (hash && !location.hash) location.hash = hash;
}

/** The page of metrics, with those that have this dimension; of all namespaces where none is named. */
export function metricsOf(namespace: string, dimension: string, value: string): string {
  return `${to("metrics")}?${new URLSearchParams({ namespace, dimensions: `${dimension}=${value}` }).toString()}`;
}
