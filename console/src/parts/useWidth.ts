import { useEffect, useState, type RefObject } from "react";

/** How many pixels wide an element is, as it changes; 0 until it is there. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return;
    const watching = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    watching.observe(element.current);
    return () => watching.disconnect();
  }, [element]);
  return width;
}
