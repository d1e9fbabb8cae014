import { useState } from "react";
import { useLoaded, type Loaded } from "./useLoaded";

export interface Page<T> {
  items: T[];
  /** Where the next page begins, if there is one. */
  next: string | undefined;
}

export interface Pages<T> {
  loaded: Loaded<Page<T>>;
  /** What Cloudscape's Pagination takes. */
  shown: { currentPageIndex: number; pagesCount: number; openEnd: boolean; onChange: (event: { detail: { currentPageIndex: number } }) => void };
}

/** A listing a page at a time, as far as one has gone on in it. It begins anew where what it `depends` on changes. */
export function usePages<T>(load: (token: string | undefined) => Promise<Page<T>>, depends: unknown[], kinds: string[] = []): Pages<T> {
  const which = JSON.stringify(depends);
  // The tokens of the pages that are known so far; the first has none.
  const [place, setPlace] = useState<{ which: string; page: number; tokens: (string | undefined)[] }>({ which, page: 1, tokens: [undefined] });
  const { page, tokens } = place.which === which ? place : { page: 1, tokens: [undefined] };
  const loaded = useLoaded(
    async () => {
      const got = await load(tokens[page - 1]);
      const known = got.next === undefined ? tokens.slice(0, page) : [...tokens.slice(0, page), got.next, ...tokens.slice(page + 1)];
      setPlace((now) => (now.which === which && now.page !== page ? now : { which, page, tokens: known }));
      return got;
    },
    [which, page],
    kinds,
  );
  return {
    loaded,
    shown: {
      currentPageIndex: page,
      pagesCount: tokens.length,
      openEnd: page === tokens.length - 1 || loaded.value?.next !== undefined,
      onChange: ({ detail }) => setPlace({ which, page: Math.min(detail.currentPageIndex, tokens.length), tokens }),
    },
  };
}
