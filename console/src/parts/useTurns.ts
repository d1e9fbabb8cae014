import { useEffect, useState } from "react";

/** A number that rises every so many seconds while `on` and while the page is looked at: for what no event tells of. */
export function useTurns(seconds: number, on = true): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => !document.hidden && setTurn((each) => each + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, on]);
  return turn;
}
