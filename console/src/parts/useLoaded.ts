import { useCallback, useEffect, useRef, useState } from "react";
import { follow } from "../api/live";

export interface Loaded<T> {
  value: T | undefined;
  error: Error | undefined;
  loading: boolean;
  again: () => void;
}

/**
 * What `load` gives, and again when something of one of the `kinds` changes; of `only` that name, if one is given.
 * Changes that come while it loads make it load once more, never twice at a time; after each load it rests for so many
 * seconds, where loading is much work.
 */
export function useLoaded<T>(load: () => Promise<T>, depends: unknown[], kinds: string[] = [], only?: string, rest = 0): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: Error; loading: boolean }>({ loading: true });
  const [turn, setTurn] = useState(0);
  const loading = useRef(false);
  const wanted = useRef(false);
  const again = useCallback(() => {
    if (loading.current) wanted.current = true;
    else setTurn((each) => each + 1);
  }, []);
  useEffect(() => {
    let current = true;
    loading.current = true;
    let [timer, failed] = [0, false];
    load()
      .then(
        (value) => current && setState({ value, loading: false }),
        (error: Error) => {
          failed = true;
          if (current) setState((before) => ({ ...before, error, loading: false }));
        },
      )
      .finally(() => {
        if (current && rest && !failed) timer = window.setTimeout(rested, rest * 1000);
        else rested();
      });
    function rested(): void {
      if (!current) return;
      loading.current = false;
      if (wanted.current) {
        wanted.current = false;
        setTurn((each) => each + 1);
      }
    }
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [...depends, turn]);
  useEffect(() => {
    const stops = kinds.map((kind) => follow(kind, (name) => (only === undefined || !name || name === only) && again()));
    return () => stops.forEach((stop) => stop());
  }, [kinds.join(), only, again]);
  return { value: state.value, error: state.error, loading: state.loading, again };
}
